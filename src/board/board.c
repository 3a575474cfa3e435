/* SPDX-License-Identifier: MIT */
#include "base/guard.h"
#include "board/board_parts.h"
#include "board/plugged.h"
#include "board/turn.h"
#include "usb/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESET_GAP_MS 200 /* off time of a power cycle that stands for a reset */
#define PROBE_ON_MS 2000 /* once the run is cancelled */

const struct board_conf *board_conf(const struct board *board)
{
    return board->conf;
}

void board_attach(struct board *board, const char *work_dir, const char *test,
                  struct events *events)
{
    board->env.work_dir = work_dir;
    board->env.test = test;
    board->env.events = events;
}

void board_set_fence(struct board *board, const struct fence *fence)
{
    board->fence = fence;
}

const struct fence *board_fence(const struct board *board)
{
    return board->fence;
}

void board_allow(struct board *board, const struct strv *names)
{
    board->env.allowed = names;
}

int board_accepts(const struct board *board, const struct image *image, struct err *err)
{
    int rc = 0;

    /* Partitions of a storage have no addresses that memory could guard. */
    if (image->layout && !board->flash->takes_layouts)
        rc = err_set(err, ERR_CONFIG,
                     "is a flash layout, which flash %s of %s cannot take; cubeprogrammer can",
                     board->flash->base.name, board->conf->name);
    for (size_t i = 0; i < image->count && rc == 0; i++)
        rc = driver_accepts(&board->env, "segment", image->segments[i].address,
                            image->segments[i].size, err);
    return rc < 0 ? err_wrap(err, "%s", image->name) : 0;
}

/* The guardian's key for the i-th resting command of this board. */
static int64_t rest_key(const struct board *board, size_t i)
{
    return (int64_t)(uintptr_t)board + (int64_t)i;
}

static void untell_guard(struct board *board)
{
    for (size_t i = 0; i < board->rests; i++)
        guard_drop_rest(board->guard, rest_key(board, i));
    board->rests = 0;
}

static void tell_guard(struct board *board, const struct ctx *ctx)
{
    const struct strv *argvs = NULL;

    untell_guard(board); /* of an earlier life that could not be ended */
    if (!board->power->off_argvs || board->conf->far)
        return;
    board->guard = ctx->guard;
    board->rests = board->power->off_argvs(board->power_self, &argvs);
    for (size_t i = 0; i < board->rests; i++) {
        if (!guard_add_rest(ctx->guard, rest_key(board, i), (const char *const *)argvs[i].items))
            driver_tell_warning(&board->env,
                                "its resting command has more than %d bytes: should hil be killed, "
                                "nobody runs it",
                                GUARD_REST_MAX);
        if (board->fence)
            guard_bar_rest(ctx->guard, rest_key(board, i), board->fence->over_fd);
    }
}

/* The runtime directory is everybody's: one that somebody else has made for us is no good. */
static int make_socket_dir(const struct board *board, struct err *err)
{
    struct stat info;

    if (mkdir(board->dir, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "%s", board->dir);
    if (lstat(board->dir, &info) < 0)
        return err_sys(err, errno, "%s", board->dir);
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || info.st_mode & (S_IWGRP | S_IWOTH))
        return err_set(err, ERR_IO, "%s: is not a directory of ours alone; try: rm -r %s",
                       board->dir, board->dir);
    return 0;
}

/* A rig's, whoever unplugs it switches it off: without power nobody would see the next one. */
static bool stays_on(const struct board *board)
{
    return board->conf->bare && !board_ends_with_us(board);
}

static int switch_on(struct board *board, const struct ctx *ctx, struct err *err)
{
    struct fence_pass pass;
    int rc = fence_enter(board->fence, ctx, &pass, err);

    if (rc == 0) {
        /* Before the first command: half switched on must be switched off, too. */
        if (!stays_on(board))
            tell_guard(board, ctx);
        board->powered = true;
        rc = board->power->on(board->power_self, &board->env, &pass.ctx, err);
    }
    return fence_leave(&pass, rc, err);
}

int board_power_on(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc = make_socket_dir(board, err);

    if (rc < 0 || !board->power)
        return rc;
    rc = switch_on(board, ctx, err);
    return rc < 0 ? err_wrap(err, "power %s", board->power->base.name) : 0;
}

static int need_power(const struct board *board, struct err *err)
{
    return board->power ? 0
                        : err_set(err, ERR_CONFIG, "%s has no power driver: see hil drivers power",
                                  board->conf->name);
}

int board_is_on(struct board *board, const struct ctx *ctx, bool *ret, struct err *err)
{
    int rc = need_power(board, err);

    if (rc < 0)
        return rc;
    if (!board->power->is_on)
        return err_set(err, ERR_CONFIG, "power %s of %s cannot tell", board->power->base.name,
                       board->conf->name);
    rc = board->power->is_on(board->power_self, &board->env, ctx, ret, err);
    return rc < 0 ? err_wrap(err, "power %s", board->power->base.name) : 0;
}

