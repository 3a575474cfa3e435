/* SPDX-License-Identifier: MIT
 *
 * flash uf2: writes firmware onto the drive that a UF2 bootloader shows.
 *
 *     flash: {uf2: {path: 1-1.4}}                               # an RP2040, by where it is plugged
 *     flash: {uf2: {path: 1-1.4, enter: touch, board-id: nRF52840-Feather-revD}}
 *     flash: {uf2: {mount: /media/lab/RPI-RP2, family: rp2040}}
 *
 * Firmware of any format becomes UF2 here; a UF2 file is taken as it came. Nothing is written
 * before the drive has said which board it is and that agrees with the family of the firmware. The
 * drive cannot be read back: that it takes every block and then goes away, as a bootloader does
 * that starts what it has got, is the proof. Blocks are written through in pieces, so that a drive
 * that is pulled halfway is not mistaken for one that is done.
 */
#include "image/uf2.h"
#include "base/fs.h"
#include "base/str.h"
#include "board/console/serial.h"
#include "board/console_tty.h"
#include "board/flash/flash.h"
#include "board/flash/flash_log.h"
#include "board/flash/uf2_drive.h"
#include "board/modem_lines.h"
#include "usb/usb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "FIRMWARE.UF2"
#define FILE_MAX (2 * IMAGE_FILE_MAX) /* UF2 says 256 bytes in 512 */
#define PIECE ((size_t)64 << 10)
#define APPEAR_MS 15000
#define RESTART_MS 15000
#define GONE_MS 500
#define LOOK_MS 20
#define TOUCH_BAUD 1200

enum enter { ENTER_NONE, ENTER_TOUCH };
static const char *const enters[] = {"none", "touch", NULL};

struct flash_uf2 {
    struct uf2_target target;
    char *family;
    int enter;
};

#define AT(member) offsetof(struct flash_uf2, member)

static const struct field fields[] = {
    {"path", FIELD_STRING, AT(target.path),
     .help = "where the board is plugged, as hil discover shows it: 1-1.4"},
    {"serial", FIELD_STRING, AT(target.serial),
     .help = "or its bootloader's serial number; both: both must fit. All RP2040 have the same"},
    {"mount", FIELD_STRING, AT(target.mount),
     .help = "or the directory where its drive is always mounted, by somebody else"},
    {"board-id", FIELD_STRING, AT(target.board_id),
     .help = "the Board-ID in the drive's INFO_UF2.TXT, RPI-RP2: another board is never written. "
             "Alone: whichever drive is mounted that says so"},
    {"family", FIELD_STRING, AT(family),
     .help = "the chip's family, rp2040 or 0xe48bff56; what the firmware or the board says where "
             "not given"},
    {"enter", FIELD_CHOICE, AT(enter), .choices = enters,
     .help = "touch: open the board's USB tty at 1200 baud, by which firmware of Arduino, "
             "CircuitPython and others goes into the bootloader; none where not given"},
    {0},
};

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    const struct flash_uf2 *conf = self;
    const struct uf2_target *target = &conf->target;
    uint32_t family;

    if (!target->path && !target->serial && !target->mount && !target->board_id)
        diag_key(diags, node,
                 "flash uf2 needs path, serial, mount or board-id: which drive is this "
                 "board's?");
    if (target->mount && (target->path || target->serial))
        diag_node(diags, yaml_get(node, "mount"),
                  "flash uf2 needs either mount, or path and serial, not both");
    if (target->mount && target->mount[0] != '/')
        diag_node(diags, yaml_get(node, "mount"), "flash uf2: '%s' is not an absolute path",
                  target->mount);
    if (target->path && !usb_path_valid(target->path))
        diag_node(diags, yaml_get(node, "path"),
                  "flash uf2: '%s' is not a hub path such as 1-1.4; hil discover shows them",
                  target->path);
    if (conf->family && !uf2_family_parse(conf->family, &family))
        diag_node(diags, yaml_get(node, "family"),
                  "flash uf2: '%s' is no family that hil knows; its number, such as 0xe48bff56, "
                  "does as well",
                  conf->family);
}

