/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/reports.h"
#include "cmd/session_options.h"
#include "cmd/source_options.h"
#include "source/source.h"

#include <stdlib.h>
#include <unistd.h>

static const struct opt_row rows[] = {
    {"board", 'b', "BOARD",
     "Where to run: a board's name, or labels parted by commas that it must all have. Given "
     "several "
     "times: any of them. Without it: the lab's only board.",
     "Which boards"},
    {"all", 'a', NULL, "Run every image on every board that matches, instead of on one of them.",
     NULL},
    CMD_ROW_LAB,
    {"wait", 'w', "TIME",
     "How long to wait for a board that somebody else holds (0: not at all). Without it: the "
     "lab's lease timeout.",
     NULL},
    {"plan", 'p', "FILE", "Run the tests of a hil.yaml instead of the images named here.",
     "What to run"},
    {"at", 0, "ADDRESS", "Where a raw binary belongs, such as 0x08000000.", NULL},
    {"write", 0, "NAME",
     "Let the firmware write memory that lab.yaml guards by this name, such as option-bytes. May "
     "be "
     "given several times.",
     NULL},
    {"repeat", 0, "N", "Run everything N times.", NULL},
    {"retries", 0, "N",
     "Try a test again that did not pass, up to N times (10 at most): what failed on the same "
     "board, what the lab is to blame for on another one. Every attempt is kept.",
     NULL},
    {"flaky", 0, "pass|fail",
     "What a test is that passes only when tried again; pass, told as flaky, is the default.",
     NULL},
    {"blame", 0, NULL,
     "After a failure find out whose it is: the board's golden image (lab.yaml's health:) is run "
     "on the same board, the firmware on a sibling, and, where that leaves it open, once more on "
     "the same board. Says board, firmware or flaky; changes no verdict.",
     NULL},
    {"timeout", 't', "TIMES",
     "Deadlines: 30s for the whole test, or any of flash=2m,boot=10s,idle=30s,total=10m.", NULL},
    SOURCE_OPTIONS_ROWS,
    OPTIONS_ROWS_PARSE,
    {"nonce", 0, NULL,
     "Send a random line to firmware that asks for it with 'hil: nonce?', and let results count "
     "from where it is echoed as 'hil: nonce LINE'.",
     NULL},
    {"out", 'o', "DIR", "The run directory (hil-out). An earlier run's files in it make room.",
     "What is written"},
    {"detach", 0, NULL,
     "A test that has begun on a server's board goes on there when the connection breaks, or when "
     "this hil ends, as by Ctrl-C: hil collect has its result later.",
     "Run"},
    {"confirm", 0, NULL,
     "Once the board is taken (event state leased), wait for a line on standard input; its end "
     "gives "
     "the board back. For a program that waits for several boards and wants one.",
     NULL},
    {"events", 0, "FILE",
     "Write each event as a line of JSON to FILE as it happens, the console's lines, too; "
     "/dev/stderr lets a program follow the run.",
     NULL},
    REPORTS_ROWS,
    {"quiet", 'q', NULL, "Print the verdict only.", NULL},
    {"verbose", 'v', NULL,
     "Print each test; -vv also the external commands, -vvv also the console's lines.", NULL},
    {0},
};

static const char *const examples[] = {
    "Flash and test one image on the lab's only board",
    "hil run firmware.elf",
    "On any free board with both labels, waiting ten minutes at most",
    "hil run -b stm32f405,virtual --wait 10m firmware.hex",
    "Every ELF file of a build artifact, on every board of a type",
    "hil run -b nucleo-f446re --all 'firmware.zip:**/*.elf'",
    "The tests that a firmware repository describes",
    "hil run --plan hil.yaml",
    "Firmware that prints results in words of its own",
    "hil run --pass '^OK (?<name>.*)' --fail '^BAD (?<name>.*)' --end '^bye' fw.bin --at "
    "0x08000000",
    "What failed once more on the same board, what the lab broke on another",
    "hil run -b nucleo-f446re --retries 2 firmware.elf",
    "Believe only the results of the very image that was built",
    "hil run --require-build-id firmware.elf",
    NULL};

static const char *const see_also[] = {"replay", "boards", "image", "formats", NULL};

static int take_number(const struct opt_row *row, const char *value, uint64_t *ret, struct err *err)
{
    cleanup_free char *what = xasprintf("--%s", row->name);

    return str_to_u64(value, UINT64_MAX, what, ret, err);
}

static int take_repeat(const char *value, uint64_t *ret, struct err *err)
{
    int rc = str_to_u64(value, 100000, "--repeat", ret, err);

    return rc == 0 && !*ret ? err_set(err, ERR_USAGE, "--repeat: 0 times would test nothing") : rc;
}

