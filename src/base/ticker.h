/* SPDX-License-Identifier: MIT
 *
 * ticker: small periodic works of many threads, done by one.
 *
 * A thread that has a little to do every few milliseconds wakes up more than it works. It hands the
 * step to the ticker and sleeps until the step says that it is over: then one wake-up serves all.
 * Steps run one after the other, so none may block. What a step touches is its caller's alone
 * before ticker_run() and after it, so that no lock is needed.
 */
#ifndef HIL_BASE_TICKER_H
#define HIL_BASE_TICKER_H

#include <stdbool.h>

struct ticker;

/* Starts no thread before there is something to do. */
struct ticker *ticker_new(unsigned period_ms);
/* When nobody waits in ticker_run(). NULL is fine. */
void ticker_free(struct ticker *ticker);
/* Calls step(arg) once every period, on the ticker's thread, until it returns false. False, with no
 * call made, where no thread could be had. */
bool ticker_run(struct ticker *ticker, bool (*step)(void *arg), void *arg);

#endif
