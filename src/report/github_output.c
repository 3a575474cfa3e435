/* SPDX-License-Identifier: MIT */
/* A step's outputs, for the steps and jobs after it. */
#include "base/fs.h"
#include "base/str.h"
#include "report/report.h"
#include "report/step_file.h"
#include "result/result.h"

int report_step_outputs(const struct run_result *run, const char *out_dir, const char *path,
                        struct err *err)
{
    struct test_counts counts = run_counts(run);
    cleanup_free char *tests = xasprintf("%zu", counts.total);
    cleanup_free char *failures = xasprintf("%zu", counts.fail);
    cleanup_free char *errors = xasprintf("%zu", counts.error);
    cleanup_free char *flaky = xasprintf("%zu", counts.flaky);
    cleanup_free char *junit = fs_join(out_dir, report_junit.file);
    cleanup_free char *report = fs_join(out_dir, report_json.file);
    const struct step_output outputs[] = {{"verdict", verdict_name(run->verdict)},
                                          {"tests", tests},
                                          {"failures", failures},
                                          {"errors", errors},
                                          {"flaky", flaky},
                                          {"junit", junit},
                                          {"report", report}};

    return path ? step_outputs_add(path, outputs, ARRAY_SIZE(outputs), err) : 0;
}