bool board_ends_with_us(const struct board *board)
{
    return board->power && board->power->ends_with_us;
}

int board_rest(struct board *board, const struct ctx *ctx, struct err *err)
{
    return board->powered && !stays_on(board) ? board_power_off(board, ctx, err) : 0;
}

/* An emulator is this process's own, whoever has the board. */
static int switch_off(struct board *board, const struct ctx *ctx, struct err *err)
{
    struct fence_pass pass;
    int rc = fence_enter(board_ends_with_us(board) ? NULL : board->fence, ctx, &pass, err);

    if (rc == 0)
        rc = board->power->off(board->power_self, &board->env, &pass.ctx, err);
    return fence_leave(&pass, rc, err);
}

int board_power_off(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc = need_power(board, err);

    if (rc < 0)
        return rc;
    rc = switch_off(board, ctx, err);
    board->powered = rc < 0;
    if (rc == -ERR_LOST) { /* nor may the guardian */
        untell_guard(board);
        board->powered = false;
    }
    if (rc < 0)
        return err_wrap(err, "power %s", board->power->base.name);
    untell_guard(board);
    return 0;
}

bool board_ended_by_firmware(struct board *board, char why[256])
{
    return board->powered && board->power->ended_by_firmware &&
           board->power->ended_by_firmware(board->power_self, &board->env, why);
}

int board_flash_turn(struct board *board, const struct ctx *ctx, struct err *err)
{
    const struct max_parallel *room = &board->lab->max_parallel;
    const struct usb_device *device;
    struct turn_place place = {0};
    struct usb_tree tree = {0};
    bool here = !board->conf->far && (room->hub || room->controller);
    int rc = here ? usb_scan(&tree, err) : 0;

    if (here && rc == 0 && (device = plugged_device(board->conf, &tree)))
        place = (struct turn_place){.hub = device->parent, .controller = device->controller};
    place.server = board->conf->far;
    if (rc == 0)
        rc = turn_take(board->lock_dir, board->lab, &place, ctx, &board->turn, err);
    usb_tree_done(&tree);
    return rc;
}

void board_flash_turn_end(struct board *board)
{
    turn_drop(board->turn);
    board->turn = NULL;
}

/* A flash driver's call, behind the fence. */
static int with_image(struct board *board, void *self,
                      int (*call)(void *self, const struct driver_env *env,
                                  const struct image *image, const struct ctx *ctx,
                                  struct err *err),
                      const struct image *image, const struct ctx *ctx, struct err *err)
{
    struct fence_pass pass;
    int rc = fence_enter(board->fence, ctx, &pass, err);

    if (rc == 0)
        rc = call(self, &board->env, image, &pass.ctx, err);
    return fence_leave(&pass, rc, err);
}

int board_flash(struct board *board, const struct image *image, const struct ctx *ctx,
                struct err *err)
{
    int rc = board->conf->recovery.first ? board_enter_bootloader(board, ctx, err) : 0;

    if (rc < 0)
        return rc;
    if (board->power && board->power->expect)
        board->power->expect(board->power_self, image);
    rc = with_image(board, board->flash_self, board->flash->program, image, ctx, err);
    return rc < 0 ? err_wrap(err, "flash %s", board->flash->base.name) : 0;
}

int board_verify(struct board *board, const struct image *image, const struct ctx *ctx,
                 struct err *err)
{
    int rc = board->flash->verify
                 ? with_image(board, board->flash_self, board->flash->verify, image, ctx, err)
                 : 0;

    return rc < 0 ? err_wrap(err, "verify %s", board->flash->base.name) : 0;
}

/* 0 where it has the image, or all of it is blank where `blank` is asked for. */
static int otp_compare(struct board *board, const struct image *image, bool blank,
                       const struct ctx *ctx, struct err *err)
{
    cleanup_free struct segment *segments = xcalloc(image->count, sizeof *segments);
    struct image erased = *image;
    int rc;

    if (!blank)
        return with_image(board, board->otp_self, board->otp->compare, image, ctx, err);
    erased.segments = segments;
    for (size_t i = 0; i < image->count; i++) {
        segments[i] = image->segments[i];
        segments[i].bytes = xmalloc(segments[i].size);
        memset(segments[i].bytes, 0xff, segments[i].size);
    }
    rc = with_image(board, board->otp_self, board->otp->compare, &erased, ctx, err);
    for (size_t i = 0; i < image->count; i++)
        free(segments[i].bytes);
    return rc;
}

static int otp_write(struct board *board, const struct image *image, const struct ctx *ctx,
                     struct err *err)
{
    int rc = otp_compare(board, image, false, ctx, err);

    if (rc != -ERR_REFUSED)
        return rc;
    rc = otp_compare(board, image, true, ctx, err);
    if (rc == -ERR_REFUSED)
        return err_set(err, ERR_REFUSED,
                       "it has something else already, and it takes each bit once");
    if (rc == 0)
        rc = with_image(board, board->otp_self, board->otp->program, image, ctx, err);
    return rc == 0 ? otp_compare(board, image, false, ctx, err) : rc;
}

