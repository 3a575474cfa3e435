/* SPDX-License-Identifier: MIT */
#include "board/flash/uf2_drive.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "usb/usb.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOOK_MS 50
#define MOUNT_AGAIN_MS 1000
#define MOUNTS "/proc/self/mounts"

/* ---- which block device ---------------------------------------------------------------------- */

/* "/sys/devices/.../1-1.4/1-1.4:1.0/host0/.../block/sda/sda1" for 1-1.4 */
static bool hangs_below(const char *entry, const char *path)
{
    cleanup_free char *real = realpath(entry, NULL);
    cleanup_free char *interface = xasprintf("/%s:", path);

    return real && strstr(real, interface);
}

static bool has_medium(const char *entry)
{
    cleanup_free char *attribute = fs_join(entry, "size");
    cleanup_buf struct buf text = BUF_INIT(64);

    return fs_read(attribute, &text, NULL) == 0 && text.data[0] != '0';
}

static bool disk_has_medium(dev_t device)
{
    cleanup_free char *entry = xasprintf("/sys/dev/block/%u:%u", major(device), minor(device));

    return has_medium(entry);
}

int uf2_drive_node(const char *path, char **ret, struct err *err)
{
    char *found = NULL;
    bool is_part = false;
    glob_t entries;

    if (glob("/sys/class/block/*", 0, NULL, &entries) != 0)
        return err_set(err, ERR_NOT_FOUND, "no drive at %s", path);
    for (size_t i = 0; i < entries.gl_pathc && !is_part; i++) {
        const char *entry = entries.gl_pathv[i];
        cleanup_free char *partition = fs_join(entry, "partition");
        if (!hangs_below(entry, path) || !has_medium(entry))
            continue;
        is_part = fs_exists(partition);
        if (found && !is_part)
            continue;
        free(found);
        found = xasprintf("/dev/%s", fs_basename(entry));
    }
    globfree(&entries);
    *ret = found;
    return found ? 0 : err_set(err, ERR_NOT_FOUND, "no drive at %s", path);
}

static int find_node(const struct uf2_target *target, char **ret, struct err *err)
{
    const struct usb_device *device = NULL;
    struct usb_tree tree = {0};
    size_t count = 0;
    int rc = usb_scan(&tree, err);

    if (rc < 0)
        return rc;
    if (target->serial)
        device = usb_with_serial(&tree, target->serial, &count);
    if (!target->serial || (target->path && count))
        device = usb_at(&tree, target->path);
    if (device && target->serial && !str_eq(device->serial, target->serial))
        device = NULL;
    if (!device)
        rc = err_set(err, ERR_NOT_FOUND, "no USB device %s",
                     target->path ? target->path : target->serial);
    else if (!target->path && count > 1)
        rc = err_set(err, ERR_CONFIG, "%zu USB devices have the serial number %s; give 'path'",
                     count, target->serial);
    else
        rc = uf2_drive_node(device->path, ret, err);
    usb_tree_done(&tree);
    return rc;
}

/* ---- where it is mounted --------------------------------------------------------------------- */

static int read_info(const char *dir, struct uf2_info *ret, struct err *err)
{
    cleanup_free char *path = fs_join(dir, UF2_INFO_FILE);
    cleanup_buf struct buf text = BUF_INIT(UF2_INFO_MAX);
    int rc = fs_read(path, &text, err);

    return rc < 0 ? rc : uf2_info_parse(text.data, text.size, ret, err);
}

/* Calls `wants` for each mount; *ret has those that it wants. */
static void find_mounts(bool (*wants)(const struct mntent *entry, const char *text),
                        const char *text, struct strv *ret)
{
    FILE *mounts = setmntent(MOUNTS, "re");
    struct mntent entry;
    char line[8192];

    while (mounts && getmntent_r(mounts, &entry, line, sizeof line))
        if (wants(&entry, text))
            strv_add(ret, entry.mnt_dir);
    if (mounts)
        endmntent(mounts);
}

static bool is_node(const struct mntent *entry, const char *node)
{
    return str_eq(entry->mnt_fsname, node);
}

static bool is_board(const struct mntent *entry, const char *board_id)
{
    struct uf2_info info;

    return (!strcmp(entry->mnt_type, "vfat") || !strcmp(entry->mnt_type, "msdos")) &&
           read_info(entry->mnt_dir, &info, NULL) == 0 && !strcmp(info.board_id, board_id);
}

static char *own_mount_point(const struct driver_env *env)
{
    cleanup_free char *name = xasprintf("%s.uf2", env->board);

    return fs_join(env->runtime_dir, name);
}

/* By whoever may: root with mount(8), others with udisksctl. */
static int mount_node(struct uf2_drive *drive, const struct driver_env *env, const struct ctx *ctx,
                      struct err *err)
{
    cleanup_free char *udisksctl = proc_find("udisksctl");
    cleanup_free char *dir = own_mount_point(env);
    cleanup_strv struct strv argv = {0};
    bool root = geteuid() == 0;
    int rc = 0;

    if (root) {
        umount2(dir, MNT_DETACH); /* what a killed run has left */
        rc = fs_mkdirs(dir, 0700, err);
        strv_split(&argv, "mount|-t|vfat|-o|nosuid,nodev,noexec,umask=077|--", '|');
        strv_add(&argv, drive->node);
        strv_add(&argv, dir);
    } else if (udisksctl) {
        strv_split(&argv, "udisksctl|mount|--no-user-interaction|--block-device", '|');
        strv_add(&argv, drive->node);
    } else {
        return err_set(
            err, ERR_CONFIG,
            "nobody has mounted the board's drive %s, and udisksctl is not installed; "
            "try: sudo apt install udisks2, or mount it where `mount:` of the board says",
            drive->node);
    }
    if (rc == 0)
        rc = driver_run(env, &argv, "flash.log", ctx, err);
    drive->ours = rc == 0;
    if (rc == -ERR_TOOL && !root)
        return err_hint(err,
                        "; may this user mount drives? docs/flash-tools.md has the rule for it");
    return rc;
}

