/* SPDX-License-Identifier: MIT
 *
 * import: boards out of other programs' inventories, as YAML for lab.yaml.
 *
 * Told apart by their shape: a map with `devices` (and `servers`) is the config.json of an STM32
 * remote flasher with its hubs, the servers of which become servers without hil; a list of maps
 * with `platform` is the hardware map of Zephyr's Twister; maps with `port` and `flasher`, in a
 * list or by name, are a boards.yml. What such a file does not say, a board that is plugged in may;
 * what is missing even then makes the board a comment, as in board/plugged. Opens no device.
 */
#ifndef HIL_BOARD_IMPORT_H
#define HIL_BOARD_IMPORT_H

#include "board/plugged.h"

struct imported {
    size_t boards, comments; /* written */
    struct strv skipped;     /* "name: why" */
    struct strv notes;       /* what else its user should know */
    uint64_t max_parallel;   /* boards flashed at once; 0: not said */
    char *servers;           /* the value of `servers:`, from its line's end on; NULL: none */
};

/* `lab_text`: the lab's file, whose boards are left out. -ERR_CONFIG with its place where the file
 * is neither. imported_done() is due even then. */
int import_boards(const char *text, size_t size, const char *name, const struct usb_tree *tree,
                  const char *lab_text, struct buf *ret, struct imported *ret_count,
                  struct err *err);
void imported_done(struct imported *imported);

#endif
