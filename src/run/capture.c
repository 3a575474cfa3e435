/* SPDX-License-Identifier: MIT */
#include "run/capture.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE 65536
#define TIMING_SIZE 4096
#define DRAIN_MAX_MS 1000
#define WRITE_MAX_MS 2000 /* for a line to a board that has asked for it */

/* A console that has been busy for RUSH_US and RUSH_READS reads, each within RUSH_GAP_US of the one
 * before, is read at every beat of the ticker only, together with all the others; every RUSH_BEATS
 * beats somebody looks at the deadline, whether the run is cancelled, and what the kernel has
 * counted. The kernel holds at least 4 KiB for us meanwhile (N_TTY), ten times what comes. One that
 * paused is back after RUSH_AGAIN reads: on a busy host all of them pause now and then. */
#define RUSH_US 50000
#define RUSH_READS 20
#define RUSH_AGAIN 5
#define RUSH_GAP_US 20000
#define RUSH_BEATS 25

struct capture {
    char *log_path, *timing_path;
    int log_fd, timing_fd;
    struct buf timing; /* lines of uart.timing that are not written yet */
    int64_t opened_ns;
    int64_t last_us; /* of the last line in uart.timing, since opened_ns */
    struct capture_marks marks;
    int64_t first_byte_us; /* since the reset; -1: none yet */
    int64_t last_byte_us;
    enum parse_state state;     /* what the parser said last */
    struct line_errors counted; /* by the kernel, when it was looked at last */
    struct line_gap gaps[LINE_GAPS_MAX];
    const char *nonce;     /* NULL: there is nothing to be sent */
    struct ticker *ticker; /* NULL: rushing consoles are read as all others */
    unsigned rush;         /* reads in a row that came hard upon each other */
    int64_t rush_us;       /* when the first of them was, since opened_ns */
    char bytes[READ_SIZE];
};

static int create(const char *path, int *ret_fd, struct err *err)
{
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return *ret_fd < 0 ? err_sys(err, errno, "%s", path) : 0;
}

int capture_open(const char *work_dir, struct ticker *ticker, struct capture **ret, struct err *err)
{
    struct capture *capture = xmalloc(sizeof *capture);
    int rc;

    *capture = (struct capture){.log_path = fs_join(work_dir, "uart.log"),
                                .timing_path = fs_join(work_dir, "uart.timing"),
                                .log_fd = -1,
                                .timing_fd = -1,
                                .timing = BUF_INIT(TIMING_SIZE),
                                .ticker = ticker,
                                .opened_ns = ctx_now_ns(),
                                .first_byte_us = -1};
    rc = create(capture->log_path, &capture->log_fd, err);
    if (rc == 0)
        rc = create(capture->timing_path, &capture->timing_fd, err);
    if (rc < 0) {
        capture_close(capture, NULL);
        return rc;
    }
    *ret = capture;
    return 0;
}

static int64_t now_us(const struct capture *capture)
{
    return (ctx_now_ns() - capture->opened_ns) / 1000;
}

static int flush_timing(struct capture *capture, struct err *err)
{
    int rc = fs_write_all(capture->timing_fd, capture->timing.data, capture->timing.size,
                          capture->timing_path, err);

    buf_clear(&capture->timing);
    return rc;
}

/* Bytes that came at `us` go to disk before anybody looks at them. */
static int keep(struct capture *capture, size_t count, int64_t us, struct err *err)
{
    int64_t delay = us - capture->last_us;
    int rc = fs_write_all(capture->log_fd, capture->bytes, count, capture->log_path, err);

    if (rc == 0 && capture->timing.size + 64 > TIMING_SIZE)
        rc = flush_timing(capture, err);
    if (rc < 0)
        return rc;
    buf_addf(&capture->timing, "%" PRId64 ".%06" PRId64 " %zu\n", delay / 1000000, delay % 1000000,
             count);
    capture->last_us = us;
    capture->marks.bytes += count;
    return 0;
}