/* One programming. */
struct session {
    const struct flash_uf2 *conf;
    const struct driver_env *env;
    const struct image *image;
    const struct ctx *ctx;
    struct uf2_drive drive;
    struct flash_log log;
    struct buf file; /* what is written */
    int last_errno;  /* of its last piece; 0: none */
};

/* ---- into the bootloader --------------------------------------------------------------------- */

/* The tty of the board's own USB device; where it cannot be told, the console's. */
static char *find_tty(const struct session *session)
{
    const struct uf2_target *target = &session->conf->target;
    const struct usb_device *device = NULL;
    struct usb_tree tree = {0};
    char *found = NULL;
    size_t count;

    if ((target->path || target->serial) && usb_scan(&tree, NULL) == 0) {
        device = target->path ? usb_at(&tree, target->path)
                              : usb_with_serial(&tree, target->serial, &count);
        if (device && device->tty_count)
            found = xstrdup(device->ttys[0].node);
        usb_tree_done(&tree);
    }
    if (!found && session->env->console)
        tty_target_find(session->env->console->target, &found, NULL);
    return found;
}

/* Its firmware is asked: at this speed and with DTR off it goes into the bootloader. Where there is
 * no tty it may well be on its way there. */
static void touch(struct session *session)
{
    cleanup_free char *tty = find_tty(session);
    struct modem_lines lines = {.fd = -1, .name = tty};
    struct err err = {0};

    if (!tty) {
        flash_log_line(&session->log, "no tty to be touched\n");
        return;
    }
    flash_log_line(&session->log, "touching %s at %d baud\n", tty, TOUCH_BAUD);
    if (serial_open(tty, TOUCH_BAUD, &lines.fd, &err) == 0)
        modem_lines_change(&lines, 0, MODEM_DTR, &err);
    if (err.message[0])
        flash_log_line(&session->log, "%s\n", err.message);
    modem_lines_close(&lines);
}

static int open_drive(struct session *session, struct err *err)
{
    const struct uf2_target *target = &session->conf->target;
    struct ctx wait = ctx_narrow(session->ctx, APPEAR_MS);
    int rc = 0;

    if (session->conf->enter == ENTER_TOUCH) {
        rc = uf2_drive_find(target, session->env, session->ctx, &session->drive, err);
        if (rc == 0 || rc == -ERR_REFUSED || rc == -ERR_CONFIG)
            return rc;
        touch(session);
    }
    return uf2_drive_await(target, session->env, &wait, &session->drive, err);
}

/* ---- what is written ------------------------------------------------------------------------- */

/* The chip's family: as lab.yaml says, or the firmware, or the board. */
static int find_family(const struct session *session, uint32_t *ret, struct err *err)
{
    const char *board = session->drive.info.board_id;
    char text[UF2_FAMILY_TEXT], other[UF2_FAMILY_TEXT];
    uint32_t theirs = 0, first = 0;
    size_t known = uf2_board_families(board, &first);
    bool has_theirs = image_uf2_family(session->image, &theirs);
    bool has_ours = session->conf->family && uf2_family_parse(session->conf->family, ret);

    if (has_ours && has_theirs && *ret != theirs)
        return err_set(err, ERR_CONFIG, "%s is for family %s, the board's is %s",
                       session->image->name, uf2_family_text(theirs, text),
                       uf2_family_text(*ret, other));
    if (!has_ours && has_theirs)
        *ret = theirs;
    if (has_ours || has_theirs)
        return !known || uf2_board_takes(board, *ret)
                   ? 0
                   : err_set(err, ERR_CONFIG, "a %s does not take family %s", board,
                             uf2_family_text(*ret, text));
    *ret = first;
    if (known == 1 || str_eq(session->image->format, "uf2"))
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s chip's family is to be written? give the board `family:`, such as %s",
                   known ? "which" : "what",
                   known ? uf2_family_text(first, text) : "rp2040, nrf52840, samd51 or its number");
}

