/* SPDX-License-Identifier: MIT */
#include "doctor/doctor.h"

#include "base/json.h"
#include "base/str.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/there.h"

#include <stdio.h>

#define TIME_MS 60000

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    CMD_ROW_JSON,
    THERE_ROW_SERVER,
    {"quiet", 'q', NULL, "Show only what is to be mended.", NULL},
    {"token-file", 0, "FILE", "Ask GitHub about the token in FILE. Without it: of GITHUB_TOKEN.",
     NULL},
    {0},
};

static const char *const examples[] = {"What is wrong here, and what mends it", "hil doctor", NULL};

static const char *const see_also[] = {"boards", "drivers", NULL};

struct request {
    struct doctor_request doctor;
    const char *server;
    bool json, quiet;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    (void)err;
    if (row->letter == 'l')
        request->doctor.lab = value;
    else if (row->letter == 'q')
        request->quiet = true;
    else if (str_eq(row->name, "json"))
        request->json = true;
    else if (str_eq(row->name, "server"))
        request->server = value;
    else
        request->doctor.token_file = value;
    return 0;
}

static int print_json(const struct findings *findings, struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_key(&out, "findings");
    json_array(&out);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_object(&out);
        json_kv_string(&out, "level", finding_level_names[finding->level]);
        json_kv_string(&out, "check", finding->check);
        json_kv_string(&out, "what", finding->what);
        json_kv_string(&out, "mend", finding->mend);
        json_object_end(&out);
    }
    json_array_end(&out);
    return cmd_json_end(&out, err);
}

/* A message of several lines (lab.yaml's mistakes) stays below its first. */
static void print_lines(const char *text)
{
    for (const char *at = text; *at; at++) {
        putchar(*at);
        if (*at == '\n')
            fputs("                 ", stdout);
    }
    putchar('\n');
}

static void print(const struct findings *findings, bool quiet)
{
    static const enum term_style styles[] = {TERM_GREEN, TERM_DIM, TERM_YELLOW, TERM_RED};
    struct term term = term_open(stdout);
    size_t counts[4] = {0};

    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        counts[finding->level]++;
        if (quiet && finding->level < FINDING_WARN)
            continue;
        printf("%s%-4s%s  %-9s  ", term_style(&term, styles[finding->level]),
               finding_level_names[finding->level], term_style(&term, TERM_PLAIN), finding->check);
        print_lines(finding->what);
        if (finding->mend) {
            printf("%17s%s->%s ", "", term_style(&term, TERM_BOLD), term_style(&term, TERM_PLAIN));
            print_lines(finding->mend);
        }
    }
    if (!quiet || counts[FINDING_BAD] || counts[FINDING_WARN])
        printf("%s%zu bad, %zu to watch, %zu well\n", quiet ? "" : "\n", counts[FINDING_BAD],
               counts[FINDING_WARN], counts[FINDING_OK]);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {.doctor = {.version = app->version, .root = ""}};
    struct ctx root = ctx_root(app->cancel_fd, NULL), ctx = ctx_narrow(&root, TIME_MS);
    struct findings findings;
    struct err err = {0};
    int first, code, rc = 0, signal;

    if (!cmd_parse(&verb_doctor, argc, argv, take, &request, &first, &code))
        return code;
    if (first < argc) {
        err_set(&err, ERR_USAGE, "'%s': doctor takes no operands", argv[first]);
        return cmd_fail(&verb_doctor, &err);
    }
    if (request.server) {
        struct there there = {.programmer_args = "--version"};
        if (request.json)
            strv_add(&there.args, "--json");
        if (request.quiet)
            strv_add(&there.args, "--quiet");
        return there_server(app, &verb_doctor, request.doctor.lab, request.server, &there);
    }
    doctor_examine(&request.doctor, &ctx, &findings);
    if (request.json)
        rc = print_json(&findings, &err);
    else
        print(&findings, request.quiet);
    code = 0;
    for (size_t i = 0; i < findings.count; i++)
        if (findings.items[i].level == FINDING_BAD)
            code = err_exit_code(ERR_TOOL);
    findings_done(&findings);
    signal = cmd_cancel_signal(app);
    if (signal)
        return 128 + signal;
    return rc < 0 ? cmd_fail(&verb_doctor, &err) : code;
}

const struct opt_verb verb_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "say what is wrong with this host, and the command that mends it",
    .description =
        "Looks at lab.yaml, the programs that its drivers run and their versions, what is plugged "
        "in "
        "(rights, autosuspend, devices that share a serial number, hubs that cannot switch though "
        "lab.yaml has power from them), the USB serial ports (rights, who holds them, "
        "ModemManager, "
        "autosuspend), what hil watch would do, free space, the clock, libraries, and, where there "
        "is one, the GitHub token: what it may do, and whether it sees the repositories that are "
        "watched. Changes nothing and touches no board.\n\n"
        "Each finding is ok, note, warn (will hurt one day) or bad (runs fail because of it); "
        "behind the arrow stands what mends it. The exit code is 3 where something is bad, else 0.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
