/* SPDX-License-Identifier: MIT
 *
 * import_parts: what the readers of other programs' inventories have in common: a reader fills an
 * entry for each board, and import_take() writes it, unless the lab has it.
 */
#ifndef HIL_BOARD_IMPORT_PARTS_H
#define HIL_BOARD_IMPORT_PARTS_H

#include "board/import.h"

/* What a file says of a board, as far as it does. All is owned; NULL: not said. */
struct import_entry {
    char *name, *serial;
    const char *server; /* of the result's `servers`, which it is on; NULL: here */
    char *tty;
    uint64_t baud;      /* 0: not said */
    struct strv labels; /* may hold what no label can be */
    /* YAML of these keys' values */
    char *flash, *reset, *power, *recovery, *format, *timeouts;
    char *missing; /* "a; b; ": why it can be a comment only */
};

struct importer {
    const struct usb_tree *tree;
    const char *lab_text;
    struct strv names; /* taken by earlier entries */
    struct buf *out;
    struct imported *result;
};

/* The readers. False: the file is not of their kind, and nothing was done. */
bool import_config(struct importer *importer, const struct yaml_node *root);
bool import_twister(struct importer *importer, const struct yaml_node *root);
bool import_list(struct importer *importer, const struct yaml_node *root);

void import_take(struct importer *importer, struct import_entry *entry);
void import_entry_done(struct import_entry *entry);
void import_needs(struct import_entry *entry, const char *what); /* adds "what; " to missing */

/* As a name or label may be: other characters become '-', and it ends at the first '/'. The caller
 * frees. */
char *import_name(const char *text);
/* A scalar's text; NULL where `map` is none or has no such scalar. */
const char *import_text(const struct yaml_node *map, const char *key);
/* All scalars of a list, or the blank-parted words of one. */
void import_words(struct strv *ret, const struct yaml_node *node);

#endif
