/* SPDX-License-Identifier: MIT
 *
 * rest: boards that nobody uses, brought to their resting state: power off where that can be done.
 *
 *     rest_boards(&request, &failures, err)
 *
 * A board that is held is left alone, unless a process of this very job holds it (`job`): one that
 * outlived its step. Such a process gets SIGTERM, which makes hil bring its boards to rest by
 * itself, and five seconds later SIGKILL, after which its guardian does. Whose it is tells its
 * environment, not the record in the lock file, which anybody may write.
 *
 * Starts the guardian, so it must be called before any thread. Blocks for as long as all that and
 * the power drivers take.
 */
#ifndef HIL_RUN_REST_H
#define HIL_RUN_REST_H

#include "base/str.h"
#include "board/holder.h"

enum rest_outcome {
    REST_OFF,       /* switched off */
    REST_ALREADY,   /* was off */
    REST_NO_SWITCH, /* it has no power driver, or is emulated: nothing to do */
    REST_HELD,      /* by somebody else; the text says who */
    REST_ENDED,     /* told before one of the others: what held it was ended; the text says who */
    REST_FAILED,    /* the text says why */
};

struct rest_request {
    const char *lab;          /* what --lab says; NULL: look in the usual places */
    const struct strv *which; /* names or labels; empty: all boards */
    bool job;
    const struct holder *holder; /* we */
    int cancel_fd;
    void (*tell)(void *arg, const char *board, enum rest_outcome outcome, const char *text);
    void *arg;
};

/* *ret_failed counts the boards that could not be brought to rest; of those named in `which`, those
 * that are held, too. -ERR_USAGE: no such board; `job`, and this is none. */
int rest_boards(const struct rest_request *request, size_t *ret_failed, struct err *err);

#endif
