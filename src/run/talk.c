/* SPDX-License-Identifier: MIT */
#include "run/talk.h"

#include "base/str.h"
#include "run/screen.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#define SWITCH_MS 30000
#define WRITE_MS 2000
#define GONE_RETRY_MS 200
#define OFF_MS 500

static const char help[] = "Ctrl-A x leave, r reset, p power cycle, t times on or off, "
                           "a send Ctrl-A, ? this help";

struct talk {
    struct board *board;
    const struct talk_options *options;
    const struct ctx *ctx;
    bool prefixed; /* the last key was the prefix */
    struct screen screen;
    bool in_open, left;
    bool gone, told_why;  /* the console has ended, and is awaited */
    int64_t again_ns;     /* when it is tried to be opened again */
    struct termios saved; /* of in_fd */
    bool is_raw;
    /* What runs beside the reading: */
    pthread_t thread;
    int (*order)(struct talk *talk, struct err *err); /* NULL: nothing runs */
    struct err order_err;
    int order_rc, done_fd;
};

/* ---- the person ------------------------------------------------------------------------------ */

/* Keys come one by one and unchanged; what is printed still gets its carriage returns. */
static int make_raw(struct talk *talk, struct err *err)
{
    struct termios raw;

    if (!talk->options->raw)
        return 0;
    if (tcgetattr(talk->options->in_fd, &talk->saved) < 0)
        return err_sys(err, errno, "the terminal");
    raw = talk->saved;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST | ONLCR;
    if (tcsetattr(talk->options->in_fd, TCSADRAIN, &raw) < 0)
        return err_sys(err, errno, "the terminal");
    talk->is_raw = true;
    return 0;
}

