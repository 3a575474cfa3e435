/* SPDX-License-Identifier: MIT
 *
 * diag: every mistake of a configuration file, collected, so that all are told in one go.
 *
 * Each message reads "lab.yaml:12:9: unknown key 'bauds' (did you mean 'baud'?)". Those of a file
 * stand in the order of its lines. At most DIAGS_MAX are kept; further ones are counted. Not
 * thread-safe.
 */
#ifndef HIL_CONF_DIAG_H
#define HIL_CONF_DIAG_H

#include "base/err.h"
#include "base/str.h"

#define DIAGS_MAX 100

struct yaml_node;

struct diags {
    const char *file; /* the file being read, borrowed; set by yaml_load() and those that call it */
    struct strv messages;
    struct diag_place {
        size_t name_size; /* of the file's name, which the message begins with */
        int line, column;
    } places[DIAGS_MAX]; /* of the messages */
    size_t dropped;
};

void diag_at(struct diags *diags, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* At the node's value, or at its key. */
void diag_node(struct diags *diags, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_key(struct diags *diags, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 0 where there is none; else -ERR_CONFIG and all messages, a line each, as far as err holds. */
int diags_check(const struct diags *diags, struct err *err);
void diags_done(struct diags *diags);

#endif