/* What hil pads must lie within the board's memory as well. */
static int check_padding(const struct session *session, struct err *err)
{
    struct image *padded = NULL;
    int rc = image_load(session->image->name, session->file.data, session->file.size, NULL, &padded,
                        err);

    for (size_t i = 0; rc == 0 && i < padded->count; i++)
        rc = driver_accepts(session->env, "with its padding", padded->segments[i].address,
                            padded->segments[i].size, err);
    image_free(padded);
    return rc;
}

static int make_file(struct session *session, struct err *err)
{
    const struct image *image = session->image;
    char text[UF2_FAMILY_TEXT];
    uint32_t family = 0;
    int rc = find_family(session, &family, err);

    if (rc < 0)
        return rc;
    flash_log_line(&session->log, "%s: %s, Board-ID %s; firmware for family %s\n",
                   session->drive.dir, session->drive.info.bootloader, session->drive.info.board_id,
                   uf2_family_text(family, text));
    if (str_eq(image->format, "uf2"))
        return buf_add(&session->file, image->file_bytes, image->file_size);
    rc = image_write_uf2(image, family, &session->file, err);
    return rc == 0 ? check_padding(session, err) : rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* What a device answers that is not there any more. */
static bool says_gone(int reason)
{
    return reason == EIO || reason == ENODEV || reason == ENXIO || reason == ESHUTDOWN;
}

/* 0 or an errno. A drive that goes away in the middle takes less than it was given, and only what
 * is tried next tells why. */
static int push(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t wrote = write(fd, bytes, size);
        if (wrote <= 0)
            return wrote < 0 ? errno : EIO;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return fdatasync(fd) < 0 ? errno : 0;
}

/* The kernel may still be taking it out of its lists. */
static bool goes_away(const struct session *session)
{
    struct ctx wait = ctx_narrow(session->ctx, GONE_MS);

    while (!uf2_drive_gone(&session->drive))
        if (ctx_sleep(&wait, LOOK_MS, NULL) < 0)
            return false;
    return true;
}

/* A bootloader that has seen the last block goes away at once: then the piece with that block
 * cannot be said to be written. Before that, a mount that nobody has told would take everything. */
static int write_piece(struct session *session, int fd, size_t done, size_t size, struct err *err)
{
    const struct buf *file = &session->file;
    bool last = done + size == file->size;
    int reason = push(fd, file->data + done, size);

    if (last && says_gone(reason)) {
        session->last_errno = reason;
        return 0;
    }
    if (reason == 0 && last)
        return 0;
    if (reason == 0 ? uf2_drive_gone(&session->drive)
                    : (says_gone(reason) || reason == ENOSPC) && goes_away(session))
        return err_set(err, ERR_GONE,
                       "the drive vanished after %zu of %zu bytes; was the board unplugged?", done,
                       file->size);
    if (reason == ENOSPC)
        return err_set(err, ERR_LIMIT, "%s: no room for %zu bytes", session->drive.dir, file->size);
    return reason ? err_sys(err, reason, "%s: after %zu of %zu bytes", session->drive.dir, done,
                            file->size)
                  : 0;
}

static int write_file(struct session *session, struct err *err)
{
    cleanup_free char *path = fs_join(session->drive.dir, FILE_NAME);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    int rc = 0;

    if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        err_sys(err, errno, "%s", path);
        return err_hint(err, "; is the drive mounted for another user, or read-only? udisksctl "
                             "mounts it for you");
    }
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    flash_log_step(&session->log);
    for (size_t done = 0, size; done < session->file.size && rc == 0; done += size) {
        size = session->file.size - done < PIECE ? session->file.size - done : PIECE;
        rc = ctx_check(session->ctx, err);
        if (rc == 0)
            rc = write_piece(session, fd, done, size, err);
        if (rc == 0)
            flash_log_done(&session->log, "flash", size, session->file.size);
    }
    return rc;
}

