/* SPDX-License-Identifier: MIT */
#include "cmd/desk.h"
#include "cmd/there.h"

#define SWITCH_MS 30000

static const struct opt_row rows[] = {DESK_ROWS, {0}};

static const char *const examples[] = {"Start a board's firmware anew", "hil reset nucleo-3", NULL};

static const char *const see_also[] = {"power", "console", NULL};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    return desk_options_take(row, value, arg, err) < 0 ? -(int)err->code : 0;
}

static int reset(struct desk *desk, struct err *err)
{
    struct ctx wait = ctx_narrow(&desk->ctx, SWITCH_MS);

    if (board_ends_with_us(desk->board))
        return err_set(err, ERR_USAGE,
                       "%s is emulated, and on only while hil uses it; try: hil console %s",
                       board_conf(desk->board)->name, board_conf(desk->board)->name);
    return board_reset(desk->board, &wait, err);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct desk_options options = DESK_OPTIONS_INIT;
    struct there there = {0};
    struct desk *desk = NULL;
    const char *board;
    struct err err = {0};
    int first, code, rc;

    if (!cmd_parse(&verb_reset, argc, argv, take, &options, &first, &code))
        return code;
    if (argc - first > 1) {
        err_set(&err, ERR_USAGE, "'%s': only one board can be reset", argv[first + 1]);
        return cmd_fail(&verb_reset, &err);
    }
    board = first < argc ? argv[first] : NULL;
    desk_options_args(&options, &there.args);
    if (there_board(app, &verb_reset, options.lab, board, &there, &code))
        return code;
    rc = desk_open(app, &options, board, &desk, &err);
    if (rc == 0)
        rc = reset(desk, &err);
    return desk_end(app, &verb_reset, desk, rc, &err, 0);
}

const struct opt_verb verb_reset = {
    .name = "reset",
    .operands = "[BOARD]",
    .summary = "reset a board and let it run",
    .description = "Takes the board, so that no run is disturbed, and resets it by its reset "
                   "driver, or where it has none by switching it off and on.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
