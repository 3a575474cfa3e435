/* SPDX-License-Identifier: MIT
 *
 * ctx: until when a call may block, and what cancels it.
 *
 * Every function that can wait takes a `const struct ctx *` and returns -ERR_TIMEOUT or
 * -ERR_CANCELLED when its time is over. A ctx is a small value, copied freely; ctx_narrow() can
 * only shorten it:
 *
 *     struct ctx boot = ctx_narrow(ctx, 10000);
 *     rc = ctx_wait(&boot, fd, POLLIN, err);
 *
 * `cancel_fd` becomes and stays readable when the work is to stop; nobody reads it. Time is
 * CLOCK_MONOTONIC. All functions may be called from any thread.
 */
#ifndef HIL_BASE_CTX_H
#define HIL_BASE_CTX_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct guard;

struct ctx {
    int64_t deadline_ns; /* CTX_NEVER: none */
    int cancel_fd;       /* -1: cannot be cancelled */
    struct guard *guard; /* ends our children should we be killed; NULL: nobody does */
};

#define CTX_NEVER INT64_MAX

int64_t ctx_now_ns(void);
int64_t ctx_unix_us(void); /* the wall clock, which may leap: for what people read */
struct ctx ctx_root(int cancel_fd, struct guard *guard);
struct ctx ctx_narrow(const struct ctx *ctx, int64_t timeout_ms);
/* For putting things back after the work has ended, however it ended: `timeout_ms` from now, not
 * cancelled by what cancelled `ctx`. */
struct ctx ctx_cleanup(const struct ctx *ctx, int64_t timeout_ms);
int64_t ctx_left_ms(const struct ctx *ctx); /* rounded up; 0: over; INT64_MAX: no deadline */
bool ctx_cancelled(const struct ctx *ctx);

/* 0, or -ERR_CANCELLED or -ERR_TIMEOUT where the time is over already. Never blocks. */
int ctx_check(const struct ctx *ctx, struct err *err);
/* Waits until one of `events` (poll's) or an error is on `fd`: returns poll's revents (> 0). Where
 * the time was over before the call, that is the answer even if `fd` is ready. */
int ctx_wait(const struct ctx *ctx, int fd, short events, struct err *err);
/* Waits `ms` or until cancelled or out of time. */
int ctx_sleep(const struct ctx *ctx, int64_t ms, struct err *err);
/* Reads at least one byte; 0 is the end of the stream. */
ssize_t ctx_read(const struct ctx *ctx, int fd, void *bytes, size_t room, struct err *err);
/* Writes all bytes. Works with blocking and non-blocking descriptors, and honours the deadline with
 * both where the descriptor is non-blocking. */
int ctx_write(const struct ctx *ctx, int fd, const void *bytes, size_t count, struct err *err);

#endif
