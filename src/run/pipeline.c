/* SPDX-License-Identifier: MIT */
#include "run/pipeline.h"

#include "base/fs.h"
#include "base/hash.h"
#include "board/recovery.h"
#include "run/capture.h"
#include "run/decode.h"
#include "run/judge.h"
#include "run/rundir.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define SWITCH_MS 30000 /* power, console and reset: switches answer in seconds or never */
#define CANCELLED_REST_MS 2000
#define RETURN_MS 20
#define ROOM_BYTES ((size_t)16 << 10) /* more than a job.json has */

struct attempt {
    struct job job; /* as it runs on this board */
    struct board *board;
    struct ticker *ticker;
    struct events *events;
    const char *work_dir;
    struct capture *capture;
    struct parser *parser;
    struct job_result *result;
    char nonce[NONCE_DIGITS + 1];
    int room_fd; /* for the last job.json, should the log fill the disk; -1: none is held */
};

static struct event about(const struct attempt *attempt, enum event_kind kind)
{
    return (struct event){
        .kind = kind, .board = attempt->result->board, .test = attempt->result->name};
}

static void tell(const struct attempt *attempt, enum event_kind kind, const char *text)
{
    struct event event = about(attempt, kind);

    event.text = text;
    event_emit(attempt->events, event);
}

/* ---- what the parser tells while it reads ------------------------------------------------ */

static void watch_line(void *arg, const char *text, size_t size)
{
    struct event event = about(arg, EVENT_LINE);

    event.text = text;
    event.text_size = size;
    event_emit(((struct attempt *)arg)->events, event);
}

static void watch_start(void *arg, const char *suite, const char *name)
{
    struct event event = about(arg, EVENT_CASE_START);

    event.suite = suite;
    event.text = name;
    event_emit(((struct attempt *)arg)->events, event);
}

static void watch_end(void *arg, const char *suite, const struct test_case *test_case)
{
    struct event event = about(arg, EVENT_CASE_END);

    event.suite = suite;
    event.test_case = test_case;
    event_emit(((struct attempt *)arg)->events, event);
}

static void watch_identity(void *arg, const char *text, uint64_t dropped)
{
    struct event event = about(arg, dropped ? EVENT_DROPPED : EVENT_NOTE);

    event.text = text;
    event.number = dropped;
    event_emit(((struct attempt *)arg)->events, event);
}

/* ---- the steps --------------------------------------------------------------------------- */

static int power_on(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, SWITCH_MS);

    return board_power_on(attempt->board, &wait, err);
}

static int open_console(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, SWITCH_MS);

    return board_console_open(attempt->board, &wait, err);
}

/* One whose port the flash driver needs is opened after that; before, it may not even be there: a
 * board in its bootloader has no tty of its own. */
static int open_console_early(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    return board_flash_needs_console(attempt->board) ? 0 : open_console(attempt, ctx, err);
}

static int verify(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, attempt->job.timeouts.flash);

    tell(attempt, EVENT_STATE, "verify");
    return board_verify(attempt->board, attempt->job.image, &wait, err);
}

static int flash_once(void *arg, const struct ctx *ctx, struct err *err)
{
    struct attempt *attempt = arg;
    struct ctx wait = ctx_narrow(ctx, attempt->job.timeouts.lease);
    bool needs_console = board_flash_needs_console(attempt->board);
    int rc = board_flash_turn(attempt->board, &wait, err);

    if (rc < 0)
        return rc;
    if (needs_console)
        board_console_close(attempt->board);
    wait = ctx_narrow(ctx, attempt->job.timeouts.flash);
    rc = board_flash(attempt->board, attempt->job.image, &wait, err);
    board_flash_turn_end(attempt->board);
    if (rc == 0)
        rc = open_console(attempt, ctx, err); /* unless it is open still */
    return rc < 0 ? rc : verify(attempt, ctx, err);
}

static void let_go(void *arg)
{
    board_console_close(((struct attempt *)arg)->board);
}

