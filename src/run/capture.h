/* SPDX-License-Identifier: MIT
 *
 * capture: the console's bytes, first to disk, then to the parser.
 *
 * uart.log holds the raw bytes; uart.timing a line per read, "SECONDS BYTES" with the seconds since
 * the line before, as scriptreplay(1) of util-linux reads it. Times are kept in whole microseconds,
 * so that a replay adds up to the same. Deadlines: boot (to the first byte), idle (silence), total.
 * What the kernel counts of lost and spoilt bytes on a tty is looked at after every read, so that
 * it is known where in the log they are. A disk that fills up is an error of the lab; what was
 * written stays.
 *
 *     open → drain → mark_reset → until → run → close
 */
#ifndef HIL_RUN_CAPTURE_H
#define HIL_RUN_CAPTURE_H

#include "base/ctx.h"
#include "base/ticker.h"
#include "board/board.h"
#include "parse/parser.h"
#include "result/capture.h"

struct capture;

/* `ticker`, every few milliseconds, reads consoles that never pause, together with those of other
 * boards; NULL: each is read by itself. Borrowed. */
int capture_open(const char *work_dir, struct ticker *ticker, struct capture **ret,
                 struct err *err);
/* Bytes of an earlier life of the board: into the log, never parsed. Returns when it was silent for
 * the console's settle time, or after a second of babble. */
int capture_drain(struct capture *capture, struct board *board, const struct ctx *ctx,
                  struct err *err);
/* The board is being reset now: times count from here, and bytes are parsed from here. */
void capture_mark_reset(struct capture *capture, const struct board *board);
/* What firmware that asks for it is sent, here and in capture_run(). Borrowed. */
void capture_set_nonce(struct capture *capture, const char *nonce);
/* Reads and parses until `until_fd` is readable: a board may print while its reset is still going
 * on, and one that cannot get rid of its bytes may never finish it. `ctx` is for what is written.
 */
int capture_until(struct capture *capture, struct board *board, struct parser *parser, int until_fd,
                  const struct ctx *ctx, struct err *err);
/* Until the parser has enough or a deadline passes; *ret_end says which. Errors are the lab's: the
 * console is gone (*ret_end is END_GONE) or takes no bytes, a full disk, -ERR_CANCELLED. */
int capture_run(struct capture *capture, struct board *board, struct parser *parser,
                const struct timeouts *timeouts, const struct ctx *ctx, enum capture_end *ret_end,
                struct err *err);

/* True where nothing has come since the reset. */
bool capture_silent(const struct capture *capture);
/* The console has been opened anew: what its tty counts begins anew, too. */
void capture_reopened(struct capture *capture, const struct board *board);

struct capture_marks {
    uint64_t reset_bytes; /* uart.log up to the reset */
    int64_t reset_us;     /* from the start of uart.timing to the reset */
    int64_t end_us;       /* from the reset to the end of the capture */
    uint64_t bytes;       /* in uart.log */
    bool line_known;      /* the kernel counted errors on the line, since the reset */
    struct line_errors line;
    const struct line_gap *gaps; /* borrowed until capture_close() */
    size_t gap_count;
};
struct capture_marks capture_marks(const struct capture *capture);
/* Flushes and frees; NULL is fine. The error is the first write that failed. */
int capture_close(struct capture *capture, struct err *err);

#endif
