/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "report/report.h"
#include "run/replay.h"

static const struct opt_row rows[] = {
    OPTIONS_ROWS_PARSE,
    {"junit", 0, "FILE", "Write a JUnit report (-: standard output).", "What is written"},
    {"json", 0, "FILE", "Write a JSON report (-: standard output).", NULL},
    {"quiet", 'q', NULL, "Print the verdict only.", NULL},
    {0},
};

static const char *const examples[] = {
    "Look at a run again, as a CI job uploaded it", "hil replay hil-out",
    "A log that some other tool captured", "hil replay --format unity --junit junit.xml uart.log",
    "From a pipe", "ssh pi cat uart.log | hil replay -", NULL};

static const char *const see_also[] = {"run", "formats", NULL};

struct request {
    struct replay_options replay;
    struct strv junit, json;
    bool quiet;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken =
        options_take_parse(row, value, &request->replay.parse, &request->replay.expect, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    if (row->letter == 'q')
        request->quiet = true;
    else if (str_eq(row->name, "junit"))
        strv_add(&request->junit, value);
    else
        strv_add(&request->json, value);
    return 0;
}

static int write_all(const struct report_format *format, const struct strv *paths,
                     const struct run_result *run, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < paths->count && rc == 0; i++)
        rc = report_write(format, run, paths->items[i], err);
    return rc;
}

static int replay(const struct request *request, char *const *paths, int count, struct err *err)
{
    bool to_stdout = strv_has(&request->junit, "-") || strv_has(&request->json, "-");
    struct term term = term_open(to_stdout ? stderr : stdout);
    struct run_result run = {0};
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        rc = replay_path(paths[i], &request->replay, &run, err);
    if (rc == 0)
        rc = write_all(&report_junit, &request->junit, &run, err);
    if (rc == 0)
        rc = write_all(&report_json, &request->json, &run, err);
    if (rc == 0 && request->quiet)
        fprintf(term.out, "%s\n", verdict_name(run.verdict));
    else if (rc == 0)
        report_terminal(&run, NULL, &term);
    if (rc == 0)
        rc = verdict_exit_code(run.verdict);
    run_result_done(&run);
    return rc;
}

static void request_done(struct request *request)
{
    strv_done(&request->junit);
    strv_done(&request->json);
    strv_done(&request->replay.expect.require);
}

static int run(const struct app *app, int argc, char **argv)
{
    __attribute__((cleanup(request_done))) struct request request = {0};
    struct err err = {0};
    int first, code;

    (void)app;
    if (!cmd_parse(&verb_replay, argc, argv, take, &request, &first, &code))
        return code;
    if (first == argc) {
        err_set(&err, ERR_USAGE, "no log: name a uart.log, a run directory, or - for standard input");
        return cmd_fail(&verb_replay, &err);
    }
    code = replay(&request, argv + first, argc - first, &err);
    return code < 0 ? cmd_fail(&verb_replay, &err) : code;
}

const struct opt_verb verb_replay = {
    .name = "replay",
    .operands = "LOG|RUN-DIRECTORY...",
    .summary = "parse a captured UART log again, without a board",
    .description =
        "Reads a raw log, or a run directory as hil run wrote it, through the same parser and the "
        "same rules as a live run, and ends with the same results and exit code. A run directory "
        "brings its own format, times and expectations; options given here win over them.\n\n"
        "A file's end counts as the end of the stream: a log without the firmware's end marker is "
        "a fail.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
