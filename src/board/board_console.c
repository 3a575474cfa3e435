/* SPDX-License-Identifier: MIT */
/* The board's console, opened, read and written. */
#include "board/board_parts.h"

#include "board/console/serial.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void lend_console(struct board *board, int fd)
{
    if (board->env.console)
        console_tty_set(board->env.console, fd);
}

int board_console_open(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc = 0;

    if (!board->console)
        return err_set(err, ERR_CONFIG, "%s has no console driver: see hil drivers console",
                       board->conf->name);
    if (board->console_fd < 0)
        rc = board->console->open(board->console_self, &board->env, ctx, &board->console_fd, err);
    if (rc == 0)
        lend_console(board, board->console_fd);
    return rc < 0 ? err_wrap(err, "console %s", board->console->base.name) : 0;
}

void board_console_close(struct board *board)
{
    lend_console(board, -1);
    if (board->console_fd >= 0 && board->console->close)
        board->console->close(board->console_self, board->console_fd);
    else if (board->console_fd >= 0)
        close(board->console_fd);
    board->console_fd = -1;
}

int board_console_fd(const struct board *board)
{
    return board->console_fd;
}

/* A USB adapter that is pulled answers EIO, ENXIO or ENODEV, a peer that died ECONNRESET. */
static int console_gone(const struct board *board, struct err *err)
{
    err_wrap(err, "console %s", board->console->base.name);
    err->code = ERR_GONE;
    return -ERR_GONE;
}

ssize_t board_console_read(struct board *board, void *bytes, size_t room, const struct ctx *ctx,
                           struct err *err)
{
    ssize_t n;

    if (ctx) {
        n = ctx_read(ctx, board->console_fd, bytes, room, err);
    } else {
        n = read(board->console_fd, bytes, room);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return err_set(err, ERR_TIMEOUT, "nothing to read");
        if (n < 0)
            n = err_sys(err, errno, "read");
    }
    return n >= 0 || n == -ERR_TIMEOUT || n == -ERR_CANCELLED ? n : console_gone(board, err);
}

int board_console_write(struct board *board, const void *bytes, size_t count, const struct ctx *ctx,
                        struct err *err)
{
    int rc = ctx_write(ctx, board->console_fd, bytes, count, err);

    if (rc == 0 || rc == -ERR_CANCELLED)
        return rc;
    if (rc == -ERR_TIMEOUT)
        return err_wrap(err, "console %s: the board takes no bytes", board->console->base.name);
    return console_gone(board, err);
}

bool board_console_returns(const struct board *board)
{
    return board->console->tty && tty_target_lasts(board->console->tty(board->console_self));
}

bool board_console_errors(const struct board *board, struct line_errors *ret)
{
    return board->console_fd >= 0 && board->console->tty && serial_errors(board->console_fd, ret);
}

int board_console_settle_ms(const struct board *board)
{
    return board->console->settle_ms;
}
