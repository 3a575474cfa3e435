/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "board/lease.h"
#include "cmd/desk.h"
#include "cmd/there.h"
#include "run/talk.h"
#include "run/view.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define SWITCH_MS 30000

static const struct opt_row rows[] = {
    DESK_ROWS,
    {"reset", 'r', NULL, "Reset the board at the beginning, with the console open.", NULL},
    {"times", 't', NULL, "Put the time before each line.", NULL},
    {"view", 'V', NULL,
     "Only look on: show what the run reads that holds the board now, and leave when it has let go "
     "of "
     "the board. Nobody is disturbed.",
     NULL},
    {"log", 0, "FILE", "Append every byte of the console to FILE, too.", NULL},
    {"until", 'u', "TEXT", "Leave with exit code 0 when a line holds TEXT; 1 if --for is over.",
     NULL},
    {"for", 0, "TIME", "Leave after this long.", NULL},
    {"keys", 0, NULL, "Obey Ctrl-A though it comes through a pipe.", NULL},
    {0},
};

static const char *const examples[] = {
    "Talk to a board; Ctrl-A x leaves",
    "hil console nucleo-3",
    "See it start",
    "hil console nucleo-3 --reset --times",
    "Watch what CI does with a board",
    "hil console nucleo-3 --view",
    "In a script: send a command, wait for the answer",
    "echo version | hil console nucleo-3 --until 'version: ' --for 5s",
    NULL};

static const char *const see_also[] = {"run", "reset", "power", "boards", NULL};