static int await_restart(struct session *session, struct err *err)
{
    struct ctx wait = ctx_narrow(session->ctx, RESTART_MS);

    while (!uf2_drive_gone(&session->drive)) {
        int rc = ctx_sleep(&wait, LOOK_MS, err);
        if (rc == -ERR_TIMEOUT && session->last_errno)
            return err_sys(err, session->last_errno, "%s: its last blocks", session->drive.dir);
        if (rc == -ERR_TIMEOUT)
            return err_set(err, ERR_TIMEOUT,
                           "the bootloader took the file, and its drive is still there: it has not "
                           "started the firmware; is that for this chip? (%s)",
                           session->drive.info.board_id);
        if (rc < 0)
            return rc;
    }
    flash_log_line(&session->log, "wrote %zu bytes of UF2; the bootloader has started it\n",
                   session->file.size);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static struct session begin(const struct flash_uf2 *conf, const struct driver_env *env,
                            const struct image *image, const struct ctx *ctx)
{
    struct session session = {
        .conf = conf, .env = env, .image = image, .ctx = ctx, .file = BUF_INIT(FILE_MAX)};

    flash_log_open(&session.log, env);
    return session;
}

static void end(struct session *session)
{
    uf2_drive_done(&session->drive);
    buf_done(&session->file);
    flash_log_close(&session->log);
}

static int program(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err)
{
    struct session session = begin(self, env, image, ctx);
    int rc = open_drive(&session, err);

    if (rc == 0)
        rc = make_file(&session, err);
    if (rc == 0)
        rc = write_file(&session, err);
    if (rc == 0)
        rc = await_restart(&session, err);
    end(&session);
    return rc;
}

/* Whether `has` has every byte of the segment. */
static bool holds(const struct image *has, const struct segment *segment)
{
    for (size_t i = 0; i < has->count; i++) {
        const struct segment *there = &has->segments[i];
        if (segment->address >= there->address &&
            segment->address + segment->size <= there->address + there->size)
            return !memcmp(there->bytes + (segment->address - there->address), segment->bytes,
                           segment->size);
    }
    return false;
}

/* Some bootloaders show what the chip has as CURRENT.UF2. */
static int compare_current(struct session *session, struct err *err)
{
    cleanup_free char *path = fs_join(session->drive.dir, "CURRENT.UF2");
    struct image *current = NULL;
    int rc = fs_read(path, &session->file, err);

    if (rc == 0)
        rc = image_load("CURRENT.UF2", session->file.data, session->file.size, NULL, &current, err);
    if (rc < 0)
        return err_set(err, ERR_CONFIG,
                       "cannot tell what the board has: its bootloader shows no "
                       "CURRENT.UF2");
    for (size_t i = 0; rc == 0 && i < session->image->count; i++)
        if (!holds(current, &session->image->segments[i]))
            rc = err_set(err, ERR_REFUSED, "it holds something else at 0x%08llx",
                         (unsigned long long)session->image->segments[i].address);
    image_free(current);
    return rc;
}

/* Firmware that runs is not disturbed for it. */
static int compare(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err)
{
    struct session session = begin(self, env, image, ctx);
    int rc = uf2_drive_find(&session.conf->target, env, ctx, &session.drive, err);

    if (rc == 0)
        rc = compare_current(&session, err);
    else if (rc == -ERR_NOT_FOUND)
        rc =
            err_set(err, ERR_CONFIG, "cannot tell what the board has: it is not in its bootloader");
    end(&session);
    return rc;
}

const struct flash_driver flash_uf2 = {
    .base = {.name = "uf2",
             .summary = "the drive of a UF2 bootloader: RP2040, RP2350, nRF52, SAMD, TinyUF2",
             .fields = fields,
             .self_size = sizeof(struct flash_uf2),
             .check = check},
    .needs_console_port = true, /* it may be the tty that is touched, and it goes with it */
    .program = program,
    .compare = compare,
};
