/* SPDX-License-Identifier: MIT
 *
 * uf2_drive: the drive that a board's UF2 bootloader shows, found, mounted and read.
 *
 * A board is known by where it is plugged, by its bootloader's serial number, or by where its drive
 * is always mounted. Where nobody has mounted it, udisksctl does, or mount where we are root. The
 * drive that goes away is how a bootloader says that it has all of the firmware.
 */
#ifndef HIL_BOARD_FLASH_UF2_DRIVE_H
#define HIL_BOARD_FLASH_UF2_DRIVE_H

#include "board/driver.h"
#include "board/flash/uf2_info.h"

#include <sys/types.h>

struct uf2_target {
    char *path, *serial; /* of the USB device; the drive is looked for below it */
    char *mount;         /* or the directory */
    char *board_id; /* what INFO_UF2.TXT must say; NULL: anything. Alone: the only such drive */
};

struct uf2_drive {
    char *dir;  /* where it is mounted */
    char *node; /* "/dev/sda1"; NULL: found by its directory */
    dev_t device;
    bool on_disk; /* whose medium sysfs knows */
    bool ours;    /* we have mounted it: it is for us to be undone */
    struct uf2_info info;
};

/* Waits until it is there and says that it is the board's. -ERR_TIMEOUT: it never came;
 * -ERR_REFUSED: it is another board's; -ERR_CONFIG: two could be meant, or nobody can mount it. */
int uf2_drive_await(const struct uf2_target *target, const struct driver_env *env,
                    const struct ctx *ctx, struct uf2_drive *ret, struct err *err);
/* The same without waiting: -ERR_NOT_FOUND where it is not there. */
int uf2_drive_find(const struct uf2_target *target, const struct driver_env *env,
                   const struct ctx *ctx, struct uf2_drive *ret, struct err *err);
bool uf2_drive_gone(const struct uf2_drive *drive);
void uf2_drive_done(struct uf2_drive *drive);

/* The node of the drive that the USB device at `path` shows ("/dev/sda1": its first partition, or
 * all of it); the caller frees. -ERR_NOT_FOUND. */
int uf2_drive_node(const char *path, char **ret, struct err *err);

#endif