static int take_retries(const char *value, int *ret, struct err *err)
{
    uint64_t retries = 0;
    int rc = str_to_u64(value, RETRIES_MAX, "--retries", &retries, err);

    *ret = (int)retries;
    return rc;
}

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct session_request *request = arg;
    struct plan_options *plan = &request->plan;
    int taken = source_options_take(row, value, &request->download, err);

    if (!taken)
        taken = options_take_parse(row, value, &plan->parse, &plan->expect, err);
    if (!taken)
        taken = reports_take(row, value, &request->reports, &request->annotations);
    if (!taken)
        taken = session_options_take(row, value, request, err);
    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    switch (row->letter) {
    case 'a':
        plan->all = true;
        return 0;
    case 'p':
        request->plan_path = value;
        return 0;
    case 't':
        return timeouts_parse(value, &plan->timeouts, err);
    default:
        break;
    }
    if (str_eq(row->name, "write"))
        strv_add(&plan->write, value);
    if (str_eq(row->name, "blame"))
        request->blame = true;
    if (str_eq(row->name, "detach"))
        request->detach = true;
    if (str_eq(row->name, "nonce"))
        plan->parse.identity.ask_nonce = true;
    if (str_eq(row->name, "repeat"))
        return take_repeat(value, &plan->repeat, err);
    if (str_eq(row->name, "retries"))
        return take_retries(value, &plan->retries, err);
    if (str_eq(row->name, "confirm")) {
        request->confirm_fd = dup(STDIN_FILENO); /* 0 would mean nobody */
        return 0;
    }
    if (str_eq(row->name, "events")) {
        request->events_path = value;
        return 0;
    }
    if (str_eq(row->name, "flaky"))
        plan->flaky = str_eq(value, "fail") ? FLAKY_FAIL : FLAKY_PASS;
    if (str_eq(row->name, "at"))
        plan->image.has_at = true;
    return str_eq(row->name, "at") ? take_number(row, value, &plan->image.at, err) : 0;
}

static int check_request(const struct session_request *request, struct err *err)
{
    bool download = download_wanted(&request->download);

    if (!request->images.count && !request->plan_path && !download)
        return err_set(
            err, ERR_USAGE,
            "no firmware: name a file to flash and test, --artifact, --release or --url, "
            "or --plan FILE");
    if (request->plan_path && download)
        return err_set(err, ERR_USAGE, "--plan names the firmware itself: fetch it first");
    if (download_check(&request->download, err) < 0)
        return -(int)ERR_USAGE;
    if (request->confirm_fd > 0 && strv_has(&request->images, SOURCE_STDIN))
        return err_set(err, ERR_USAGE, "--confirm reads standard input: firmware cannot, too");
    if (request->images.count && request->plan_path)
        return err_set(err, ERR_USAGE, "--plan names the firmware itself: '%s' is one too many",
                       request->images.items[0]);
    if (request->plan_path && request->plan.image.has_at)
        return err_set(err, ERR_USAGE, "--at is for images; in a plan, write at: beside firmware:");
    return reports_check(&request->reports, err);
}

static void request_done(struct session_request *request)
{
    if (request->confirm_fd > 0)
        close_fd(&request->confirm_fd);
    strv_done(&request->images);
    strv_done(&request->plan.write);
    strv_done(&request->plan.selectors);
    strv_done(&request->plan.expect.require);
    report_orders_done(&request->reports);
    holder_done(&request->holder);
}

static int run(const struct app *app, int argc, char **argv)
{
    __attribute__((cleanup(request_done))) struct session_request request = {
        .version = app->version,
        .out_dir = "hil-out",
        .wait_ms = -1,
        .cancel_fd = app->cancel_fd,
        .annotations = reports_annotations_auto(),
        .download = {DOWNLOAD_DEFAULTS, .version = app->version},
        .plan = {PLAN_OPTIONS_DEFAULTS},
    };
    struct err err = {0};
    enum verdict verdict;
    int first, code;

    if (!cmd_parse(&verb_run, argc, argv, take, &request, &first, &code))
        return code;
    for (int i = first; i < argc; i++)
        strv_add(&request.images, str_eq(argv[i], "-") ? SOURCE_STDIN : argv[i]);
    if (check_request(&request, &err) < 0)
        return cmd_fail(&verb_run, &err);
    holder_self(app->argc, app->argv, &request.holder);
    request.term = term_open(request.reports.to_stdout ? stderr : stdout);
    code = session_run(&request, &verdict, &err) < 0 ? cmd_fail(&verb_run, &err)
                                                     : verdict_exit_code(verdict);
    return cmd_exit(app, code);
}

const struct opt_verb verb_run = {
    .name = "run",
    .operands = "FIRMWARE...",
    .summary = "flash firmware to a board, run its tests, report the results",
    .description =
        "Takes a free board, flashes and verifies the image, resets the board, reads its console "
        "until the firmware says that it is done, and turns what it printed into results: "
        "junit.xml, report.json, report.html, summary.md, events.jsonl and the raw UART log, all "
        "in the run directory. In GitHub Actions the summary goes onto the job's page, too.\n\n"
        "FIRMWARE is an ELF, Intel HEX, S-record or UF2 file, a raw binary (with --at), a pattern, "
        "or a member of an archive, 'out.zip:**/*.elf'; - is a file that comes through a pipe. "
        "Several images go through a queue that "
        "keeps every matching board busy.\n\n"
        "A board that cannot be flashed is tried again, brought into its bootloader, reset by USB, "
        "and switched off and on, as far as lab.yaml gives it the means. One that is there and "
        "that "
        "nothing helps goes into quarantine (hil boards).\n\n"
        "The verdict is pass, fail (the firmware is to blame) or infra (the lab is). No tests, an "
        "unfinished run or a report that cannot be written never pass.",
    .rows = rows,
    .fails = "fail: the firmware is to blame",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