int board_otp(struct board *board, const struct image *image, const struct ctx *ctx,
              struct err *err)
{
    int rc;

    if (!board->otp)
        return err_set(err, ERR_CONFIG, "%s has no otp driver: see hil drivers otp",
                       board->conf->name);
    rc = otp_write(board, image, ctx, err);
    return rc < 0 ? err_wrap(err, "otp %s", board->otp->base.name) : 0;
}

int board_holds(struct board *board, const struct image *image, const struct ctx *ctx, bool *ret,
                struct err *err)
{
    const struct flash_driver *flash = board->flash;
    int rc = flash->compare ? with_image(board, board->flash_self, flash->compare, image, ctx, err)
                            : err_set(err, ERR_CONFIG, "cannot tell what the board has");

    *ret = rc == 0;
    if (rc == -ERR_REFUSED)
        return 0;
    return rc < 0 ? err_wrap(err, "flash %s", flash->base.name) : 0;
}

bool board_flash_needs_console(const struct board *board)
{
    return board->flash->needs_console_port || board->env.openocd;
}

int board_power_cycle(struct board *board, int64_t gap_ms, const struct ctx *ctx, struct err *err)
{
    int rc = board_power_off(board, ctx, err);

    if (rc == 0)
        rc = ctx_sleep(ctx, gap_ms, err);
    return rc == 0 ? board_power_on(board, ctx, err) : rc;
}

/* One of a reset driver's, or a power driver's, behind the fence. */
static int with_board(struct board *board, void *self,
                      int (*call)(void *self, const struct driver_env *env, const struct ctx *ctx,
                                  struct err *err),
                      const struct ctx *ctx, struct err *err)
{
    struct fence_pass pass;
    int rc = fence_enter(board->fence, ctx, &pass, err);

    if (rc == 0)
        rc = call(self, &board->env, &pass.ctx, err);
    return fence_leave(&pass, rc, err);
}

int board_halt(struct board *board, const struct ctx *ctx, struct err *err)
{
    if (!board->reset || !board->reset->halt ||
        with_board(board, board->reset_self, board->reset->halt, ctx, err) == 0)
        return 0;
    return err_wrap(err, "reset %s", board->reset->base.name);
}

int board_reset(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (board->reset) {
        rc = with_board(board, board->reset_self, board->reset->reset, ctx, err);
        return rc < 0 ? err_wrap(err, "reset %s", board->reset->base.name) : 0;
    }
    rc = board_power_cycle(board, RESET_GAP_MS, ctx, err);
    return rc < 0 ? err_wrap(err, "reset by power cycle") : 0;
}

/* ---- recovery ------------------------------------------------------------------------------ */

int board_enter_bootloader(struct board *board, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (!board->bootloader)
        return err_set(err, ERR_CONFIG, "no bootloader driver");
    rc = with_board(board, board->bootloader_self, board->bootloader->reset, ctx, err);
    return rc < 0 ? err_wrap(err, "bootloader %s", board->bootloader->base.name) : 0;
}

int board_usb_reset(struct board *board, const struct ctx *ctx, struct err *err)
{
    const struct usb_device *device;
    struct usb_link *link = NULL;
    struct usb_tree tree = {0};
    struct fence_pass pass;
    int rc = board->conf->far ? err_set(err, ERR_NOT_FOUND, "its port is none of this host's") : 0;

    if (rc == 0) {
        rc = fence_enter(board->fence, ctx, &pass, err);
        rc = fence_leave(&pass, rc, err); /* it takes no time */
    }
    if (rc == 0)
        rc = usb_scan(&tree, err);
    if (rc == 0 && !(device = plugged_device(board->conf, &tree)))
        rc = err_set(err, ERR_NOT_FOUND, "no USB device of its drivers is plugged in");
    else if (rc == 0)
        rc = usb_link_open(device, &link, err);
    if (rc == 0)
        rc = usb_link_reset(link, err);
    usb_link_close(link);
    usb_tree_done(&tree);
    return rc;
}

int board_probe_cycle(struct board *board, int64_t gap_ms, const struct ctx *ctx, struct err *err)
{
    struct err on_err = {0};
    struct ctx back;
    int rc, on_rc;

    if (!board->probe)
        return err_set(err, ERR_CONFIG, "no power driver of the probe");
    rc = with_board(board, board->probe_self, board->probe->off, ctx, err);
    if (rc == 0)
        rc = ctx_sleep(ctx, gap_ms, err);
    /* Nothing else would switch it on again, so a cancel does not keep us from it. */
    back = rc == 0 ? *ctx : ctx_cleanup(ctx, PROBE_ON_MS);
    on_rc = with_board(board, board->probe_self, board->probe->on, &back, &on_err);
    if (rc == 0 && on_rc < 0) {
        rc = on_rc;
        if (err)
            *err = on_err;
    }
    return rc < 0 ? err_wrap(err, "probe %s", board->probe->base.name) : 0;
}