int capture_drain(struct capture *capture, struct board *board, const struct ctx *ctx,
                  struct err *err)
{
    struct pollfd console = {.fd = board_console_fd(board), .events = POLLIN};
    struct ctx most = ctx_narrow(ctx, DRAIN_MAX_MS);
    int settle_ms = board_console_settle_ms(board);

    for (;;) {
        struct ctx quiet = ctx_narrow(&most, settle_ms ? settle_ms : DRAIN_MAX_MS);
        if (!settle_ms && poll(&console, 1, 0) == 0)
            return 0; /* nothing is under way, so nothing is waited for */
        ssize_t n = board_console_read(board, capture->bytes, READ_SIZE, &quiet, err);
        if (n == -ERR_TIMEOUT)
            return 0;
        if (n == 0)
            return err_set(err, ERR_GONE, "the console closed before the reset");
        if (n < 0)
            return (int)n;
        int rc = keep(capture, (size_t)n, now_us(capture), err);
        if (rc < 0)
            return rc;
    }
}

/* ---- what the kernel counts ------------------------------------------------------------------ */

/* Counters have 32 bits and wrap. */
static uint64_t more(uint64_t now, uint64_t before)
{
    return (uint32_t)(now - before);
}

static struct line_errors since(const struct line_errors *now, const struct line_errors *before)
{
    return (struct line_errors){.overrun = more(now->overrun, before->overrun),
                                .buffer = more(now->buffer, before->buffer),
                                .framing = more(now->framing, before->framing),
                                .parity = more(now->parity, before->parity),
                                .breaks = more(now->breaks, before->breaks)};
}

static void add_errors(struct line_errors *sum, const struct line_errors *fresh)
{
    sum->overrun += fresh->overrun;
    sum->buffer += fresh->buffer;
    sum->framing += fresh->framing;
    sum->parity += fresh->parity;
    sum->breaks += fresh->breaks;
}

/* Where they have gone up since the last look, bytes before here are missing or wrong. */
static void count_errors(struct capture *capture, const struct board *board)
{
    struct capture_marks *marks = &capture->marks;
    struct line_errors now, fresh;

    if (!marks->line_known || !board_console_errors(board, &now))
        return; /* a tty that is gone has told what it knew */
    fresh = since(&now, &capture->counted);
    capture->counted = now;
    add_errors(&marks->line, &fresh);
    if (line_errors_any(&fresh) && marks->gap_count < LINE_GAPS_MAX)
        capture->gaps[marks->gap_count++] = (struct line_gap){
            .at = marks->bytes, .us = now_us(capture) - marks->reset_us, .errors = fresh};
}

void capture_mark_reset(struct capture *capture, const struct board *board)
{
    capture->marks.line_known = board_console_errors(board, &capture->counted);
    capture->marks.reset_bytes = capture->marks.bytes;
    capture->marks.reset_us = now_us(capture);
}

bool capture_silent(const struct capture *capture)
{
    return capture->first_byte_us < 0;
}

void capture_reopened(struct capture *capture, const struct board *board)
{
    capture->marks.line_known =
        capture->marks.line_known && board_console_errors(board, &capture->counted);
}

/* How long to wait for the next byte, in microseconds, and what it means when none comes. */
static int64_t next_deadline(const struct capture *capture, const struct timeouts *timeouts,
                             const struct parser *parser, enum capture_end *ret_end)
{
    int64_t patience_ms = parser_patience_ms(parser);
    int64_t since_reset_us = now_us(capture) - capture->marks.reset_us;
    int64_t left = timeouts->total * 1000 - since_reset_us;
    int64_t quiet;

    *ret_end = END_TOTAL;
    if (capture->first_byte_us < 0) {
        quiet = timeouts->boot * 1000 - since_reset_us;
    } else {
        int64_t idle_ms =
            patience_ms >= 0 && patience_ms < timeouts->idle ? patience_ms : timeouts->idle;
        quiet = idle_ms * 1000 - (since_reset_us - capture->last_byte_us);
    }
    if (quiet < left) {
        *ret_end = capture->first_byte_us < 0 ? END_BOOT : parser_silence(parser);
        left = quiet;
    }
    return left > 0 ? left : 0;
}

