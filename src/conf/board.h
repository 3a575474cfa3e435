/* SPDX-License-Identifier: MIT
 *
 * board: one board of a lab.yaml, checked.
 *
 * Its driver nodes stay YAML: each driver of board/ reads its own. Part of lab.h, whose file and
 * servers it points into; read-only once it is read.
 */
#ifndef HIL_CONF_BOARD_H
#define HIL_CONF_BOARD_H

#include "conf/memory.h"
#include "conf/recovery.h"
#include "conf/server.h"
#include "conf/timeouts.h"

/* `format: unity`, or `format: {regex: {pass: ..., fail: ..., skip: ..., end: ...}}`. */
struct format_conf {
    char *name;                     /* NULL: auto */
    char *pass, *fail, *skip, *end; /* the regex format's patterns; NULL: not given */
};

/* Firmware that a good board passes (`hil health`). */
struct health_conf {
    char *firmware;   /* as in lab.yaml; a relative path is the lab file's neighbour; NULL: none */
    char *format;     /* NULL: the board's */
    int64_t every_ms; /* 0: only when asked for */
    uint64_t tests;   /* at least; 0: one */
};

struct board_conf {
    const char *name; /* of one on a server: SERVER/BOARD */
    /* a rig's: it may have neither console nor reset, as one that only has a bootloader */
    bool bare;
    /* NULL: it is here. Else it is `there` in the server's own lab.yaml, and nothing but its labels
     * and timeouts (-1 where not given) is known. */
    const struct server_conf *server;
    const struct server_conf *far; /* its drivers' programs run there, by ssh; NULL: here */
    char *there, *own_name;
    char *barred;    /* why nothing is run on it there; NULL: nothing is known against it */
    bool has_labels; /* they are given here, or were asked for there */
    struct strv labels;
    struct timeouts timeouts; /* complete: lab's and default's merged in */
    struct memory_map memory;
    const struct yaml_node *node; /* the board's own map, for error positions */
    /* NULL: not given. Each is a map with one key, the driver's name; `qemu` is short for four. */
    const struct yaml_node *power, *reset, *flash, *console, *qemu;
    const struct yaml_node *otp; /* what writes its one-time-programmable memory; as those above */
    struct format_conf format;
    struct recovery_conf recovery;
    struct health_conf health;
};

/* Reads board->node. `board` comes with its name, node and timeouts (those of boards that give
 * none), and with `bare` where it is so; what points into `servers` is good while they stay. */
void board_conf_read(struct board_conf *board, const struct servers_conf *servers,
                     struct diags *diags);
/* True where a board may have the key. */
bool board_conf_key(const char *key);
/* yaml_fill() with the keys that a board may have. */
struct yaml_tree *board_conf_fill(const struct yaml_node *template, const char *file,
                                  char *(*fill)(void *arg, const char *text), void *arg);
/* True for "nucleo-3" where the board is pi1/nucleo-3, on the server pi1. */
bool board_is_short_for(const struct board_conf *board, const char *name);
/* True where the selector names the board, or all of its comma-parted labels are the board's. */
bool board_matches(const struct board_conf *board, const char *selector);
void board_conf_done(struct board_conf *board);

#endif
