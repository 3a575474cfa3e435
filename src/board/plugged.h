/* SPDX-License-Identifier: MIT
 *
 * plugged: a lab's file held against what is plugged in: which board is where, what is new, what is
 * missing.
 *
 * A rig counts as the lab's where the file's text has its serial number, hub path or tty, comments
 * included: what was written down once is not offered again. Nothing here opens a device.
 */
#ifndef HIL_BOARD_PLUGGED_H
#define HIL_BOARD_PLUGGED_H

#include "base/buf.h"
#include "conf/lab.h"
#include "usb/rig.h"

/* True where `text` has this serial number, alone or within the name of a link. */
bool plugged_has_serial(const char *text, const char *serial);
/* True where `text` has the rig. */
bool plugged_is_known(const struct rig *rig, const char *text);
/* The board whose drivers have the rig; NULL: none. */
const struct board_conf *plugged_board(const struct rig *rig, const struct lab *lab);
/* A line for each serial number, hub path and tty of the lab that is not there now. */
void plugged_missing(const struct lab *lab, const struct usb_tree *tree, struct strv *ret);

/* True where the board names devices, and none of them is there. A board that can be switched off
 * is gone only with its switch. */
bool plugged_is_gone(const struct board_conf *board, const struct usb_tree *tree);

/* The device that the board's flash driver, else its console, names and that is there; NULL: none,
 * or two that cannot be told apart. */
const struct usb_device *plugged_device(const struct board_conf *board,
                                        const struct usb_tree *tree);

/* YAML of a board for the rig, from the left margin. Where hil cannot know all that a board must
 * have, every line is a comment and the first says what is missing. */
struct proposal { /* may be changed before plugged_yaml() */
    char *name, *label;
    bool switched; /* the hub claims to switch its port by itself; for the caller to say */
};
void plugged_propose(const struct rig *rig, const struct lab *lab, const struct strv *taken,
                     struct proposal *ret); /* lab: NULL: none; taken: other new names */
void proposal_done(struct proposal *proposal);
/* The caller frees. *ret_complete: it is no comment. */
char *plugged_yaml(const struct rig *rig, const struct proposal *proposal, bool *ret_complete);

/* The tty that has this node or link as its name, and its device; NULL: none has. */
const struct usb_tty *plugged_tty(const struct usb_tree *tree, const char *name,
                                  const struct usb_device **ret);
/* The most lasting of a tty's names; `unique`: its device's serial number tells which it is. */
const char *plugged_tty_name(const struct usb_tty *tty, bool unique);

/* Pieces that other makers of boards use: text in double quotes; flashing or resetting with
 * OpenOCD, `key` (serial or location) and `value` choosing the probe; its target for an STM32
 * board's name (NULL: none); a board's lines as a comment whose first says what is missing ("a;
 * "). */
void board_yaml_quoted(struct buf *out, const char *text);
void board_yaml_openocd(struct buf *out, const char *interface, const char *key, const char *value,
                        const char *target);
const char *board_yaml_target(const char *likely);
char *board_yaml_comment(const char *lines, const char *missing);

#endif
