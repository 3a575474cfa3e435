/* SPDX-License-Identifier: MIT */
#include "run/rest.h"

#include "base/fs.h"
#include "base/guard.h"
#include "board/inventory.h"
#include "board/lease.h"
#include "store/claim.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SWITCH_MS 30000
#define PATIENCE_MS 5000 /* hil needs three at most to bring its boards to rest */
#define RELEASE_MS 15000 /* for the guardian after that: it gives resting commands ten seconds */
#define ENVIRON_MAX ((size_t)1 << 20)

struct rest {
    const struct rest_request *request;
    struct inventory inventory;
    struct claims *claims;
    struct ctx ctx;
    size_t failed;
};

/* A process of ours that holds a board. */
struct leftover {
    int pidfd; /* -1: none */
    char *who;
};

static void tell(const struct rest *rest, const struct board *board, enum rest_outcome outcome,
                 const char *text)
{
    rest->request->tell(rest->request->arg, board_conf(board)->name, outcome, text);
}

/* ---- whose process is it? -------------------------------------------------------------------- */

/* The same runner: of a matrix, several jobs may have all the other values in common. */
static const char *const job_marks[] = {
    "GITHUB_REPOSITORY=", "GITHUB_RUN_ID=", "GITHUB_JOB=", "GITHUB_RUN_ATTEMPT=", "RUNNER_NAME="};

/* What stands behind NAME= in a block of NUL-ended strings; NULL: it is not there. */
static const char *value_in(const struct buf *block, const char *name)
{
    for (const char *at = block->data; at < block->data + block->size; at += strlen(at) + 1)
        if (str_starts(at, name))
            return at + strlen(name);
    return NULL;
}

static bool is_of_this_job(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/environ", (int)pid);
    cleanup_buf struct buf block = BUF_INIT(ENVIRON_MAX);

    if (fs_read(path, &block, NULL) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(job_marks); i++) {
        cleanup_free char *name = xstrndup(job_marks[i], strlen(job_marks[i]) - 1);
        if (!str_eq(value_in(&block, job_marks[i]), getenv(name)))
            return false;
    }
    return true;
}

static int check_job(const struct rest_request *request, struct err *err)
{
    const char *run = getenv("GITHUB_RUN_ID");

    if (!request->job || (run && *run))
        return 0;
    return err_set(err, ERR_USAGE,
                   "--job is for a hook of a runner: there is no GITHUB_RUN_ID, so this is no job");
}

/* The descriptor is opened before the process is looked at: it cannot become another's. */
static void end_leftover(const struct rest *rest, struct board *board, struct leftover *ret)
{
    const struct inventory *inventory = &rest->inventory;
    struct holder holder;
    size_t waiting;
    bool held;

    *ret = (struct leftover){.pidfd = -1};
    lease_peek(inventory->runtime_dir, inventory->lab->name, board_conf(board)->name, &held,
               &holder, &waiting, NULL);
    if (held && holder.pid > 1 && holder.pid != getpid()) {
        cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, holder.pid, 0);
        if (pidfd >= 0 && is_of_this_job(holder.pid) &&
            syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0) {
            ret->pidfd = take_fd(&pidfd);
            ret->who = holder_describe(&holder);
        }
    }
    holder_done(&holder);
}

static void wait_for_leftover(const struct rest *rest, struct board *board,
                              struct leftover *leftover)
{
    struct ctx patience = ctx_narrow(&rest->ctx, PATIENCE_MS);

    if (leftover->pidfd < 0)
        return;
    if (ctx_wait(&patience, leftover->pidfd, POLLIN, NULL) < 0 && !ctx_cancelled(&rest->ctx))
        syscall(SYS_pidfd_send_signal, leftover->pidfd, SIGKILL, NULL, 0);
    tell(rest, board, REST_ENDED, leftover->who);
}

/* ---- one board ------------------------------------------------------------------------------- */

static enum rest_outcome switch_off(struct rest *rest, struct board *board, struct err *err)
{
    struct ctx wait = ctx_narrow(&rest->ctx, SWITCH_MS);
    bool is_on = true;

    if (board_is_on(board, &wait, &is_on, NULL) == 0 && !is_on)
        return REST_ALREADY;
    return board_power_off(board, &wait, err) < 0 ? REST_FAILED : REST_OFF;
}