struct request {
    struct desk_options desk;
    struct talk_options talk;
    const char *log;
    int64_t for_ms; /* -1: for ever */
    bool view;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken = desk_options_take(row, value, &request->desk, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    if (str_eq(row->name, "reset"))
        request->talk.reset = true;
    else if (str_eq(row->name, "view"))
        request->view = true;
    else if (str_eq(row->name, "times"))
        request->talk.times = true;
    else if (str_eq(row->name, "log"))
        request->log = value;
    else if (str_eq(row->name, "for"))
        return str_to_ms(value, "--for", &request->for_ms, err);
    else if (str_eq(row->name, "keys"))
        request->talk.keys = true;
    else if (!*value)
        return err_set(err, ERR_USAGE, "--until: every line holds nothing; name a text");
    else
        request->talk.until = value;
    return 0;
}

static int open_log(struct request *request, struct err *err)
{
    request->talk.log_fd = -1;
    if (!request->log)
        return 0;
    request->talk.log_fd = open(request->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return request->talk.log_fd < 0 ? err_sys(err, errno, "--log %s", request->log) : 0;
}

/* The board is switched on where it can be, and at rest afterwards, as after a run. */
static int converse(struct desk *desk, struct request *request, enum talk_end *ret, struct err *err)
{
    struct ctx ctx = request->for_ms >= 0 ? ctx_narrow(&desk->ctx, request->for_ms) : desk->ctx;
    struct ctx wait = ctx_narrow(&desk->ctx, SWITCH_MS);
    struct err rest_err = {0};
    int rc = board_power_on(desk->board, &wait, err);

    if (board_ends_with_us(desk->board))
        request->talk.reset = true; /* an emulator starts with its core stopped */
    if (rc == 0)
        rc = talk(desk->board, &request->talk, &ctx, ret, err);
    wait = ctx_cleanup(&desk->ctx, SWITCH_MS);
    if (board_rest(desk->board, &wait, &rest_err) < 0 && rc == 0) {
        *err = rest_err;
        rc = -(int)rest_err.code;
    }
    return rc;
}

static int check(const struct request *request, int operands, const char *second, struct err *err)
{
    if (operands > 1)
        return err_set(err, ERR_USAGE, "'%s': only one board can be talked to", second);
    if (request->view && (request->talk.reset || request->desk.wait_ms >= 0))
        return err_set(err, ERR_USAGE, "--view only looks on: it neither resets nor waits");
    return 0;
}

/* The board that is meant; of several the first that somebody holds. */
static const char *viewed(const struct inventory *inventory, const struct strv *names)
{
    for (size_t i = 0; i < names->count; i++) {
        struct holder holder;
        bool held = false;
        size_t waiting;
        lease_peek(inventory->runtime_dir, inventory->lab->name, names->items[i], &held, &holder,
                   &waiting, NULL);
        holder_done(&holder);
        if (held)
            return names->items[i];
    }
    return names->items[0];
}

static int look_on(const struct app *app, const struct request *request, const char *board,
                   enum talk_end *ret, struct err *err)
{
    struct screen screen = SCREEN_INIT(request->talk.out_fd, request->talk.log_fd,
                                       request->talk.until, request->talk.times);
    struct ctx forever = ctx_root(app->cancel_fd, NULL);
    struct ctx ctx = request->for_ms >= 0 ? ctx_narrow(&forever, request->for_ms) : forever;
    cleanup_strv struct strv names = {0};
    struct inventory inventory = {0};
    int rc = inventory_open(request->desk.lab, &inventory, err);

    if (rc == 0)
        rc = desk_choose(inventory.lab, board, &names, err);
    if (rc == 0) {
        struct view view = {.runtime_dir = inventory.runtime_dir,
                            .lab = inventory.lab->name,
                            .board = viewed(&inventory, &names),
                            .screen = &screen};
        rc = view_run(&view, &ctx, err);
    }
    *ret = screen.seen ? TALK_SEEN : TALK_OVER;
    screen_done(&screen);
    inventory_close(&inventory);
    return rc == -ERR_TIMEOUT ? 0 : rc;
}

static int take_and_talk(const struct app *app, struct request *request, const char *board,
                         struct desk **desk, enum talk_end *ret, struct err *err)
{
    struct screen screen =
        SCREEN_INIT(request->talk.out_fd, request->talk.log_fd, NULL, request->talk.times);
    int rc;

    /* What a script reads is to be its own conversation's. */
    request->desk.view = request->talk.raw ? &screen : NULL;
    rc = desk_open(app, &request->desk, board, desk, err);
    request->desk.view = NULL;
    screen_done(&screen);
    return rc == 0 ? converse(*desk, request, ret, err) : rc;
}

/* For the hil of a server. A log is written here. */
static void add_args(const struct request *request, struct strv *args)
{
    const struct talk_options *talk = &request->talk;

    desk_options_args(&request->desk, args);
    if (request->view)
        strv_add(args, "--view");
    if (talk->reset)
        strv_add(args, "--reset");
    if (talk->times)
        strv_add(args, "--times");
    if (talk->keys)
        strv_add(args, "--keys");
    if (talk->until)
        strv_addf(args, "--until=%s", talk->until);
    if (request->for_ms >= 0)
        strv_addf(args, "--for=%" PRId64 "ms", request->for_ms);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {.desk = DESK_OPTIONS_INIT,
                              .talk = {.in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO},
                              .for_ms = -1};
    struct there there = {.talks = true};
    enum talk_end end = TALK_LEFT;
    struct desk *desk = NULL;
    struct err err = {0};
    int first, code, rc;

    if (!cmd_parse(&verb_console, argc, argv, take, &request, &first, &code))
        return code;
    const char *board = first < argc ? argv[first] : NULL;
    if (check(&request, argc - first, board ? argv[first + 1] : NULL, &err) < 0)
        return cmd_fail(&verb_console, &err);
    request.talk.raw = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    request.talk.keys = request.talk.keys || request.talk.raw;
    rc = open_log(&request, &err);
    if (rc == 0) {
        add_args(&request, &there.args);
        there.log_fd = request.talk.log_fd;
        if (there_board(app, &verb_console, request.desk.lab, board, &there, &code)) {
            close_fd(&request.talk.log_fd);
            return code;
        }
        rc = request.view ? look_on(app, &request, board, &end, &err)
                          : take_and_talk(app, &request, board, &desk, &end, &err);
    }
    close_fd(&request.talk.log_fd);
    code = request.talk.until && end != TALK_SEEN ? 1 : 0;
    return desk_end(app, &verb_console, desk, rc, &err, code);
}

const struct opt_verb verb_console = {
    .name = "console",
    .operands = "[BOARD]",
    .summary = "talk to a board: its console on this terminal",
    .description =
        "Takes the board (nobody else can use it meanwhile), opens its console, and passes bytes "
        "both ways as they are. On a terminal the keys go to the board, Ctrl-C too. Ctrl-A begins "
        "an order to hil:\n\n"
        "  Ctrl-A x   leave                Ctrl-A t   times on or off\n"
        "  Ctrl-A r   reset the board      Ctrl-A a   send Ctrl-A\n"
        "  Ctrl-A p   power cycle it       Ctrl-A ?   this list\n\n"
        "Where a run has the board, a terminal shows what that one reads, until it is your turn; "
        "--view shows it and takes nothing.\n\n"
        "A console that vanishes, as a board's own USB port does at a reset, is waited for. "
        "Afterwards the board comes to rest, as after a run.",
    .rows = rows,
    .fails = "--until: its text did not come",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