static void tell_recovery(void *arg, enum event_kind kind, const char *text)
{
    tell(arg, kind, text);
}

static void keep_recovery(struct job_result *result, const struct recovery *recovery)
{
    struct arena *arena = &result->arena;
    struct recovery_try *tries = arena_alloc(arena, RECOVERY_STEPS * sizeof *tries);

    for (size_t i = 0; i < recovery->count; i++) {
        const struct recovery_tried *tried = &recovery->tried[i];
        tries[i].step = recovery_step_names[tried->step];
        tries[i].why = tried->why[0] ? arena_strdup(arena, tried->why) : NULL;
    }
    result->recovery = tries;
    result->recovery_count = recovery->count;
    result->gave_up = recovery->gave_up;
}

static int flash(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    const struct recovery_flash how = {flash_once, let_go, tell_recovery, attempt};
    struct recovery recovery = {.count = 0};
    int rc = recovery_flash(attempt->board, &how, ctx, &recovery, err);

    if (recovery.count)
        keep_recovery(attempt->result, &recovery);
    return rc;
}

static int provision(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    const struct job *job = &attempt->job;

    return job->provision(job->provision_arg, attempt->board, ctx, err);
}

struct resetter {
    struct board *board;
    struct ctx ctx;
    struct err *err;
    int rc;
    int done_fd; /* eventfd */
};

static void *reset_board(void *arg)
{
    struct resetter *resetter = arg;

    resetter->rc = board_reset(resetter->board, &resetter->ctx, resetter->err);
    (void)!write(resetter->done_fd, &(uint64_t){1}, sizeof(uint64_t));
    return NULL;
}

/* The reset runs beside the capture, so that the first byte is read however long it takes. */
static int reset(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, SWITCH_MS);
    cleanup_close int done_fd = eventfd(0, EFD_CLOEXEC);
    struct resetter resetter = {attempt->board, wait, err, 0, done_fd};
    struct err console_err = {0};
    pthread_t thread;
    int rc = board_halt(attempt->board, &wait, err);

    if (rc == 0)
        rc = capture_drain(attempt->capture, attempt->board, &wait, err);
    if (rc < 0)
        return rc;
    capture_mark_reset(attempt->capture, attempt->board);
    if (done_fd < 0 || pthread_create(&thread, NULL, reset_board, &resetter) != 0)
        return err_set(err, ERR_LIMIT, "no more threads or descriptors can be had");
    rc = capture_until(attempt->capture, attempt->board, attempt->parser, done_fd, &wait,
                       &console_err);
    pthread_join(thread, NULL);
    if (resetter.rc < 0 || rc == 0 || rc == -ERR_GONE) /* gone: the next step finds out why */
        return resetter.rc;
    *err = console_err;
    return rc;
}

/* A board's own USB port goes with the reset and comes back, maybe under another name: until the
 * boot deadline. */
static int follow_console(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    const int64_t since_reset_ms = capture_marks(attempt->capture).end_us / 1000;
    struct ctx until = ctx_narrow(ctx, attempt->job.timeouts.boot - since_reset_ms);
    struct err why = {0};
    int rc;

    board_console_close(attempt->board);
    rc = ctx_sleep(&until, RETURN_MS, &why);
    if (rc == 0)
        rc = open_console(attempt, &until, &why);
    if (rc == -ERR_CANCELLED)
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (rc < 0)
        return err_set(err, ERR_GONE, "the console vanished at the reset: %s", why.message);
    capture_reopened(attempt->capture, attempt->board);
    tell(attempt, EVENT_NOTE, "the console vanished at the reset, and is back");
    return 0;
}

static int hear(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    return capture_run(attempt->capture, attempt->board, attempt->parser, &attempt->job.timeouts,
                       ctx, &attempt->result->end, err);
}

/* The node of a device that is going away can be opened for a moment still. */
static bool may_return(const struct attempt *attempt)
{
    return capture_silent(attempt->capture) && board_console_returns(attempt->board) &&
           capture_marks(attempt->capture).end_us < attempt->job.timeouts.boot * 1000;
}

