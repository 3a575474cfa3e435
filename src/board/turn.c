/* SPDX-License-Identifier: MIT */
#include "board/turn.h"

#include "base/fs.h"
#include "base/str.h"
#include "board/lock_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_MS 100
#define KINDS 4

struct turn {
    int fds[KINDS]; /* -1: no such limit */
    off_t bytes[KINDS];
};

static int take_byte(int fd, uint64_t room, const struct ctx *ctx, off_t *ret, struct err *err)
{
    for (;;) {
        for (*ret = 0; *ret < (off_t)room; ++*ret)
            if (lock_file_set(fd, F_WRLCK, *ret))
                return 0;
        int rc = ctx_sleep(ctx, LOOK_MS, err);
        if (rc < 0)
            return rc;
    }
}

static int take_one(const char *runtime_dir, const char *lab, const char *kind, const char *which,
                    uint64_t room, const struct ctx *ctx, int *ret_fd, off_t *ret_byte,
                    struct err *err)
{
    cleanup_free char *safe_lab = fs_safe_name(lab);
    cleanup_free char *safe_which = fs_safe_name(which);
    cleanup_free char *name = xasprintf("%s+%s+%s.turns", safe_lab, kind, safe_which);
    cleanup_free char *path = fs_join(runtime_dir, name);
    int rc = lock_file_open(path, ret_fd, err);

    if (rc == 0)
        rc = take_byte(*ret_fd, room, ctx, ret_byte, err);
    if (rc == -ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT,
                       "%" PRIu64 " boards of %s '%s' are at work all the time: see max-parallel "
                       "in the lab's file",
                       room, kind, which);
    return rc;
}

/* From the narrowest to the widest, everybody in this order: nobody waits for a hub while he keeps
 * others from theirs, and two cannot wait for each other. */
int turn_take(const char *runtime_dir, const struct lab *lab, const struct turn_place *place,
              const struct ctx *ctx, struct turn **ret, struct err *err)
{
    const struct max_parallel *room = &lab->max_parallel;
    const struct {
        const char *kind, *which;
        uint64_t room;
    } limits[KINDS] = {{"hub", place->hub, room->hub},
                       {"controller", place->controller, room->controller},
                       {"server", place->server ? place->server->name : NULL,
                        place->server ? place->server->max_parallel : 0},
                       {"lab", lab->name, room->lab}};
    struct turn *turn = NULL;
    int rc = 0;

    for (size_t i = 0; i < KINDS && rc == 0; i++) {
        if (!limits[i].room || !limits[i].which)
            continue;
        if (!turn) {
            turn = xmalloc(sizeof *turn);
            *turn = (struct turn){.fds = {-1, -1, -1, -1}};
        }
        rc = take_one(runtime_dir, lab->name, limits[i].kind, limits[i].which, limits[i].room, ctx,
                      &turn->fds[i], &turn->bytes[i], err);
    }
    if (rc < 0) {
        turn_drop(turn);
        turn = NULL;
    }
    *ret = turn;
    return rc;
}

int turn_take_server(const char *runtime_dir, const char *lab, const struct server_conf *server,
                     const struct ctx *ctx, struct turn **ret, struct err *err)
{
    struct turn *turn;
    int rc;

    *ret = NULL;
    if (!server->max_parallel)
        return 0;
    turn = xmalloc(sizeof *turn);
    *turn = (struct turn){.fds = {-1, -1, -1, -1}};
    rc = take_one(runtime_dir, lab, "server", server->name, server->max_parallel, ctx,
                  &turn->fds[0], &turn->bytes[0], err);
    if (rc == 0)
        *ret = turn;
    else
        turn_drop(turn);
    return rc;
}

void turn_drop(struct turn *turn)
{
    if (!turn)
        return;
    for (size_t i = 0; i < KINDS; i++) {
        if (turn->fds[i] >= 0) /* a child between fork and exec has the descriptor, too */
            lock_file_set(turn->fds[i], F_UNLCK, turn->bytes[i]);
        close_fd(&turn->fds[i]);
    }
    free(turn);
}
