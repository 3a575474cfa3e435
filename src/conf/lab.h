/* SPDX-License-Identifier: MIT
 *
 * lab: lab.yaml, checked: the boards of this host.
 *
 * Found by --lab, $HIL_LAB, ./lab.yaml, /etc/hil/lab.yaml, in that order. The driver nodes of a
 * board stay YAML: each driver of board/ reads its own. Read-only after lab_load(); lab_free() ends
 * all that points into it.
 */
#ifndef HIL_CONF_LAB_H
#define HIL_CONF_LAB_H

#include "conf/diag.h"
#include "conf/server.h"
#include "conf/yaml.h"

#include <stdint.h>

struct timeouts { /* milliseconds; -1: not given here */
    int64_t lease, flash, boot, idle, total;
};
extern const struct timeouts timeouts_default; /* 10m 2m 10s 30s 10m */
/* What `over` gives wins. */
struct timeouts timeouts_merge(struct timeouts base, struct timeouts over);
/* A `timeouts:` map into `ret` (others stay -1). Also the words of --timeout: "30s" is the total,
 * "boot=5s,idle=10s" names each. */
void timeouts_read(const struct yaml_node *node, struct timeouts *ret, struct diags *diags);
int timeouts_parse(const char *text, struct timeouts *ret, struct err *err);

enum memory_write {
    MEMORY_ALWAYS,
    MEMORY_NAMED, /* only for a run that names it: option bytes */
    MEMORY_NEVER,
};

struct memory_range {
    uint64_t at, size; /* bytes */
    char *name;        /* NULL: none */
    int write;         /* enum memory_write */
};

/* `format: unity`, or `format: {regex: {pass: ..., fail: ..., skip: ..., end: ...}}`. */
struct format_conf {
    char *name;                     /* NULL: auto */
    char *pass, *fail, *skip, *end; /* the regex format's patterns; NULL: not given */
};

/* What is tried, in this order, when a board cannot be flashed. */
enum recovery_step {
    RECOVER_AGAIN,
    RECOVER_BOOTLOADER, /* into its ROM bootloader, by the `bootloader` driver */
    RECOVER_USB_RESET,  /* of the port of the probe, or of the board's own USB device */
    RECOVER_POWER,      /* the board's power off and on */
    RECOVER_PROBE,      /* the probe's power off and on, by the `probe` driver */
    RECOVERY_STEPS
};
extern const char *const recovery_step_names[RECOVERY_STEPS + 1]; /* NULL-terminated */

struct recovery_conf {
    bool steps[RECOVERY_STEPS]; /* to be tried, where the board lets */
    /* NULL: not given. Maps with one key, a driver's name: a reset, a power driver. */
    const struct yaml_node *bootloader, *probe;
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
    char *there, *own_name;
    char *barred;    /* why nothing is run on it there; NULL: nothing is known against it */
    bool has_labels; /* they are given here, or were asked for there */
    struct strv labels;
    struct timeouts timeouts; /* complete: lab's and default's merged in */
    struct memory_range *memory;
    size_t memory_count;          /* 0: not said */
    const struct yaml_node *node; /* the board's own map, for error positions */
    /* NULL: not given. Each is a map with one key, the driver's name; `qemu` is short for four. */
    const struct yaml_node *power, *reset, *flash, *console, *qemu;
    const struct yaml_node *otp; /* what writes its one-time-programmable memory; as those above */
    struct format_conf format;
    struct recovery_conf recovery;
    struct health_conf health;
};

struct max_parallel { /* boards flashed at once; 0: as many as there are */
    uint64_t lab, hub, controller;
};

/* Where the history is kept, for how long, and how large it may become. */
struct store_conf {
    char *url; /* of a PostgreSQL database that several hosts share; NULL: a file of this host */
    int64_t keep_ms;
    uint64_t max_bytes;
    /* Of a database: for how long a board is taken by who says nothing more; and what becomes of new
     * leases while it is away. */
    int64_t lease_ms;
    int away; /* enum store_away */
};
enum store_away {
    AWAY_REFUSE,
    AWAY_LOCAL, /* the locks of this host alone decide */
};
#define STORE_CONF_DEFAULT                                                                      \
    {                                                                                           \
        .keep_ms = INT64_C(180) * 86400000, .max_bytes = UINT64_C(512) << 20, .lease_ms = 60000 \
    }

struct lab {
    const char *file; /* as found */
    struct max_parallel max_parallel;
    struct store_conf store;
    struct timeouts timeouts; /* of boards that give none */
    char *name;               /* `lab:`; the host's name where not given */
    struct board_conf *boards;
    size_t count;
    struct servers_conf servers;
    /* NULL: not given. What `hil watch` and `hil rig` do, and who is told what (notify/sinks.h); they
     * read them themselves. */
    const struct yaml_node *watch, *webhook, *rig, *notify;
    struct yaml_tree *tree;
    char *board_name; /* of lab_from_template() */
};

/* Which file would be read; NULL where there is none (err says where it looked). Caller frees. */
char *lab_find(const char *option, struct err *err);
/* 0, or -ERR_CONFIG with every mistake in `diags`; then the errors of yaml_load(). Where the file
 * is YAML at all, *ret is given even so, for its drivers to be checked, too; else it is NULL. */
int lab_load(const char *path, struct lab **ret, struct diags *diags, struct err *err);
/* NULL: none. One on a server has its short name, too, where no other board has it. */
const struct board_conf *lab_board(const struct lab *lab, const char *name);
/* A board of a server that lab.yaml does not name; moves lab->boards. */
struct board_conf *lab_add_board(struct lab *lab, const struct server_conf *server,
                                 const char *there);
/* Takes out boards that are on servers; moves lab->boards. */
void lab_drop_servers_boards(struct lab *lab);
/* True where the selector names the board, or all of its comma-parted labels are the board's. */
bool board_matches(const struct board_conf *board, const char *selector);
/* A lab of the same name and file with one board, made of those keys of the map `template` that a
 * board has; `fill` as of yaml_fill(). 0, or -ERR_CONFIG with the mistakes in `diags`, and *ret is
 * given even so. A board without `recovery` gets none: who pulled it is beside it. */
int lab_from_template(const struct lab *lab, const struct yaml_node *template, const char *name,
                      char *(*fill)(void *arg, const char *text), void *arg, struct lab **ret,
                      struct diags *diags, struct err *err);
/* `max-parallel` as a lab has it, wherever it stands. */
void max_parallel_read(const struct yaml_node *node, struct max_parallel *ret, struct diags *diags);
/* True where a board may have the key. */
bool lab_board_key(const char *key);
void lab_free(struct lab *lab);

#endif