static int test(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    int rc = hear(attempt, ctx, err);

    while (rc == -ERR_GONE && may_return(attempt)) {
        rc = follow_console(attempt, ctx, err);
        if (rc < 0)
            return rc;
        rc = hear(attempt, ctx, err);
    }
    return rc;
}

/* One board's life, in order. */
static const struct step {
    const char *name;
    int (*take)(struct attempt *attempt, const struct ctx *ctx, struct err *err);
} steps[] = {
    {"power", power_on}, {"console", open_console_early},
    {"flash", flash},    {"provision", provision},
    {"reset", reset},    {"test", test},
};

static void tell_step(const struct attempt *attempt, const struct step *step)
{
    struct event event = about(attempt, EVENT_STATE);

    event.text = step->name;
    if (step->take == test) {
        struct capture_marks marks = capture_marks(attempt->capture);
        event.number = marks.reset_bytes;
        event.total = (uint64_t)marks.reset_us;
    }
    event_emit(attempt->events, event);
}

static int take_steps(struct attempt *attempt, const struct ctx *ctx, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int64_t began = ctx_now_ns();
        int rc;

        if (steps[i].take == provision && !attempt->job.provision)
            continue;
        tell_step(attempt, &steps[i]);
        rc = steps[i].take(attempt, ctx, err);
        if (steps[i].take == flash)
            attempt->result->flash_us += (ctx_now_ns() - began) / 1000;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- before and after -------------------------------------------------------------------- */

/* What only firmware that runs from now on can know. */
static int draw_nonce(struct attempt *attempt, struct err *err)
{
    unsigned char bytes[NONCE_DIGITS / 2];

    if (!attempt->job.parse.identity.ask_nonce)
        return 0;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_sys(err, errno, "no random numbers for the nonce");
    hex_encode(bytes, sizeof bytes, attempt->nonce);
    attempt->job.parse.identity.nonce = attempt->nonce;
    return 0;
}

static int prepare(struct attempt *attempt, struct err *err)
{
    struct parse_watch watch = {attempt, watch_line, watch_start, watch_end, watch_identity};
    int rc = fs_mkdirs(attempt->work_dir, 0777, err);

    if (rc == 0)
        rc = draw_nonce(attempt, err);
    if (rc == 0)
        rc = parser_new(&attempt->job.parse, attempt->events ? &watch : NULL, attempt->result,
                        &attempt->parser, err);
    if (rc == 0)
        rc = capture_open(attempt->work_dir, attempt->ticker, &attempt->capture, err);
    if (rc == 0)
        capture_set_nonce(attempt->capture, attempt->job.parse.identity.nonce);
    return rc;
}

/* Within what is left of a run that is cancelled, also where that happens meanwhile. */
static int rest_board(struct board *board, const struct ctx *ctx, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, SWITCH_MS);
    int rc = ctx_cancelled(ctx) ? -ERR_CANCELLED : board_rest(board, &wait, err);

    if (rc == -ERR_CANCELLED) {
        wait = ctx_cleanup(ctx, CANCELLED_REST_MS);
        rc = board_rest(board, &wait, err);
    }
    return rc;
}

/* The board comes to rest whatever happened. A board that does not is worth a warning, but says
 * nothing about the firmware. */
static void rest(struct attempt *attempt, const struct ctx *ctx)
{
    struct err err = {0};

    tell(attempt, EVENT_STATE, "rest");
    board_console_close(attempt->board);
    if (rest_board(attempt->board, ctx, &err) < 0)
        tell(attempt, EVENT_WARNING, err.message);
}

/* A board that vanished because of its firmware crashed: that is the firmware's fault. */
static int blame_firmware(struct attempt *attempt, int rc)
{
    struct job_result *result = attempt->result;
    char why[256];

    if (rc != -ERR_GONE || !board_ended_by_firmware(attempt->board, why))
        return rc;
    result->end = END_CRASH;
    result->end_detail = arena_strdup(&result->arena, why);
    return 0;
}

