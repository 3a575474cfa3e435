/* SPDX-License-Identifier: MIT
 *
 * field: a map of a configuration file read into a struct, by a table of rows.
 *
 *     struct serial_conf { char *path; uint64_t baud; };
 *     static const struct field fields[] = {
 *         {"path", FIELD_STRING, offsetof(struct serial_conf, path), FIELD_REQUIRED,
 *          .help = "the tty, /dev/ttyACM0 or better a by-id link"},
 *         {"baud", FIELD_UINT, offsetof(struct serial_conf, baud), .min = 50, .max = 12000000,
 *          .help = "bits a second; 115200 where not given"},
 *         {0}};
 *
 * Every driver, the board and the plan describe themselves like this; help pages and the checks
 * (unknown key with the nearest known one, wrong type, range, missing) come from the same rows.
 * Nothing is written for keys that are missing: preset the defaults. Not thread-safe.
 */
#ifndef HIL_CONF_FIELD_H
#define HIL_CONF_FIELD_H

#include "conf/diag.h"
#include "conf/yaml.h"

#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_STRING,   /* char *, owned */
    FIELD_BOOL,     /* bool: true false yes no on off */
    FIELD_UINT,     /* uint64_t, decimal or 0x, within min..max (max 0: no upper bound) */
    FIELD_ADDRESS,  /* uint64_t, decimal or 0x */
    FIELD_SIZE,     /* uint64_t bytes: 65536, 512K, 1M */
    FIELD_DURATION, /* int64_t milliseconds: 250ms, 30s, 10m */
    FIELD_CHOICE,   /* int: the index in `choices` */
    FIELD_STRINGS,  /* struct strv: a list of scalars; one scalar is a list of one */
    FIELD_ARGV,  /* struct strv: as FIELD_STRINGS, but a list must be written as one, not empty */
    FIELD_ARGVS, /* struct argv_list: a list of argv lists; one argv is a list of one */
    FIELD_NODE,  /* const struct yaml_node *: for its reader to look into, any kind */
};

enum field_flags { FIELD_REQUIRED = 1 };

struct argv_list {
    struct strv *items;
    size_t count;
};

struct field {
    const char *name; /* NULL ends the table */
    enum field_type type;
    size_t offset;
    unsigned flags;
    uint64_t min, max;
    const char *const *choices; /* NULL-terminated */
    const char *help;
};

/* Reads `map` into `out`; every mistake goes to `diags` and reading goes on. A node of kind NULL is
 * an empty map; any other kind is a mistake. `what` names the map: "console serial". */
void fields_read(const struct field *fields, const struct yaml_node *map, const char *what,
                 void *out, struct diags *diags);
/* A mistake where the node (NULL is fine) is no map with one key, a driver's name. */
void field_driver(const struct yaml_node *node, const char *example, struct diags *diags);
/* Frees what fields_read() allocated in `out`, and clears it. */
void fields_done(const struct field *fields, void *out);

#endif