static void unmount(const struct uf2_drive *drive)
{
    if (!drive->ours || geteuid() != 0) /* udisks forgets what is gone by itself */
        return;
    umount2(drive->dir, MNT_DETACH);
    rmdir(drive->dir);
}

/* Below the USB device; mounted now where nobody has done that. */
static int find_plugged(const struct uf2_target *target, const struct driver_env *env,
                        const struct ctx *ctx, struct uf2_drive *drive, struct err *err)
{
    cleanup_strv struct strv dirs = {0};
    int rc = find_node(target, &drive->node, err);

    if (rc < 0)
        return rc;
    find_mounts(is_node, drive->node, &dirs);
    if (!dirs.count)
        rc = mount_node(drive, env, ctx, err);
    if (rc == 0 && !dirs.count)
        find_mounts(is_node, drive->node, &dirs);
    if (rc == 0 && !dirs.count)
        return err_set(err, ERR_NOT_FOUND, "%s is not mounted any more", drive->node);
    if (rc == 0)
        drive->dir = xstrdup(dirs.items[0]);
    return rc;
}

/* Whichever drive says that it is such a board. */
static int find_board(const char *board_id, struct uf2_drive *drive, struct err *err)
{
    cleanup_strv struct strv dirs = {0};

    find_mounts(is_board, board_id, &dirs);
    if (!dirs.count)
        return err_set(err, ERR_NOT_FOUND, "no drive is mounted whose Board-ID is %s", board_id);
    if (dirs.count > 1)
        return err_set(err, ERR_CONFIG, "%s and %s both say that they are a %s; give 'path'",
                       dirs.items[0], dirs.items[1], board_id);
    drive->dir = xstrdup(dirs.items[0]);
    return 0;
}

static int find_dir(const struct uf2_target *target, const struct driver_env *env,
                    const struct ctx *ctx, struct uf2_drive *drive, struct err *err)
{
    if (target->path || target->serial)
        return find_plugged(target, env, ctx, drive, err);
    if (!target->mount)
        return find_board(target->board_id, drive, err);
    drive->dir = xstrdup(target->mount);
    return 0;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static int check(const struct uf2_target *target, struct uf2_drive *drive, struct err *err)
{
    cleanup_free char *info = fs_join(drive->dir, UF2_INFO_FILE);
    struct stat status; /* of the file that is looked at later: an overlay's directories differ */
    int rc = read_info(drive->dir, &drive->info, err);

    if (rc < 0)
        return rc;
    if (stat(info, &status) < 0)
        return err_sys(err, errno, "%s", info);
    drive->device = status.st_dev;
    drive->on_disk = disk_has_medium(drive->device);
    if (!target->board_id || str_eq(target->board_id, drive->info.board_id))
        return 0;
    return err_set(err, ERR_REFUSED,
                   "%s is the drive of a %s (%s), and lab.yaml says board-id: %s; is another board "
                   "plugged in there?",
                   drive->dir, drive->info.board_id[0] ? drive->info.board_id : "nameless board",
                   drive->info.model, target->board_id);
}

int uf2_drive_find(const struct uf2_target *target, const struct driver_env *env,
                   const struct ctx *ctx, struct uf2_drive *ret, struct err *err)
{
    struct uf2_drive drive = {0};
    int rc = find_dir(target, env, ctx, &drive, err);

    if (rc == 0)
        rc = check(target, &drive, err);
    if (rc < 0)
        uf2_drive_done(&drive);
    *ret = drive;
    return rc;
}

int uf2_drive_await(const struct uf2_target *target, const struct driver_env *env,
                    const struct ctx *ctx, struct uf2_drive *ret, struct err *err)
{
    struct err why;
    int rc;

    /* A drive that comes just now has its node before its medium, and its mount before both. */
    do {
        why = (struct err){0};
        rc = uf2_drive_find(target, env, ctx, ret, &why);
        if (rc == 0 || (rc != -ERR_NOT_FOUND && rc != -ERR_IO && rc != -ERR_TOOL))
            break;
    } while (ctx_sleep(ctx, rc == -ERR_TOOL ? MOUNT_AGAIN_MS : LOOK_MS, err) == 0);
    if (ctx_cancelled(ctx) && rc < 0)
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_TIMEOUT,
                       "the bootloader's drive did not come: %s; is the board in its bootloader? "
                       "with `enter: touch` hil asks its firmware to go there",
                       why.message);
    if (rc < 0)
        *err = why;
    return rc;
}

/* A mount outlives its device, and what was read of it is still at hand: the device is asked,
 * too. */
bool uf2_drive_gone(const struct uf2_drive *drive)
{
    cleanup_free char *info = fs_join(drive->dir, UF2_INFO_FILE);
    struct stat status;

    return (drive->on_disk && !disk_has_medium(drive->device)) || stat(info, &status) < 0 ||
           status.st_dev != drive->device;
}

void uf2_drive_done(struct uf2_drive *drive)
{
    if (drive->dir)
        unmount(drive);
    free(drive->dir);
    free(drive->node);
    *drive = (struct uf2_drive){0};
}