static enum capture_end end_of(enum parse_state state)
{
    switch (state) {
    case PARSE_DONE:
        return END_DONE;
    case PARSE_CRASHED:
        return END_CRASH;
    case PARSE_REBOOTS:
        return END_REBOOTS;
    case PARSE_OTHER:
        return END_OTHER;
    default:
        return END_NONE;
    }
}

void capture_set_nonce(struct capture *capture, const char *nonce)
{
    capture->nonce = nonce;
}

/* The firmware waits for the nonce, if only for a moment. */
static int answer(const struct capture *capture, struct board *board, struct parser *parser,
                  const struct ctx *ctx, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, WRITE_MAX_MS);
    char line[NONCE_DIGITS + 2];
    int length, rc;

    if (!parser_take_question(parser) || !capture->nonce)
        return 0;
    length = snprintf(line, sizeof line, "%s\n", capture->nonce);
    rc = board_console_write(board, line, (size_t)length, &wait, err);
    if (rc != -ERR_TIMEOUT)
        return rc;
    if (err)
        err->code = ERR_IO; /* a timeout would only mean that no byte came */
    return -ERR_IO;
}

static bool rushes(const struct capture *capture)
{
    return capture->rush >= RUSH_READS && capture->last_us - capture->rush_us >= RUSH_US;
}

static void count_rush(struct capture *capture, int64_t read_us)
{
    if (!capture->rush)
        capture->rush_us = read_us;
    capture->rush++;
}

static void rush_pauses(struct capture *capture)
{
    bool again =
        capture->rush >= RUSH_READS - RUSH_AGAIN && capture->last_us - capture->rush_us >= RUSH_US;

    capture->rush = again ? RUSH_READS - RUSH_AGAIN : 0;
}

/* What was read: to disk, then to the parser. */
static int digest(struct capture *capture, struct parser *parser, size_t count, struct err *err)
{
    uint64_t offset = capture->marks.bytes;
    int64_t read_us = now_us(capture);
    int64_t gap_us = read_us - capture->last_us;

    if (gap_us >= RUSH_GAP_US)
        rush_pauses(capture);
    count_rush(capture, read_us);
    capture->last_byte_us = capture->marks.end_us = read_us - capture->marks.reset_us;
    if (capture->first_byte_us < 0)
        capture->first_byte_us = capture->last_byte_us;
    int rc = keep(capture, count, read_us, err);
    if (rc == 0)
        capture->state = parser_feed(parser, capture->bytes, count, capture->marks.end_us, offset);
    return rc;
}

/* A console that is read by the ticker. */
struct rush {
    struct capture *capture;
    struct board *board;
    struct parser *parser;
    const struct ctx *ctx;
    struct err *err;
    unsigned beats; /* since it began */
    ssize_t n;      /* what the last read said, or the error of the disk */
};

/* Whose thread it is has something to do. */
static bool rush_is_over(struct rush *rush)
{
    const struct capture *capture = rush->capture;

    if ((rush->n <= 0 && rush->n != -ERR_TIMEOUT) || !rushes(capture) ||
        capture->state != PARSE_MORE || parser_has_question(rush->parser))
        return true;
    if (++rush->beats % RUSH_BEATS)
        return false;
    count_errors(rush->capture, rush->board);
    return ctx_cancelled(rush->ctx) || ctx_left_ms(rush->ctx) == 0;
}

