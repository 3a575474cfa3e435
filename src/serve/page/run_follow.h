/* SPDX-License-Identifier: MIT
 *
 * run_follow: what a run says of itself while it goes on, read from its events.jsonl.
 *
 *     run = run_follow_new("/home/runner/hil-out")
 *     more = run_follow_pump(run, &changed)            a bounded piece of what is new
 *     board = run_follow_board(run, "nucleo-3")
 *     run_follow_free(run)
 *
 * The run is another process and knows nothing of it. Its file is foreign bytes: a line that is too
 * long or makes no sense is passed over. Does not block for longer than the disk does. One thread.
 */
#ifndef HIL_SERVE_PAGE_RUN_FOLLOW_H
#define HIL_SERVE_PAGE_RUN_FOLLOW_H

#include "base/json.h"
#include "serve/page/tail.h"

#define RUN_LINE_MAX ((size_t)64 << 10)
#define RUN_BOARDS_MAX 1024
#define RUN_ID_SIZE 17

struct run_board { /* texts are owned; NULL: not said */
    char *board, *test;
    char *dir;   /* in the run's directory */
    char *state; /* "flash", "test", ... */
    char *what;  /* that makes progress: "erase", "flash", "verify" */
    int percent; /* of it; -1: not known */
    uint64_t pass, fail, error, skip;
    char *case_name;        /* the last that began or ended */
    char *verdict, *reason; /* of the last job that ended */
    unsigned attempt;
    bool running;
};

struct run_follow {
    char *out;            /* the run directory */
    char id[RUN_ID_SIZE]; /* of it, in addresses */
    struct tail tail;
    struct buf line; /* that is not over yet */
    bool too_long;   /* it is passed over */
    struct run_board *boards;
    size_t count;
    char *verdict;  /* of the whole run; NULL: it is not over */
    bool used;      /* somebody holds a board for it */
    unsigned quiet; /* pumps in a row, while nobody did, that brought nothing */
};
struct run_follow *run_follow_new(const char *out);
void run_follow_free(struct run_follow *run);
/* True where there is more to be read at once. */
bool run_follow_pump(struct run_follow *run, bool *ret_changed);
/* NULL: the run has not said anything of it. Borrowed until the next pump. */
const struct run_board *run_follow_board(const struct run_follow *run, const char *board);
/* One line of events.jsonl, without its end. */
void run_follow_line(struct run_follow *run, const char *bytes, size_t count);
/* Members "test", "state", ... into an object that is open. */
void run_board_json(const struct run_board *board, struct json_out *out);

#endif