static void keep_gaps(struct job_result *result, const struct capture_marks *marks)
{
    struct line_gap *gaps = arena_alloc(&result->arena, marks->gap_count * sizeof *gaps);

    for (size_t i = 0; i < marks->gap_count; i++)
        gaps[i] = marks->gaps[i];
    result->capture.gaps = gaps;
    result->capture.gap_count = marks->gap_count;
}

/* What was read becomes results, also of a test that was cut short. */
static const char *close_log(struct attempt *attempt, int *rc, struct err *err)
{
    struct job_result *result = attempt->result;
    struct capture_marks marks = capture_marks(attempt->capture);
    const char *trouble = NULL;
    struct err close_err = {0};

    if (result->end != END_NONE) {
        result->test_us = marks.end_us;
        trouble = parser_finish(attempt->parser, result->end, marks.end_us);
    }
    result->capture.bytes = marks.bytes;
    result->capture.before_reset = marks.reset_bytes;
    result->capture.reset_us = marks.reset_us;
    result->capture.line_known = marks.line_known;
    result->capture.line = marks.line;
    keep_gaps(result, &marks);
    if (capture_close(attempt->capture, &close_err) < 0 && *rc == 0) {
        *rc = -(int)close_err.code;
        *err = close_err;
    }
    if (*rc < 0 || result->end == END_NONE)
        return trouble;
    if (decode_write(result, attempt->job.image, NULL, attempt->work_dir, &close_err) < 0)
        tell(attempt, EVENT_WARNING, close_err.message);
    return decode_apply(result, trouble, attempt->work_dir);
}

static void conclude(struct attempt *attempt, int rc, struct err *err)
{
    const char *trouble = attempt->capture ? close_log(attempt, &rc, err) : NULL;

    if (rc == -ERR_LOST) { /* which says nothing of the board */
        err_wrap(err, "cancelled");
        attempt->result->lost = true;
    }
    if (rc == -ERR_CANCELLED)
        judge_infra(attempt->result, "cancelled");
    else if (rc < 0)
        judge_infra(attempt->result, err->message);
    else
        judge(attempt->result, trouble, &attempt->job.expect, &attempt->job.timeouts);
}

void pipeline_run(const struct job *job, struct board *board, const char *work_dir,
                  struct ticker *ticker, struct events *events, const struct ctx *ctx,
                  struct job_result *result)
{
    struct attempt attempt = {.job = job_on_board(job, board_conf(board)),
                              .board = board,
                              .ticker = ticker,
                              .events = events,
                              .work_dir = work_dir,
                              .result = result};
    int64_t began = ctx_now_ns();
    struct fence_pass pass;
    struct err err = {0};
    int rc = fence_follow(board_fence(board), ctx, &pass, &err);

    if (rc == 0)
        rc = prepare(&attempt, &err);
    attempt.room_fd = fs_hold_room(work_dir, ROOM_BYTES);
    board_attach(board, work_dir, job->name, events);
    board_allow(board, &job->write);
    if (rc == 0)
        rc = rundir_write_job(work_dir, result, &attempt.job, &err);
    if (rc == 0)
        rc = blame_firmware(&attempt, take_steps(&attempt, &pass.ctx, &err));
    rest(&attempt, &pass.ctx);
    rc = fence_leave(&pass, rc, &err);
    conclude(&attempt, rc, &err);
    board_allow(board, NULL);
    result->took_us = (ctx_now_ns() - began) / 1000;
    parser_free(attempt.parser);
    close_fd(&attempt.room_fd);
    /* Without it there is no replay, so it is no pass; but a fail stays what it is. */
    if (rundir_write_job(work_dir, result, &attempt.job, &err) < 0 &&
        result->verdict == VERDICT_PASS)
        judge_infra(result, err.message);
}