static bool read_at_beat(void *arg)
{
    struct rush *rush = arg;
    struct capture *capture = rush->capture;

    rush->n = board_console_read(rush->board, capture->bytes, READ_SIZE, NULL, rush->err);
    if (rush->n > 0) {
        int rc = digest(capture, rush->parser, (size_t)rush->n, rush->err);
        rush->n = rc < 0 ? rc : rush->n;
    } else if (rush->n == -ERR_TIMEOUT && now_us(capture) - capture->last_us >= RUSH_GAP_US) {
        rush_pauses(capture);
    }
    return !rush_is_over(rush);
}

/* Reads once, or for some time where the console rushes, to disk and then to the parser: as
 * board_console_read(), with the error of the disk. */
static ssize_t take(struct capture *capture, struct board *board, struct parser *parser,
                    const struct ctx *ctx, const struct ctx *write_ctx, struct err *err)
{
    struct rush rush = {capture, board, parser, ctx, err, 0, -ERR_TIMEOUT};
    bool rushed =
        rushes(capture) && capture->ticker && ticker_run(capture->ticker, read_at_beat, &rush);
    ssize_t n = rush.n;
    int rc = 0;

    if (rushed && ctx_cancelled(ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (n == -ERR_TIMEOUT) {
        n = board_console_read(board, capture->bytes, READ_SIZE, ctx, err);
        if (n > 0)
            rc = digest(capture, parser, (size_t)n, err);
    }
    count_errors(capture, board);
    if (n <= 0)
        capture->marks.end_us = now_us(capture) - capture->marks.reset_us;
    else if (rc == 0)
        rc = answer(capture, board, parser, write_ctx, err);
    return rc < 0 ? rc : n;
}

int capture_until(struct capture *capture, struct board *board, struct parser *parser, int until_fd,
                  const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_root(until_fd, NULL);
    ssize_t n;

    do
        n = take(capture, board, parser, &until, ctx, err);
    while (n > 0);
    if (n == -ERR_CANCELLED) /* the reset is over, or everything is, which its result says */
        return 0;
    return n == 0 ? err_set(err, ERR_GONE, "the console vanished at the reset") : (int)n;
}

int capture_run(struct capture *capture, struct board *board, struct parser *parser,
                const struct timeouts *timeouts, const struct ctx *ctx, enum capture_end *ret_end,
                struct err *err)
{
    *ret_end = end_of(capture->state);
    while (*ret_end == END_NONE) {
        enum capture_end silence;
        int64_t left_us = next_deadline(capture, timeouts, parser, &silence);
        struct ctx wait = ctx_narrow(ctx, (left_us + 999) / 1000);
        ssize_t n = take(capture, board, parser, &wait, ctx, err);

        if (n > 0) {
            *ret_end = end_of(capture->state);
            if (*ret_end == END_NONE && capture->marks.end_us >= timeouts->total * 1000)
                *ret_end = END_TOTAL; /* a board that never falls silent */
        } else if (n == -ERR_TIMEOUT) {
            if (next_deadline(capture, timeouts, parser, &silence) == 0)
                *ret_end = silence;
        } else {
            *ret_end = n == -ERR_CANCELLED ? END_CANCELLED : END_GONE;
            return n == 0 ? err_set(err, ERR_GONE, "the console vanished during the test") : (int)n;
        }
    }
    return 0;
}

struct capture_marks capture_marks(const struct capture *capture)
{
    struct capture_marks marks = capture->marks;

    marks.gaps = capture->gaps;
    return marks;
}

int capture_close(struct capture *capture, struct err *err)
{
    int rc = 0;

    if (!capture)
        return 0;
    if (capture->timing_fd >= 0)
        rc = flush_timing(capture, err);
    if (capture->log_fd >= 0 && close(capture->log_fd) < 0 && rc == 0)
        rc = err_sys(err, errno, "%s", capture->log_path);
    if (capture->timing_fd >= 0)
        close(capture->timing_fd);
    buf_done(&capture->timing);
    free(capture->log_path);
    free(capture->timing_path);
    free(capture);
    return rc;
}
