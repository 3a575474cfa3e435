/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include "base/fs.h"
#include "base/str.h"

#include <stddef.h>
#include <unistd.h>

const struct report_format *const report_formats[] = {&report_junit, &report_json, NULL};

int report_write(const struct report_format *format, const struct run_result *run, const char *path,
                 struct err *err)
{
    struct fs_draft draft;
    int rc;

    if (str_eq(path, "-")) {
        rc = format->write(run, STDOUT_FILENO, err);
        return rc < 0 ? err_wrap(err, "standard output") : 0;
    }
    rc = fs_draft_open(&draft, path, err);
    if (rc < 0)
        return rc;
    rc = format->write(run, draft.fd, err);
    if (rc == 0)
        return fs_draft_commit(&draft, err);
    fs_draft_abort(&draft);
    return err_wrap(err, "%s", path);
}
