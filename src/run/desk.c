/* SPDX-License-Identifier: MIT */
#include "run/desk.h"

#include "base/fs.h"
#include "base/guard.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

static void add_name(struct buf *names, const char *name)
{
    buf_addf(names, "%s%s", names->size ? ", " : "", name);
}

static void list_boards(const struct lab *lab, struct buf *ret)
{
    for (size_t i = 0; i < lab->count; i++)
        add_name(ret, lab->boards[i].name);
}

/* The boards that the user may have meant. */
static int choose(const struct desk *desk, const char *selector, struct strv *ret, struct err *err)
{
    const struct lab *lab = desk->inventory.lab;
    cleanup_buf struct buf names = BUF_INIT(512);

    for (size_t i = 0; i < lab->count; i++)
        if (!selector || board_matches(&lab->boards[i], selector))
            strv_add(ret, lab->boards[i].name);
    list_boards(lab, &names);
    if (!ret->count) {
        err_set(err, ERR_USAGE, "no board is called '%s' or has these labels; there %s: %s",
                selector, lab->count == 1 ? "is" : "are", names.data);
        return -ERR_USAGE;
    }
    if (!selector && ret->count > 1)
        return err_set(err, ERR_USAGE, "which board? there are: %s", names.data);
    return 0;
}

static int lease(struct desk *desk, const struct desk_request *request, struct strv *names,
                 struct err *err)
{
    const struct board_conf *first = lab_board(desk->inventory.lab, names->items[0]);
    int64_t wait_ms = request->wait_ms >= 0 ? request->wait_ms : first->timeouts.lease;
    struct ctx wait = wait_ms > 0 ? ctx_narrow(&desk->ctx, wait_ms) : desk->ctx;
    size_t which = 0;
    int rc =
        lease_take(desk->inventory.runtime_dir, desk->inventory.lab->name,
                   (const char *const *)names->items, names->count, request->holder, wait_ms > 0,
                   &wait, request->waiting, request->arg, &desk->lease, &which, err);

    if (rc < 0)
        return rc;
    desk->board = desk->inventory.boards[lab_board(desk->inventory.lab, names->items[which]) -
                                         desk->inventory.lab->boards];
    return 0;
}

int desk_take(const struct desk_request *request, struct desk **ret, struct err *err)
{
    struct desk *desk = xcalloc(1, sizeof *desk);
    cleanup_strv struct strv names = {0};
    int rc = guard_start(&desk->guard, err);

    desk->ctx = ctx_root(request->cancel_fd, desk->guard);
    desk->events = events_new();
    if (rc == 0)
        rc = inventory_open(request->lab, &desk->inventory, err);
    if (rc == 0)
        rc = choose(desk, request->board, &names, err);
    if (rc == 0)
        rc = fs_temp_dir(&desk->work_dir, err);
    if (rc == 0)
        rc = lease(desk, request, &names, err);
    if (rc < 0) {
        desk_return(desk);
        *ret = NULL;
        return rc;
    }
    board_attach(desk->board, desk->work_dir, NULL, desk->events);
    *ret = desk;
    return 0;
}

const char *desk_keep_logs(struct desk *desk)
{
    desk->keep = true;
    return desk->work_dir;
}

void desk_return(struct desk *desk)
{
    if (!desk)
        return;
    inventory_close(&desk->inventory); /* ends an emulator: before anybody else may have it */
    lease_drop(desk->lease);
    events_free(desk->events);
    if (desk->work_dir && !desk->keep)
        fs_remove_tree(desk->work_dir);
    free(desk->work_dir);
    guard_stop(desk->guard);
    free(desk);
}
