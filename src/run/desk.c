/* SPDX-License-Identifier: MIT */
#include "run/desk.h"

#include "base/fs.h"
#include "base/guard.h"
#include "base/str.h"
#include "run/view.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void add_name(struct buf *names, const char *name)
{
    buf_addf(names, "%s%s", names->size ? ", " : "", name);
}

static void list_boards(const struct lab *lab, struct buf *ret)
{
    for (size_t i = 0; i < lab->count; i++)
        add_name(ret, lab->boards[i].name);
}

int desk_choose(const struct lab *lab, const char *selector, struct strv *ret, struct err *err)
{
    cleanup_buf struct buf names = BUF_INIT(512);

    for (size_t i = 0; i < lab->count; i++)
        if (!selector || board_matches(&lab->boards[i], selector))
            strv_add(ret, lab->boards[i].name);
    list_boards(lab, &names);
    if (!ret->count) {
        err_set(err, ERR_USAGE, "no board is called '%s' or has these labels", selector);
        lab_hint_boards(lab, selector, err);
        return -ERR_USAGE;
    }
    if (!selector && ret->count > 1)
        return err_set(err, ERR_USAGE, "which board? there are: %s", names.data);
    return 0;
}

/* ---- waiting for it -------------------------------------------------------------------------- */

/* Somebody has the board: what that one reads is shown by a thread beside the wait. */
struct onlooker {
    const struct desk_request *request;
    struct view view; /* board NULL: several could come free, so none is looked at */
    pthread_t thread;
    bool started;
    int stop_fd;
};

static void *look_on(void *arg)
{
    struct onlooker *onlooker = arg;
    struct ctx ctx = ctx_root(onlooker->stop_fd, NULL);
    struct err err = {0};
    int rc;

    screen_say(onlooker->view.screen, "waiting for the board, Ctrl-C leaves", NULL);
    rc = view_run(&onlooker->view, &ctx, &err);
    if (rc < 0 && rc != -ERR_CANCELLED)
        screen_say(onlooker->view.screen, err.message, NULL);
    return NULL;
}

static void begin_to_wait(void *arg, const char *why)
{
    struct onlooker *onlooker = arg;

    onlooker->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (onlooker->view.board && onlooker->view.screen && onlooker->stop_fd >= 0)
        onlooker->started = pthread_create(&onlooker->thread, NULL, look_on, onlooker) == 0;
    if (!onlooker->started && onlooker->request->waiting)
        onlooker->request->waiting(onlooker->request->arg, why);
}

static void end_wait(struct onlooker *onlooker)
{
    if (onlooker->started) {
        (void)!write(onlooker->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(onlooker->thread, NULL);
    }
    close_fd(&onlooker->stop_fd);
}

static int take(struct desk *desk, const struct desk_request *request, struct strv *names,
                struct err *err)
{
    const struct board_conf *first = lab_board(desk->inventory.lab, names->items[0]);
    int64_t wait_ms = request->wait_ms >= 0 ? request->wait_ms : first->timeouts.lease;
    struct ctx wait = wait_ms > 0 ? ctx_narrow(&desk->ctx, wait_ms) : desk->ctx;
    struct onlooker onlooker = {.request = request,
                                .view = {.runtime_dir = desk->inventory.runtime_dir,
                                         .lab = desk->inventory.lab->name,
                                         .board = names->count == 1 ? names->items[0] : NULL,
                                         .screen = request->view},
                                .stop_fd = -1};
    size_t which = 0;
    const struct keeper_wish wish = {.boards = (const char *const *)names->items,
                                     .count = names->count,
                                     .self = request->holder,
                                     .wait = wait_ms > 0,
                                     .waiting = begin_to_wait,
                                     .arg = &onlooker};
    cleanup_free char *warning = NULL;
    int rc = claim_take(desk->claims, &wish, &wait, &desk->claim, &which, &warning, err);

    end_wait(&onlooker);
    if (warning && request->waiting)
        request->waiting(request->arg, warning);
    if (rc < 0)
        return rc;
    desk->board = desk->inventory.boards[lab_board(desk->inventory.lab, names->items[which]) -
                                         desk->inventory.lab->boards];
    board_set_fence(desk->board, claim_fence(desk->claim));
    rc = fence_follow(claim_fence(desk->claim), &desk->ctx, &desk->pass, err);
    desk->ctx = desk->pass.ctx;
    return rc;
}

int desk_take(const struct desk_request *request, struct desk **ret, struct err *err)
{
    struct desk *desk = xcalloc(1, sizeof *desk);
    cleanup_strv struct strv names = {0};
    int rc = guard_start(&desk->guard, err);

    desk->ctx = ctx_root(request->cancel_fd, desk->guard);
    desk->pass = (struct fence_pass){.epoll_fd = -1, .why_fd = -1};
    desk->events = events_new();
    if (rc == 0)
        rc = inventory_open(request->lab, &desk->inventory, err);
    if (rc == 0)
        rc = desk_choose(desk->inventory.lab, request->board, &names, err);
    if (rc == 0)
        rc = fs_temp_dir(&desk->work_dir, err);
    if (rc == 0)
        desk->claims = claims_open(desk->inventory.lab, desk->inventory.runtime_dir);
    if (rc == 0)
        rc = take(desk, request, &names, err);
    if (rc < 0) {
        desk_return(desk);
        *ret = NULL;
        return rc;
    }
    board_attach(desk->board, desk->work_dir, NULL, desk->events);
    *ret = desk;
    return 0;
}

int desk_explain(struct desk *desk, int rc, struct err *err)
{
    rc = fence_leave(&desk->pass, rc, err);
    desk->pass.why_fd = -1;
    return rc;
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
    inventory_close_boards(
        &desk->inventory); /* ends an emulator: before anybody else may have it */
    close_fd(&desk->pass.epoll_fd);
    claim_drop(desk->claim);
    claims_close(desk->claims);
    inventory_close(&desk->inventory);
    events_free(desk->events);
    if (desk->work_dir && !desk->keep)
        fs_remove_tree(desk->work_dir);
    free(desk->work_dir);
    guard_stop(desk->guard);
    free(desk);
}
