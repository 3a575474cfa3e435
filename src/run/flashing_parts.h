/* SPDX-License-Identifier: MIT
 *
 * What the parts of flashing use of each other: the request's boards and images (flashing_plan.c),
 * one board's thread (flashing_board.c), what is told and remembered (flashing_record.c), and all
 * of it together (flashing.c).
 */
#ifndef HIL_RUN_FLASHING_PARTS_H
#define HIL_RUN_FLASHING_PARTS_H

#include "base/guard.h"
#include "base/outlet.h"
#include "board/inventory.h"
#include "remote/servers.h"
#include "run/flashing.h"
#include "store/claim.h"
#include "store/store.h"

#include <pthread.h>

struct flashing;

struct task { /* a board's */
    struct flashing *flashing;
    const struct job *job;
    struct board *board;
    struct flash_result *result;
    char *dir;        /* for what the tools print */
    int64_t ended_us; /* wall clock */
    pthread_t thread;
    bool started;
    bool gave_up; /* nothing helped: the board is to be quarantined */
};

struct flashing {
    struct flashing_request *request;
    struct ctx ctx;
    struct guard *guard;
    struct inventory inventory;
    struct plan plan;
    struct events *events;
    struct event_sink *live, *stream;
    struct outlet *outlet; /* where `live` shows it */
    struct servers servers;
    char *dir; /* temporary; NULL: out_dir is it */
    struct task *tasks;
    struct flash_result *results;
    size_t count;
    struct claims *claims;
    struct store *store; /* NULL: there is none */
    bool scratch;        /* it is in memory: the database is away, the spool gets it */
    int finished_fd;     /* eventfd: how many tasks have ended */
};

/* ---- flashing_plan.c ------------------------------------------------------------------------- */

/* The inventory and a job for each board; every mistake of the request is found here. */
int flashing_plan(struct flashing *flashing, struct err *err);

/* ---- flashing_board.c ------------------------------------------------------------------------ */

/* A task's thread: its board has an outcome, and finished_fd has counted it. */
void *flashing_work(void *task);

/* ---- flashing_record.c ----------------------------------------------------------------------- */

void flashing_tell(const struct task *task, enum event_kind kind, const char *text);
void flashing_say_outcome(const struct task *task);
/* Where it was asked for, and of a board that failed. */
void flashing_keep_log(struct task *task);
void flashing_open_store(struct flashing *flashing);
/* True where the board is in quarantine: nothing is done to it. */
bool flashing_is_barred(struct task *task);
/* Into quarantine. */
void flashing_set_aside(struct flashing *flashing, const struct task *task);
/* What each board that was touched carries now. That nobody could write it down is told, no
 * more. */
void flashing_remember(struct flashing *flashing);

#endif
