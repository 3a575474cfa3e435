/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "cmd/desk.h"
#include "cmd/there.h"

#include <inttypes.h>
#include <stdio.h>

#define SWITCH_MS 30000
#define OFF_MS 1000 /* capacitors want that */

static const struct opt_row rows[] = {
    DESK_ROWS,
    {"off-time", 0, "TIME", "How long cycle leaves it off (1s).", NULL},
    {0},
};

static const char *const examples[] = {"Off and on again", "hil power nucleo-3 cycle", "Is it on?",
                                       "hil power nucleo-3 status", NULL};

static const char *const see_also[] = {"reset", "console", "boards", NULL};

struct request {
    struct desk_options desk;
    int64_t off_ms;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken = desk_options_take(row, value, &request->desk, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    return str_to_ms(value, "--off-time", &request->off_ms, err);
}

static int on(struct board *board, const struct request *request, const struct ctx *ctx,
              struct err *err)
{
    (void)request;
    return board_power_on(board, ctx, err);
}

static int off(struct board *board, const struct request *request, const struct ctx *ctx,
               struct err *err)
{
    (void)request;
    return board_power_off(board, ctx, err);
}

static int cycle(struct board *board, const struct request *request, const struct ctx *ctx,
                 struct err *err)
{
    int rc = board_power_off(board, ctx, err);

    if (rc == 0)
        rc = ctx_sleep(ctx, request->off_ms, err);
    return rc == 0 ? board_power_on(board, ctx, err) : rc;
}

static int status(struct board *board, const struct request *request, const struct ctx *ctx,
                  struct err *err)
{
    bool is_on = false;
    int rc = board_is_on(board, ctx, &is_on, err);

    (void)request;
    if (rc == 0)
        puts(is_on ? "on" : "off");
    return rc;
}

static const struct order {
    const char *name;
    int (*run)(struct board *board, const struct request *request, const struct ctx *ctx,
               struct err *err);
} orders[] = {{"on", on}, {"off", off}, {"cycle", cycle}, {"status", status}};
#define ORDERS "on|off|cycle|status" /* in that order */

static int act(struct desk *desk, const struct order *order, const struct request *request,
               struct err *err)
{
    struct ctx wait = ctx_narrow(&desk->ctx, SWITCH_MS + request->off_ms);
    const char *name = board_conf(desk->board)->name;

    if (board_ends_with_us(desk->board))
        return err_set(err, ERR_USAGE,
                       "%s is emulated, and on only while hil uses it; try: hil console %s", name,
                       name);
    if (!board_drivers(desk->board).power)
        return err_set(err, ERR_CONFIG,
                       "%s has no power driver; give it one in lab.yaml: hil drivers power", name);
    return order->run(desk->board, request, &wait, err);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {.desk = DESK_OPTIONS_INIT, .off_ms = OFF_MS};
    struct there there = {0};
    const struct order *order;
    struct desk *desk = NULL;
    const char *board;
    struct err err = {0};
    int first, code, rc, which;

    if (!cmd_parse(&verb_power, argc, argv, take, &request, &first, &code))
        return code;
    if (argc - first < 1 || argc - first > 2) {
        err_set(&err, ERR_USAGE, "name a board, and one of on, off, cycle, status");
        return cmd_fail(&verb_power, &err);
    }
    which = opt_choose(ORDERS, argv[argc - 1], NULL, &err);
    if (which < 0)
        return cmd_fail(&verb_power, &err);
    order = &orders[which];
    board = argc - first == 2 ? argv[first] : NULL;
    desk_options_args(&request.desk, &there.args);
    strv_addf(&there.args, "--off-time=%" PRId64 "ms", request.off_ms);
    there.last = order->name;
    if (there_board(app, &verb_power, request.desk.lab, board, &there, &code))
        return code;
    rc = desk_open(app, &request.desk, board, &desk, &err);
    if (rc == 0)
        rc = act(desk, order, &request, &err);
    return desk_end(app, &verb_power, desk, rc, &err, 0);
}

const struct opt_verb verb_power = {
    .name = "power",
    .operands = "[BOARD] " ORDERS,
    .summary = "switch a board on or off",
    .description =
        "Takes the board, so that no run is disturbed, and switches it by its power driver. It "
        "stays as it was switched until somebody runs something on it: after a run it is at rest, "
        "that is, off.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
