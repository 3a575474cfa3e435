/* SPDX-License-Identifier: MIT
 *
 * server: another host with boards, as `servers:` of a lab.yaml names it.
 *
 *     servers:
 *       pi1: {hosts: [192.168.0.21, pi1.local], user: pi, key: ~/.ssh/id_ed25519, max-parallel: 4}
 *     boards:
 *       nucleo-3: {server: pi1}                     a board of pi1's own lab.yaml
 *       can-node: {server: pi1, as: nucleo-4}       which is called otherwise there
 *
 * One that has no hil, but programs of its own, says so; its boards are described here then, and
 * their drivers' programs run there (ssh/far.h):
 *
 *       pi3: {hosts: pi3.local, exec: {programmer: ~/stm/STM32_Programmer_CLI, hub: [python3, hub.py]}}
 *
 * `boards: from pi1` takes all boards that pi1 has, and so does `boards: all` of a server, beside
 * others. Such boards are called pi1/nucleo-3. Part of lab.h; read-only.
 */
#ifndef HIL_CONF_SERVER_H
#define HIL_CONF_SERVER_H

#include "conf/diag.h"
#include "conf/yaml.h"

#include <stdbool.h>
#include <stdint.h>

struct server_conf {
    const char *name;
    const struct yaml_node *node; /* for error positions */
    struct strv hosts;            /* tried in this order, the last that answered first */
    char *user, *key;             /* NULL: as ssh is configured */
    uint64_t port;                /* 0: likewise */
    uint64_t max_parallel;        /* boards at work at once; 0: all of them */
    struct strv ssh;              /* program and options; none: "ssh" */
    char *lab;                    /* its lab.yaml; NULL: where it is usually looked for there */
    bool all_boards;              /* all that it has */
    const struct yaml_node *exec; /* NULL: it has hil. Else: */
    char *programmer;             /* its STM32_Programmer_CLI; NULL: in its PATH */
    struct strv hub;              /* its hub controller's program; none: it has none */
};

struct servers_conf {
    struct server_conf *items;
    size_t count;
};

void servers_read(const struct yaml_node *node, struct servers_conf *ret, struct diags *diags);
const struct server_conf *servers_find(const struct servers_conf *servers, const char *name);
void servers_done(struct servers_conf *servers);

#endif
