/* SPDX-License-Identifier: MIT */
#include "conf/server.h"

#include "conf/field.h"
#include "conf/name.h"

#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 256
#define HOSTS_MAX 16
#define PARALLEL_MAX 1000

struct server_fields {
    struct server_conf conf;
    int boards;
};

static const char *const which_boards[] = {"named", "all", NULL};

#define CONF(member) offsetof(struct server_fields, conf.member)

static const struct field rows[] = {
    {"hosts", FIELD_STRINGS, CONF(hosts), FIELD_REQUIRED,
     .help = "its names or addresses, tried in this order, the last that answered first"},
    {"user", FIELD_STRING, CONF(user), .help = "who logs in there; else as ssh is configured"},
    {"port", FIELD_UINT, CONF(port), .min = 1, .max = 65535, .help = "of its ssh server"},
    {"key", FIELD_STRING, CONF(key), .help = "a private key's file, as ssh -i takes it"},
    {"max-parallel", FIELD_UINT, CONF(max_parallel), .min = 1, .max = PARALLEL_MAX,
     .help = "boards at work there at once"},
    {"boards", FIELD_CHOICE, offsetof(struct server_fields, boards), .choices = which_boards,
     .help = "all: every board that it has; named: those that boards: names"},
    {"lab", FIELD_STRING, CONF(lab), .help = "its lab.yaml, where it is in no usual place there"},
    {"ssh", FIELD_ARGV, CONF(ssh), .help = "the ssh program with options of its own, [ssh, -4]"},
    {"exec", FIELD_NODE, CONF(exec),
     .help = "it has no hil: {programmer, hub}, the programs that its boards' drivers run there"},
    {0}};

#define SERVER(member) offsetof(struct server_conf, member)

static const struct field exec_rows[] = {
    {"programmer", FIELD_STRING, SERVER(programmer),
     .help = "its STM32_Programmer_CLI, where that is not in the PATH of ssh's shell"},
    {"hub", FIELD_ARGV, SERVER(hub),
     .help = "the program of its hub controller, [python3, hub_cli.py]"},
    {0}};

/* What ssh would take for an option, or for more than one word. */
static bool is_plain(const char *text)
{
    return text[0] && text[0] != '-' && !strpbrk(text, " \t\r\n\"'`$\\;&|<>(){}*?");
}

static void check_words(const struct yaml_node *node, const struct server_conf *conf,
                        struct diags *diags)
{
    const struct yaml_node *hosts = yaml_get(node, "hosts");

    if (hosts && (!conf->hosts.count || conf->hosts.count > HOSTS_MAX))
        diag_node(diags, hosts, "'hosts' must be 1 to %d names or addresses", HOSTS_MAX);
    for (size_t i = 0; i < conf->hosts.count; i++)
        if (!is_plain(conf->hosts.items[i]))
            diag_node(diags, hosts, "'%.80s' is no host's name or address", conf->hosts.items[i]);
    if (conf->user && !is_plain(conf->user))
        diag_node(diags, yaml_get(node, "user"), "'%.80s' is no user's name", conf->user);
}

static void read_exec(struct server_conf *conf, struct diags *diags)
{
    const struct yaml_node *lab = yaml_get(conf->node, "lab");

    fields_read(exec_rows, conf->exec, "'exec'", conf, diags);
    if (conf->all_boards || lab)
        diag_node(diags, lab ? lab : yaml_get(conf->node, "boards"),
                  "a server with 'exec' has no hil and so no lab.yaml: its boards are described in "
                  "this one");
}

static void read_server(const struct yaml_node *node, struct server_conf *ret, struct diags *diags)
{
    struct server_fields fields = {.conf = {.name = node->key, .node = node}};
    cleanup_free char *what = xasprintf("server '%.80s'", node->key);

    if (!name_valid(node->key))
        diag_key(diags, node, "server name '%.80s' must be made of " NAME_RULE, node->key);
    fields_read(rows, node, what, &fields, diags);
    fields.conf.all_boards = fields.boards == 1;
    if (node->kind == YAML_MAP)
        check_words(node, &fields.conf, diags);
    if (fields.conf.exec)
        read_exec(&fields.conf, diags);
    *ret = fields.conf;
}

void servers_read(const struct yaml_node *node, struct servers_conf *ret, struct diags *diags)
{
    if (!node)
        return;
    if (node->kind != YAML_MAP || !node->first || node->count > SERVERS_MAX) {
        diag_node(diags, node, "'servers' must be a map such as {pi1: {hosts: [192.168.0.21]}}");
        return;
    }
    ret->items = xcalloc(node->count, sizeof *ret->items);
    for (const struct yaml_node *item = node->first; item; item = item->next)
        read_server(item, &ret->items[ret->count++], diags);
}

const struct server_conf *servers_find(const struct servers_conf *servers, const char *name)
{
    for (size_t i = 0; i < servers->count; i++)
        if (!strcmp(servers->items[i].name, name))
            return &servers->items[i];
    return NULL;
}

void servers_done(struct servers_conf *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        fields_done(rows, &servers->items[i]);
        fields_done(exec_rows, &servers->items[i]);
    }
    free(servers->items);
    *servers = (struct servers_conf){0};
}
