/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/source_options.h"
#include "conf/name.h"
#include "run/flashing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_MAX 1000

static const struct opt_row rows[] = {
    {"board", 'b', "BOARD",
     "Where images without BOARD= go: a board's name, or labels parted by commas: every board that "
     "has them all. May be given several times. Without it: the lab's only board.",
     "Which boards"},
    CMD_ROW_LAB,
    {"server", 0, "NAME", "Boards are names on this server of lab.yaml: dfu1 is NAME/dfu1.", NULL},
    {"wait", 'w', "TIME",
     "How long to wait for a board that somebody else holds (0: not at all). Without it: the "
     "lab's lease timeout.",
     NULL},
    {"max-parallel", 0, "N",
     "Flash at most N boards at once. Without it: lab.yaml's max-parallel, which can also limit "
     "those on one hub and on one USB controller.",
     NULL},
    {"at", 0, "ADDRESS", "Where a raw binary belongs, such as 0x08000000.", "What is done"},
    {"write", 0, "NAME",
     "Let the firmware write memory that lab.yaml guards by this name, such as option-bytes. May "
     "be "
     "given several times.",
     NULL},
    {"if-changed", 0, NULL,
     "Compare first, and leave a board alone that has the image already. Where its way of flashing "
     "cannot tell, it is flashed, and a note says so.",
     NULL},
    {"no-reset", 0, NULL, "Do not start the firmware.", NULL},
    {"timeout", 't', "TIMES",
     "Deadlines: flash=2m for comparing, writing and verifying one board each, lease=10m for its "
     "turn.",
     NULL},
    SOURCE_OPTIONS_ROWS,
    SOURCE_OPTIONS_REQUIRE,
    {"out", 'o', "DIR",
     "Keep what the flashing tools printed here, in BOARD/flash.log. Without it that is kept of "
     "boards that failed, in a temporary directory.",
     "What is written"},
    {"events", 0, "FILE", "Write each event as a line of JSON to FILE as it happens.", NULL},
    CMD_ROW_JSON,
    {"quiet", 'q', NULL, "Print errors only.", NULL},
    {"verbose", 'v', NULL, "Print each step; -vv also the external commands.", NULL},
    {0},
};

static const char *const examples[] = {
    "Two boards of another host",
    "hil flash --server pi1 dfu1=bin/dfu.hex g0=bin/g0.hex",
    "One image on the lab's only board",
    "hil flash firmware.elf",
    "Two boards at once, each its own",
    "hil flash sensor-1=node.hex gateway=out.zip:gateway.elf",
    "Every board of a type, but those that have it already",
    "hil flash --if-changed nucleo-f446re=firmware.elf",
    "The latest release onto the whole class's boards, four at a time",
    "hil flash -b student --max-parallel 4 --repo owner/name --release latest --asset 'fw-*.hex'",
    NULL};

static const char *const see_also[] = {"run", "drivers", "image", "boards", NULL};

struct options {
    struct flashing_request request;
    bool json;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;
    struct flashing_request *request = &options->request;
    int taken = source_options_take(row, value, &request->download, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    switch (row->letter) {
    case 'b':
        strv_add(&request->plan.selectors, value);
        return 0;
    case 'l':
        request->lab = value;
        return 0;
    case 'w':
        return str_to_ms(value, "--wait", &request->wait_ms, err);
    case 't':
        return timeouts_parse(value, &request->plan.timeouts, err);
    case 'o':
        request->out_dir = value;
        return 0;
    case 'q':
        request->verbosity = -1;
        return 0;
    case 'v':
        request->verbosity++;
        return 0;
    default:
        break;
    }
    if (str_eq(row->name, "json"))
        options->json = true;
    else if (str_eq(row->name, "if-changed"))
        request->if_changed = true;
    else if (str_eq(row->name, "server"))
        request->server = value;
    else if (str_eq(row->name, "events"))
        request->events_path = value;
    else if (str_eq(row->name, "no-reset"))
        request->no_reset = true;
    else if (str_eq(row->name, "write"))
        strv_add(&request->plan.write, value);
    else if (str_eq(row->name, "max-parallel"))
        return str_to_u64(value, PARALLEL_MAX, "--max-parallel", &request->max_parallel, err);
    request->plan.image.has_at = request->plan.image.has_at || str_eq(row->name, "at");
    return str_eq(row->name, "at")
               ? str_to_u64(value, UINT64_MAX, "--at", &request->plan.image.at, err)
               : 0;
}

/* "pi1/nucleo-3", and no file in a directory pi1. */
static bool is_servers_board(const char *operand, const char *equals)
{
    cleanup_free char *board = xstrndup(operand, (size_t)(equals - operand));
    char *slash = strchr(board, '/');

    if (!slash)
        return false;
    *slash = '\0';
    return name_valid(board) && name_valid(slash + 1) && !fs_exists(board);
}

/* "BOARD=FIRMWARE"; a file of that very name is one, and a path with a '=' has a '/' before it. */
static struct flash_order order_of(const char *operand, char **ret_board)
{
    const char *equals = strchr(operand, '=');