/* "a is held by alice; try: --wait 10m", less what the reader knows and an option that we do not
 * have. */
static void shorten(const char *board, struct err *err)
{
    cleanup_free char *begin = xasprintf("%s is ", board);
    cleanup_free char *text = xstrdup(err->message);
    char *advice = strstr(text, "; try: ");

    if (advice)
        *advice = '\0';
    err_set(err, ERR_BUSY, "%s", text + (str_starts(text, begin) ? strlen(begin) : 0));
}

static void rest_one(struct rest *rest, struct board *board, bool was_ours)
{
    const char *name = board_conf(board)->name;
    struct ctx wait = ctx_narrow(&rest->ctx, RELEASE_MS);
    enum rest_outcome outcome = REST_NO_SWITCH;
    const struct keeper_wish wish = {
        .boards = &name, .count = 1, .self = rest->request->holder, .wait = was_ours};
    cleanup_free char *warning = NULL;
    struct claim *claim = NULL;
    struct err err = {0};
    size_t index;
    int rc;

    rc = claim_take(rest->claims, &wish, &wait, &claim, &index, &warning, &err);
    if (rc == 0)
        board_set_fence(board, claim_fence(claim));
    if (rc < 0)
        outcome = rc == -ERR_BUSY ? REST_HELD : REST_FAILED;
    else if (board_drivers(board).power && !board_ends_with_us(board))
        outcome = switch_off(rest, board, &err);
    board_set_fence(board, NULL);
    claim_drop(claim);
    if (outcome == REST_HELD)
        shorten(name, &err);
    if (outcome == REST_FAILED || (outcome == REST_HELD && rest->request->which->count))
        rest->failed++;
    tell(rest, board, outcome, err.message);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool wanted(const struct strv *which, const struct board_conf *conf)
{
    for (size_t i = 0; i < which->count; i++)
        if (board_matches(conf, which->items[i]))
            return true;
    return !which->count;
}

static int check_which(const struct rest *rest, struct err *err)
{
    const struct strv *which = rest->request->which;
    const struct lab *lab = rest->inventory.lab;

    for (size_t i = 0; i < which->count; i++) {
        bool found = false;
        for (size_t b = 0; b < lab->count && !found; b++)
            found = board_matches(&lab->boards[b], which->items[i]);
        if (!found) {
            err_set(err, ERR_USAGE, "no board is called '%s' or has these labels", which->items[i]);
            return lab_hint_boards(lab, which->items[i], err);
        }
    }
    return 0;
}

/* What this job left is told to end on all boards at once, then each board's turn comes. */
static int rest_all(struct rest *rest, struct err *err)
{
    const struct lab *lab = rest->inventory.lab;
    struct leftover *leftovers = xcalloc(lab->count, sizeof *leftovers);

    for (size_t i = 0; i < lab->count; i++) {
        leftovers[i].pidfd = -1;
        if (rest->request->job && wanted(rest->request->which, &lab->boards[i]))
            end_leftover(rest, rest->inventory.boards[i], &leftovers[i]);
    }
    for (size_t i = 0; i < lab->count; i++) {
        struct board *board = rest->inventory.boards[i];
        wait_for_leftover(rest, board, &leftovers[i]);
        if (wanted(rest->request->which, &lab->boards[i]) && !ctx_cancelled(&rest->ctx))
            rest_one(rest, board, leftovers[i].pidfd >= 0);
        close_fd(&leftovers[i].pidfd);
        free(leftovers[i].who);
    }
    free(leftovers);
    return ctx_check(&rest->ctx, err);
}

int rest_boards(const struct rest_request *request, size_t *ret_failed, struct err *err)
{
    struct rest rest = {.request = request};
    struct guard *guard = NULL;
    int rc = check_job(request, err);

    if (rc == 0)
        rc = guard_start(&guard, err);
    rest.ctx = ctx_root(request->cancel_fd, guard);
    if (rc == 0)
        rc = inventory_open(request->lab, &rest.inventory, err);
    if (rc == 0)
        rc = check_which(&rest, err);
    if (rc == 0)
        rest.claims = claims_open(rest.inventory.lab, rest.inventory.runtime_dir);
    if (rc == 0)
        rc = rest_all(&rest, err);
    claims_close(rest.claims);
    *ret_failed = rest.failed;
    inventory_close(&rest.inventory);
    guard_stop(guard);
    return rc;
}
