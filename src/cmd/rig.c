/* SPDX-License-Identifier: MIT */
#include "serve/rig.h"

#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/source_options.h"

#include <stdio.h>

#define COUNT_MAX 1000000
#define PARALLEL_MAX 1000
#define DAY_MS INT64_C(86400000)

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"at", 0, "ADDRESS", "Where a raw binary belongs, such as 0x08000000.", NULL},
    {"again", 0, NULL,
     "Flash boards that are done with this firmware, too. What identity they have they keep.",
     "What is done"},
    {"no-provision", 0, NULL, "Draw and write no identities.", NULL},
    {"max-parallel", 0, "N", "Flash at most N boards at once, over lab.yaml's rig.", NULL},
    {"once", 0, NULL,
     "Do what is plugged in now, and end with the verdict when no board has anything left to do.",
     NULL},
    {"count", 0, "N", "End when N boards are done.", NULL},
    SOURCE_OPTIONS_ROWS,
    SOURCE_OPTIONS_REQUIRE,
    {"summary", 0, "FILE", "Write the shift's summary here at the end: NAME.csv or NAME.json.",
     "What is told"},
    {"report", 0, NULL, "Do nothing but sum up what the store knows of the last day.", NULL},
    {"since", 0, "TIME", "With --report: of the last 8h, 30m, 168h.", NULL},
    {"json", 0, NULL, "Write the summary as JSON, for a program to read.", NULL},
    {"csv", 0, NULL, "With --report: as CSV, a line for each try.", NULL},
    {"quiet", 'q', NULL, "Print errors only.", NULL},
    {0},
};

static const char *const examples[] = {
    "What lab.yaml's rig: says, all day",
    "hil rig",
    "This firmware instead",
    "hil rig build/app.hex",
    "Fifty boards with the latest release, and a list of them",
    "hil rig --count 50 --repo owner/name --release latest --asset 'fw-*.hex' --summary batch.csv",
    "Only what is plugged in now",
    "hil rig --once app.elf",
    "What did the day bring?",
    "hil rig --report --since 12h",
    NULL};

static const char *const see_also[] = {"pool", "watch", "flash", "drivers", NULL};

struct options {
    struct rig_request request;
    struct rig_report_request report;
    bool reports;
};

static bool take_flag(struct options *options, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"again", &options->request.again}, {"no-provision", &options->request.no_provision},
        {"once", &options->request.once},   {"report", &options->reports},
        {"json", &options->request.json},   {"csv", &options->report.csv},
        {"quiet", &options->request.quiet},
    };

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (str_eq(name, flags[i].name)) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;
    struct rig_request *request = &options->request;
    int taken = source_options_take(row, value, &request->download, err);

    if (taken)
        return taken < 0 ? taken : 0;
    if (take_flag(options, row->name))
        return 0;
    if (str_eq(row->name, "lab"))
        request->lab = value;
    else if (str_eq(row->name, "summary"))
        request->summary = value;
    else if (str_eq(row->name, "at"))
        request->image.has_at = true;
    if (str_eq(row->name, "at"))
        return str_to_u64(value, UINT64_MAX, "--at", &request->image.at, err);
    if (str_eq(row->name, "count"))
        return str_to_u64(value, COUNT_MAX, "--count", &request->count, err);
    if (str_eq(row->name, "max-parallel"))
        return str_to_u64(value, PARALLEL_MAX, "--max-parallel", &request->max_parallel, err);
    if (str_eq(row->name, "since"))
        return str_to_ms(value, "--since", &options->report.since_ms, err);
    return 0;
}

static int check(const struct options *options, struct err *err)
{
    const struct rig_request *request = &options->request;

    if (request->firmware && download_wanted(&request->download))
        return err_set(err, ERR_USAGE, "firmware comes from '%s' or from afar, not both",
                       request->firmware);
    if (download_wanted(&request->download) && download_check(&request->download, err) < 0)
        return -(int)err->code;
    if (request->summary && !str_ends(request->summary, ".csv") &&
        !str_ends(request->summary, ".json"))
        return err_set(err, ERR_USAGE, "--summary: '%s' must end in .csv or .json",
                       request->summary);
    if ((options->report.since_ms || options->report.csv) && !options->reports)
        return err_set(err, ERR_USAGE, "%s goes with --report",
                       options->report.csv ? "--csv" : "--since");
    if (options->report.csv && request->json)
        return err_set(err, ERR_USAGE, "one of --json and --csv");
    return 0;
}

static int report(struct options *options, struct err *err)
{
    struct rig_report_request *request = &options->report;

    request->lab = options->request.lab;
    request->json = options->request.json;
    request->term = term_open(stdout);
    if (!request->since_ms)
        request->since_ms = DAY_MS;
    return rig_report(request, err) < 0 ? cmd_fail(&verb_rig, err) : 0;
}

static int rig(struct options *options, struct err *err)
{
    enum verdict verdict = VERDICT_INFRA;
    int rc;

    if (check(options, err) < 0)
        return cmd_fail(&verb_rig, err);
    if (options->reports)
        return report(options, err);
    options->request.term = term_open(options->request.json ? stderr : stdout);
    rc = rig_run(&options->request, &verdict, err);
    if (rc == -ERR_CANCELLED)
        return 0; /* the signal is the exit code */
    return rc < 0 ? cmd_fail(&verb_rig, err) : verdict_exit_code(verdict);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {
        .request = {.cancel_fd = app->cancel_fd,
                    .download = {DOWNLOAD_DEFAULTS, .version = app->version}}};
    struct err err = {0};
    int first, code = 0;

    if (cmd_parse(&verb_rig, argc, argv, take, &options, &first, &code)) {
        holder_self(app->argc, app->argv, &options.request.holder);
        options.request.firmware = first < argc ? argv[first] : NULL;
        if (argc - first > 1) {
            err_set(&err, ERR_USAGE, "'%s': every board gets one and the same firmware",
                    argv[first + 1]);
            code = cmd_fail(&verb_rig, &err);
        } else {
            code = rig(&options, &err);
        }
        holder_done(&options.request.holder);
        code = cmd_exit(app, code);
    }
    return code;
}

const struct opt_verb verb_rig = {
    .name = "rig",
    .operands = "[FIRMWARE]",
    .summary = "flash every board that is plugged in, one after the other, all day",
    .description =
        "The production table: a board that is plugged in and matches lab.yaml's rig: is flashed "
        "at once, each hub port a slot of its own, as many at a time as max-parallel lets; then "
        "its identities are given, and its tests run where that is wanted. Done boards may be "
        "unplugged, and are known when they come back. One that is pulled early starts from the "
        "beginning when it returns.\n\n"
        "Identities (MAC addresses, serial numbers, keys) come from pools, which hil pool fills. "
        "They are drawn before anything is written, read back, and never given twice.\n\n"
        "On a terminal a table shows all slots; elsewhere each change is a line. At the end there "
        "is a summary. SIGHUP reads lab.yaml and the firmware again; SIGTERM ends it within three "
        "seconds.\n\n"
        "  rig:\n"
        "    match: {id: ['0483:df11'], hub: 1-1}\n"
        "    firmware: app.elf\n"
        "    flash: {dfu: {path: '{path}', serial: '{serial}'}}\n"
        "    max-parallel: 8\n"
        "    provision:\n"
        "      - {pool: macs, patch: {at: 0x0800ff00}}\n"
        "    on-fail: [notify-send, 'slot {slot}', '{reason}']",
    .rows = rows,
    .fails = "with --once and --count, fail: a board did not pass its tests",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