    *ret_board = NULL;
    if (!equals || equals == operand || fs_exists(operand) ||
        (memchr(operand, '/', (size_t)(equals - operand)) && !is_servers_board(operand, equals)))
        return (struct flash_order){.firmware = operand};
    *ret_board = xstrndup(operand, (size_t)(equals - operand));
    return (struct flash_order){.board = *ret_board, .firmware = equals + 1};
}

static int check_request(const struct flashing_request *request, struct err *err)
{
    if (!request->order_count)
        return err_set(err, ERR_USAGE,
                       "no firmware: name BOARD=FIRMWARE, a FIRMWARE, or --artifact, --release or "
                       "--url");
    for (size_t i = 0; i < request->order_count; i++)
        if (request->orders[i].firmware && !*request->orders[i].firmware)
            return err_set(err, ERR_USAGE, "%s=: which firmware?", request->orders[i].board);
    return download_check(&request->download, err) < 0 ? -(int)ERR_USAGE : 0;
}

/* ---- what came of it --------------------------------------------------------------------- */

static const char *const outcomes[] = {
    [FLASH_FAILED] = "failed", [FLASH_DONE] = "flashed", [FLASH_UNCHANGED] = "unchanged"};

static int print_json(const struct flash_result *results, size_t count, struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_key(&out, "boards");
    json_array(&out);
    for (size_t i = 0; i < count; i++) {
        json_object(&out);
        json_kv_string(&out, "board", results[i].board);
        json_kv_string(&out, "outcome", outcomes[results[i].outcome]);
        json_kv_string(&out, "reason", results[i].reason);
        json_kv_string(&out, "firmware", results[i].firmware);
        json_kv_string(&out, "sha256", results[i].sha256);
        json_kv_int(&out, "bytes", (int64_t)results[i].bytes);
        json_key(&out, "seconds");
        json_double(&out, (double)results[i].took_us / 1e6, 3);
        json_kv_string(&out, "log", results[i].log);
        json_object_end(&out);
    }
    json_array_end(&out);
    return cmd_json_end(&out, err);
}

/* "3 boards flashed, 1 unchanged, 1 failed" */
static void print_sum(const size_t sums[3])
{
    static const enum flash_outcome order[] = {FLASH_DONE, FLASH_UNCHANGED, FLASH_FAILED};
    bool first = true;

    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        size_t n = sums[order[i]];
        if (!n)
            continue;
        printf("%s%zu ", first ? "" : ", ", n);
        printf("%s%s", first ? (n == 1 ? "board " : "boards ") : "", outcomes[order[i]]);
        first = false;
    }
    printf("\n");
}

/* The live view has told of each board already. */
static int print_results(const struct options *options, const struct flash_result *results,
                         size_t count, struct err *err)
{
    size_t sums[3] = {0};

    for (size_t i = 0; i < count; i++) {
        sums[results[i].outcome]++;
        if (options->request.verbosity < 0 && results[i].outcome == FLASH_FAILED) {
            cleanup_free char *clean = text_clean_dup(results[i].reason, SIZE_MAX, TEXT_ONE_LINE);
            fprintf(stderr, "hil flash: %s: %s\n", results[i].board, clean);
        }
    }
    if (options->json)
        return print_json(results, count, err);
    if (options->request.verbosity >= 0 && count > 1)
        print_sum(sums);
    return 0;
}

static int flash(struct options *options, struct err *err)
{
    struct flash_result *results;
    size_t count, failed = 0;
    int rc = flashing_run(&options->request, &results, &count, err);

    if (rc == 0)
        rc = print_results(options, results, count, err);
    for (size_t i = 0; i < count; i++)
        failed += results[i].outcome == FLASH_FAILED;
    flashing_done(results, count);
    if (rc < 0)
        return cmd_fail(&verb_flash, err);
    return failed ? err_exit_code(ERR_TOOL) : 0;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {
        .request = {.wait_ms = -1,
                    .cancel_fd = app->cancel_fd,
                    .download = {DOWNLOAD_DEFAULTS, .version = app->version},
                    .plan = {.retries = -1, .flaky = -1, .timeouts = {-1, -1, -1, -1, -1}}},
    };
    struct flashing_request *request = &options.request;
    struct err err = {0};
    int first, code;

    if (!cmd_parse(&verb_flash, argc, argv, take, &options, &first, &code)) {
        strv_done(&request->plan.selectors);
        strv_done(&request->plan.write);
        return code;
    }
    size_t count = (size_t)(argc - first), fetched = download_wanted(&request->download);
    struct flash_order *orders = xcalloc(count + fetched + 1, sizeof *orders);
    char **boards = xcalloc(count + 1, sizeof *boards);
    for (size_t i = 0; i < count; i++)
        orders[i] = order_of(argv[(size_t)first + i], &boards[i]);
    request->orders = orders; /* the last one is the download */
    request->order_count = count + fetched;
    holder_self(app->argc, app->argv, &request->holder);
    request->term = term_open(options.json ? stderr : stdout);
    code = check_request(request, &err) < 0 ? cmd_fail(&verb_flash, &err) : flash(&options, &err);
    for (size_t i = 0; i < count; i++)
        free(boards[i]);
    free(boards);
    free(orders);
    holder_done(&request->holder);
    strv_done(&request->plan.selectors);
    strv_done(&request->plan.write);
    return cmd_exit(app, code);
}

const struct opt_verb verb_flash = {
    .name = "flash",
    .operands = "[BOARD=]FIRMWARE...",
    .summary = "put firmware onto boards, several at once, without testing",
    .description =
        "Writes an image to each board named, verifies it, and resets the board, all boards at "
        "once or as many as max-parallel lets. BOARD is a name, or labels parted by commas, which "
        "mean every board that has them all. FIRMWARE is what hil run takes; it must be one image, "
        "and a board gets only one.\n\n"
        "Everything is checked before the first board is touched: that the boards are there in "
        "lab.yaml, that files are whole, that images fit. Then a board that fails does not keep "
        "the others from theirs; exit code 3 says that one did.\n\n"
        "A board stays as it was found, on or off, where its switch can tell; an emulated one is "
        "on only while hil lives.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
