/* SPDX-License-Identifier: MIT
 *
 * Whose turn it is on a board: whoever else wants it goes first.
 */
#include "serve/board_work_parts.h"

#include "base/str.h"

#include <stdlib.h>

#define LOOK_MS 250  /* between two looks at who has the board */
#define ASK_MS 10000 /* the same, where its server is asked, which takes a login */
#define OUT_OF_HOURS "its hours are over"

static bool is_elsewhere(const struct board_attempt *work)
{
    return work->of->board->server && !work->of->board->server->exec;
}

/* NULL: the board is free and nobody on this host waits for it. Caller frees. */
static char *who_is_first(const struct board_attempt *work)
{
    struct holder holder = {0};
    bool held = false;
    size_t waiting = 0;
    char *who = NULL;

    if (lease_peek(work->inventory.runtime_dir, work->of->lab_name, work->of->board->name, &held,
                   &holder, &waiting, NULL) == 0 &&
        (held || waiting)) {
        cleanup_free char *name = held ? holder_describe(&holder) : xstrdup("others who wait");
        who = xasprintf("held by %s", name);
    }
    holder_done(&holder);
    return who;
}

/* The same of a board on a server, which is the one to know; one that is away has it, so to say. */
static int ask_server(const struct board_attempt *work, char **ret, struct err *err)
{
    cleanup_strv struct strv selectors = {0};
    const struct servers_wanted wanted = {
        .lab_option = work->of->lab_path, .selectors = &selectors, .ask = ASK_ALL};
    struct inventory inventory = {0};
    struct servers servers = {0};
    const struct board_conf *board;
    const cJSON *there = NULL;
    int rc;

    strv_add(&selectors, work->of->board->name);
    rc = servers_inventory(&wanted, &work->ctx, &inventory, &servers, err);
    board = rc == 0 ? lab_board(inventory.lab, work->of->board->name) : NULL;
    if (board)
        there = servers_board(&servers, board);
    if (rc == 0 && !there)
        *ret = xstrdup(board ? servers_away(&servers, board) : "its server has no such board");
    else if (there && (json_get_bool(there, "held", false) || json_get_int(there, "waiting", 0)))
        *ret = xasprintf("held on its server by %s",
                         json_get_string(cJSON_GetObjectItemCaseSensitive(there, "holder"),
                                         "command", "others who wait"));
    servers_forget(&servers);
    inventory_close(&inventory);
    return rc;
}

/* Of a board that hosts share the database knows, too; who is first there stays it. */
static int look_who(struct board_attempt *work, const struct ctx *ctx, char **ret, struct err *err)
{
    int rc = 0;

    *ret = NULL;
    if (is_elsewhere(work))
        return ask_server(work, ret, err);
    if (!work->place && work->of->lab->store.url)
        rc = place_take(work->of->lab, work->inventory.runtime_dir, work->of->board->name,
                        &work->of->holder, &work->place, err);
    if (rc == 0 && work->place)
        rc = place_look(work->place, LOOK_MS, ctx, ret, err);
    if (rc == 0 && !*ret)
        *ret = who_is_first(work);
    return rc;
}

static bool hours_are_over(const struct board_attempt *work)
{
    return !window_open(&work->of->conf->window, window_minute(ctx_unix_us() / 1000000));
}

/* Not in the queue of this host's locks: that would let us before whoever comes next. */
int board_work_turn(struct board_attempt *work, struct err *err)
{
    const struct board_work *of = work->of;
    struct ctx wait = of->wait_ms >= 0 ? ctx_narrow(&work->ctx, of->wait_ms) : work->ctx;
    cleanup_free char *last = NULL;
    char *who = NULL;
    int rc = 0;

    while (rc == 0 && (rc = look_who(work, &wait, &who, err)) == 0 && who) {
        if (!last && of->note)
            of->note(of->arg, of->board->name, who);
        free(last);
        last = who;
        rc = ctx_sleep(&wait, work->place ? 0 : is_elsewhere(work) ? ASK_MS : LOOK_MS, err);
        if (rc == 0 && hours_are_over(work))
            rc = err_set(err, ERR_BUSY, OUT_OF_HOURS);
    }
    if (rc == -ERR_CANCELLED)
        return err_set(err, ERR_CANCELLED, "cancelled");
    return rc == -ERR_TIMEOUT ? err_set(err, ERR_BUSY, "%s", last ? last : "held by others") : rc;
}
