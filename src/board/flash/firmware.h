/* SPDX-License-Identifier: MIT
 *
 * firmware: the image as files in the job's directory, for tools that read files.
 *
 * The files' names are ours ("firmware.hex", "firmware-1.bin"), whatever the user's file is called,
 * so none can pass for an option or be read as anything but a name. Blocks for as long as the disk
 * does.
 */
#ifndef HIL_BOARD_FLASH_FIRMWARE_H
#define HIL_BOARD_FLASH_FIRMWARE_H

#include "board/driver.h"

enum firmware_form {
    FIRMWARE_ORIGINAL, /* the file as it came */
    FIRMWARE_HEX,      /* its segments as Intel HEX */
    FIRMWARE_BINS,     /* its segments as raw binaries, each with its address */
    FIRMWARE_LAYOUT,   /* a flash layout, its files by absolute paths */
};

struct firmware_file {
    char *name; /* in `dir` */
    uint64_t address, size;
};

struct firmware {
    char *dir; /* absolute */
    struct firmware_file *files;
    size_t count;        /* at least 1; 1 unless FIRMWARE_BINS */
    uint64_t size_bytes; /* of the files */
};

/* Writes into the job's directory (none: the current one). `block` is image_pieces()'; padding that
 * lies outside the board's memory is -ERR_CONFIG. The caller calls firmware_done(), also after an
 * error; the files stay, as the log does. */
int firmware_write(const struct image *image, enum firmware_form form, uint64_t block,
                   const struct driver_env *env, struct firmware *ret, struct err *err);
void firmware_done(struct firmware *firmware);

#define cleanup_firmware __attribute__((cleanup(firmware_done)))

#endif