static int say(struct talk *talk, const char *text, struct err *err)
{
    return screen_say(&talk->screen, text, err);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static int reset(struct talk *talk, struct err *err)
{
    struct ctx wait = ctx_narrow(talk->ctx, SWITCH_MS);

    return board_reset(talk->board, &wait, err);
}

static int cycle(struct talk *talk, struct err *err)
{
    struct ctx wait = ctx_narrow(talk->ctx, SWITCH_MS);
    int rc = board_power_off(talk->board, &wait, err);

    if (rc == 0)
        rc = ctx_sleep(&wait, OFF_MS, err);
    if (rc == 0)
        rc = board_power_on(talk->board, &wait, err);
    return rc;
}

static void *carry_out(void *arg)
{
    struct talk *talk = arg;

    talk->order_rc = talk->order(talk, &talk->order_err);
    (void)!write(talk->done_fd, &(uint64_t){1}, sizeof(uint64_t));
    return NULL;
}

static int begin_order(struct talk *talk, int (*order)(struct talk *, struct err *),
                       const char *name, struct err *err)
{
    if (talk->order)
        return say(talk, "one thing after the other", err);
    talk->order = order;
    talk->order_err = (struct err){0};
    if (pthread_create(&talk->thread, NULL, carry_out, talk) != 0) {
        talk->order = NULL;
        return err_set(err, ERR_LIMIT, "no more threads can be had");
    }
    return name ? say(talk, name, err) : 0;
}

static int end_order(struct talk *talk, struct err *err)
{
    uint64_t ended;

    (void)!read(talk->done_fd, &ended, sizeof ended);
    pthread_join(talk->thread, NULL);
    talk->order = NULL;
    return talk->order_rc < 0 && talk->order_rc != -ERR_CANCELLED
               ? say(talk, talk->order_err.message, err)
               : 0;
}

/* ---- to the board ---------------------------------------------------------------------------- */

static int send_bytes(struct talk *talk, const char *bytes, size_t count, struct err *err)
{
    struct ctx wait = ctx_narrow(talk->ctx, WRITE_MS);
    struct err why = {0};
    int fd = talk->gone ? -1 : board_console_fd(talk->board);
    int rc = fd < 0 || !count ? 0 : ctx_write(&wait, fd, bytes, count, &why);

    if (rc == 0 || rc == -ERR_CANCELLED)
        return rc;
    return say(talk, rc == -ERR_TIMEOUT ? "the board does not take what is typed" : why.message,
               err);
}

static int obey(struct talk *talk, char key, struct err *err)
{
    switch (key) {
    case 'x':
    case 'q':
    case 'X' & 0x1F:
        talk->left = true;
        return 0;
    case 'r':
        return begin_order(talk, reset, "reset", err);
    case 'p':
        return begin_order(talk, cycle, "power cycle", err);
    case 't':
        talk->screen.times = !talk->screen.times;
        return say(talk, talk->screen.times ? "times on" : "times off", err);
    case 'a':
    case TALK_PREFIX:
        return send_bytes(talk, &(char){TALK_PREFIX}, 1, err);
    default:
        return say(talk, help, err);
    }
}

static int take_keys(struct talk *talk, const char *bytes, size_t count, struct err *err)
{
    size_t sent = 0;
    int rc = 0;

    if (!talk->options->keys)
        return send_bytes(talk, bytes, count, err);
    for (size_t i = 0; i < count && rc == 0 && !talk->left; i++) {
        if (talk->prefixed) {
            talk->prefixed = false;
            rc = obey(talk, bytes[i], err);
            sent = i + 1;
        } else if (bytes[i] == TALK_PREFIX) {
            talk->prefixed = true;
            rc = send_bytes(talk, bytes + sent, i - sent, err);
            sent = i + 1;
        }
    }
    return rc == 0 && sent < count && !talk->left
               ? send_bytes(talk, bytes + sent, count - sent, err)
               : rc;
}

static int read_keys(struct talk *talk, struct err *err)
{
    char bytes[1024];
    ssize_t count = read(talk->options->in_fd, bytes, sizeof bytes);

    if (count > 0)
        return take_keys(talk, bytes, (size_t)count, err);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    talk->in_open = false;
    talk->left = talk->options->keys; /* the terminal has gone */
    return 0;
}

/* ---- from the board -------------------------------------------------------------------------- */

/* Says once that it was the firmware that ended an emulator: only a power cycle helps. */
static int say_why(struct talk *talk, struct err *err)
{
    char why[256];

    if (talk->told_why || !board_ended_by_firmware(talk->board, why))
        return 0;
    talk->told_why = true;
    return say(talk, why, err);
}

static int lose(struct talk *talk, struct err *err)
{
    talk->gone = true;
    talk->told_why = false;
    talk->again_ns = 0;
    return say(talk, "the console has gone; waiting for it", err);
}

/* A board's own USB port is away for as long as its firmware starts. What an order has in hand is
 * not closed under it. */
static int try_again(struct talk *talk, struct err *err)
{
    struct ctx moment = ctx_narrow(talk->ctx, GONE_RETRY_MS);

    if (!talk->gone || talk->order || ctx_now_ns() < talk->again_ns)
        return 0;
    board_console_close(talk->board);
    if (board_console_open(talk->board, &moment, NULL) == 0) {
        talk->gone = false;
        return say(talk, "it is back", err);
    }
    talk->again_ns = ctx_now_ns() + GONE_RETRY_MS * INT64_C(1000000);
    return say_why(talk, err);
}

static int read_board(struct talk *talk, struct err *err)
{
    char bytes[4096];
    struct err why = {0};
    ssize_t count = board_console_read(talk->board, bytes, sizeof bytes, NULL, &why);

    if (count > 0)
        return screen_show(&talk->screen, bytes, (size_t)count, err);
    return count == -ERR_TIMEOUT ? 0 : lose(talk, err);
}

/* ---- both ------------------------------------------------------------------------------------ */

static int wait_for_any(struct talk *talk, struct pollfd fds[4], struct err *err)
{
    int64_t left_ms = ctx_left_ms(talk->ctx);
    int rc;

    if (talk->gone && left_ms > GONE_RETRY_MS)
        left_ms = GONE_RETRY_MS;
    fds[0] = (struct pollfd){.fd = talk->ctx->cancel_fd, .events = POLLIN};
    fds[1] =
        (struct pollfd){.fd = talk->gone ? -1 : board_console_fd(talk->board), .events = POLLIN};
    fds[2] = (struct pollfd){.fd = talk->in_open ? talk->options->in_fd : -1, .events = POLLIN};
    fds[3] = (struct pollfd){.fd = talk->done_fd, .events = POLLIN};
    rc = poll(fds, 4, left_ms > INT32_MAX ? -1 : (int)left_ms);
    return rc < 0 && errno != EINTR ? err_sys(err, errno, "poll") : ctx_check(talk->ctx, err);
}

static int loop(struct talk *talk, struct err *err)
{
    struct pollfd fds[4];
    int rc = 0;

    while (rc == 0 && !talk->left && !talk->screen.seen) {
        rc = wait_for_any(talk, fds, err);
        if (rc == 0 && fds[3].revents)
            rc = end_order(talk, err);
        if (rc == 0 && fds[1].revents)
            rc = read_board(talk, err);
        if (rc == 0 && fds[2].revents)
            rc = read_keys(talk, err);
        if (rc == 0 && !talk->left)
            rc = try_again(talk, err);
    }
    return rc;
}

int talk(struct board *board, const struct talk_options *options, const struct ctx *ctx,
         enum talk_end *ret, struct err *err)
{
    struct talk talk = {
        .board = board,
        .options = options,
        .ctx = ctx,
        .screen = SCREEN_INIT(options->out_fd, options->log_fd, options->until, options->times),
        .in_open = true,
        .done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    int rc = talk.done_fd < 0 ? err_sys(err, errno, "eventfd") : 0;

    if (rc == 0)
        rc = board_console_open(board, ctx, err);
    if (rc == 0)
        rc = make_raw(&talk, err);
    if (rc == 0 && options->raw)
        rc = say(&talk, "Ctrl-A x leaves, Ctrl-A ? helps", err);
    if (rc == 0 && options->reset)
        rc = begin_order(&talk, reset, NULL, err);
    if (rc == 0)
        rc = loop(&talk, err);
    if (talk.order)
        pthread_join(talk.thread, NULL);
    if (talk.is_raw)
        tcsetattr(options->in_fd, TCSADRAIN, &talk.saved);
    board_console_close(board);
    screen_done(&talk.screen);
    close_fd(&talk.done_fd);
    *ret = talk.screen.seen ? TALK_SEEN : talk.left ? TALK_LEFT : TALK_OVER;
    return rc == -ERR_TIMEOUT ? 0 : rc;
}
