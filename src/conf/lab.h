/* SPDX-License-Identifier: MIT
 *
 * lab: lab.yaml, checked: the boards of this host, and of its servers.
 *
 * Found by --lab, $HIL_LAB, ./lab.yaml, /etc/hil/lab.yaml, in that order. Read-only after
 * lab_load(), but for the boards of servers, which are asked for later; lab_free() ends all that
 * points into it.
 */
#ifndef HIL_CONF_LAB_H
#define HIL_CONF_LAB_H

#include "conf/board.h"
#include "conf/store.h"

struct max_parallel { /* boards flashed at once; 0: as many as there are */
    uint64_t lab, hub, controller;
};

struct lab {
    const char *file; /* as found */
    struct max_parallel max_parallel;
    struct store_conf store;
    struct timeouts timeouts; /* of boards that give none */
    char *name;               /* `lab:`; the host's name where not given */
    struct board_conf *boards;
    size_t count;
    struct servers_conf servers;
    struct strv hub; /* the program of this host's hub controller; none: it has none */
    /* NULL: not given. What `hil watch` and `hil rig` do, and who is told what (notify/sinks.h);
     * they read them themselves. */
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
/* NULL: -ERR_CONFIG, with the nearest. */
const struct server_conf *lab_server(const struct lab *lab, const char *name, struct err *err);
/* Appends what a name or label that no board has may have been, or which there are. */
int lab_hint_boards(const struct lab *lab, const char *word, struct err *err);
/* A board of a server that lab.yaml does not name; moves lab->boards. */
struct board_conf *lab_add_board(struct lab *lab, const struct server_conf *server,
                                 const char *there);
/* Takes out boards that are on servers; moves lab->boards. */
void lab_drop_servers_boards(struct lab *lab);
/* A lab of the same name and file with one `bare` board, made of those keys of the map `template`
 * that a board has; `fill` as of yaml_fill(). 0, or -ERR_CONFIG with the mistakes in `diags`, and
 * *ret is given even so. */
int lab_from_template(const struct lab *lab, const struct yaml_node *template, const char *name,
                      char *(*fill)(void *arg, const char *text), void *arg, struct lab **ret,
                      struct diags *diags, struct err *err);
/* `max-parallel` as a lab has it, wherever it stands. */
void max_parallel_read(const struct yaml_node *node, struct max_parallel *ret, struct diags *diags);
void lab_free(struct lab *lab);

#endif
