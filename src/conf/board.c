/* SPDX-License-Identifier: MIT */
#include "conf/board.h"

#include "base/str.h"
#include "conf/field.h"
#include "conf/name.h"

#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 100 /* what GitHub allows a runner */

/* What the rows of a board fill. The parts that are not handed out as they are stand apart. */
struct board_fields {
    struct board_conf conf;
    const struct yaml_node *timeouts, *memory, *format, *recovery, *health;
    char *server, *as;
};

#define CONF(member) offsetof(struct board_fields, conf.member)

static const struct field rows[] = {
    {"labels", FIELD_STRINGS, CONF(labels), .help = "what the board is: type, chip, properties"},
    {"timeouts", FIELD_NODE, offsetof(struct board_fields, timeouts), .help = "over the defaults"},
    {"memory", FIELD_NODE, offsetof(struct board_fields, memory),
     .help =
         "list of {at, size}: nothing outside is ever written; {name, at, size}: only for a run "
         "with --write NAME"},
    {"power", FIELD_NODE, CONF(power), .help = "how it is switched on and off"},
    {"reset", FIELD_NODE, CONF(reset), .help = "how it is reset; else it is power-cycled"},
    {"flash", FIELD_NODE, CONF(flash), .help = "how firmware gets onto it"},
    {"console", FIELD_NODE, CONF(console), .help = "where its output is read"},
    {"otp", FIELD_NODE, CONF(otp), .help = "what writes its one-time-programmable memory"},
    {"qemu", FIELD_NODE, CONF(qemu), .help = "short for the four drivers of an emulated board"},
    {"format", FIELD_NODE, offsetof(struct board_fields, format),
     .help = "the dialect of its test output"},
    {"recovery", FIELD_NODE, offsetof(struct board_fields, recovery),
     .help = "what is tried when it cannot be flashed: {steps, bootloader, probe}"},
    {"health", FIELD_NODE, offsetof(struct board_fields, health),
     .help = "firmware that it passes while it is well: {firmware, every}"},
    {"server", FIELD_STRING, offsetof(struct board_fields, server),
     .help =
         "the one of servers: that it is on; unless that has 'exec', all but labels and timeouts "
         "is said there"},
    {"as", FIELD_STRING, offsetof(struct board_fields, as),
     .help = "what it is called in the server's own lab.yaml"},
    {0}};

static const struct field health_rows[] = {
    {"firmware", FIELD_STRING, offsetof(struct health_conf, firmware), FIELD_REQUIRED,
     .help = "the golden image; a relative path begins at the lab file"},
    {"format", FIELD_STRING, offsetof(struct health_conf, format),
     .help = "the dialect of its output; the board's where not given"},
    {"every", FIELD_DURATION, offsetof(struct health_conf, every_ms),
     .help = "how often hil health --due runs it, such as 6h"},
    {"tests", FIELD_UINT, offsetof(struct health_conf, tests), .min = 1, .max = 1000000,
     .help = "how many tests it must have at least"},
    {0}};

static const struct field regex_rows[] = {
    {"pass", FIELD_STRING, offsetof(struct format_conf, pass), FIELD_REQUIRED,
     .help = "PCRE2 pattern of a line that is a passed test, with a group (?<name>...)"},
    {"fail", FIELD_STRING, offsetof(struct format_conf, fail), .help = "of a failed one"},
    {"skip", FIELD_STRING, offsetof(struct format_conf, skip), .help = "of a skipped one"},
    {"end", FIELD_STRING, offsetof(struct format_conf, end), .help = "of the end of the run"},
    {0}};

static void check_labels(const struct yaml_node *board, struct board_conf *conf,
                         struct diags *diags)
{
    const struct yaml_node *list = yaml_get(board, "labels"), *node;
    struct strv *labels = &conf->labels;

    if (!list || !labels->count)
        return;
    if (labels->count > LABELS_MAX) {
        diag_node(diags, list, "%zu labels; at most %d can be given", labels->count, LABELS_MAX);
        return;
    }
    node = list->kind == YAML_LIST ? list->first : list;
    for (size_t i = 0; i < labels->count; i++, node = node->next) {
        if (!name_valid(labels->items[i]))
            diag_node(diags, node, "label '%.80s' must be made of " NAME_RULE, labels->items[i]);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(labels->items[i], labels->items[j]))
                diag_node(diags, node, "label '%.80s' is here twice", labels->items[i]);
    }
}

static void check_drivers(const struct board_conf *conf, struct diags *diags)
{
    field_driver(conf->power, "{cmd: {on: [...], off: [...]}}", diags);
    field_driver(conf->reset, "{cmd: {run: [...]}}", diags);
    field_driver(conf->flash, "{cmd: {run: [...]}}", diags);
    field_driver(conf->console, "{serial: {path: /dev/ttyACM0}}", diags);
    field_driver(conf->otp, "{cubeprogrammer: {port: USB1}}", diags);
    if (conf->bare)
        return;
    if (!conf->flash && !conf->qemu)
        diag_key(diags, conf->node, "board '%s' has no flash driver; give it 'flash' or 'qemu'",
                 conf->name);
    if (!conf->console && !conf->qemu && !conf->far)
        diag_key(diags, conf->node, "board '%s' has no console driver; give it 'console' or 'qemu'",
                 conf->name);
}

static void read_format(const struct yaml_node *node, struct format_conf *ret, struct diags *diags)
{
    const struct yaml_node *regex = node ? yaml_get(node, "regex") : NULL;

    if (!node)
        return;
    if (node->kind == YAML_SCALAR) {
        ret->name = xstrdup(node->text);
    } else if (regex && node->count == 1) {
        ret->name = xstrdup("regex");
        fields_read(regex_rows, regex, "format regex", ret, diags);
    } else {
        diag_node(diags, node,
                  "'format' must be a name such as unity, or {regex: {pass: ..., fail: ...}}");
    }
}

/* What only the server's own lab.yaml can say. */
static void check_remote(const struct yaml_node *node, const char *server, struct diags *diags)
{
    static const char *const ours[] = {"server", "as", "labels", "timeouts"};

    for (const struct yaml_node *item = node->first; item; item = item->next) {
        bool known = false;
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
            known = known || !strcmp(item->key, ours[i]);
        if (!known)
            diag_key(diags, item, "the lab.yaml of server '%.80s' says '%.80s' of its board",
                     server, item->key);
    }
}

/* Of a board whose drivers are here, though their programs are not. */
static bool is_far(const struct yaml_node *node, const struct server_conf *server, const char *as,
                   struct board_conf *conf, struct diags *diags)
{
    if (!server || !server->exec)
        return false;
    if (as)
        diag_node(diags, yaml_get(node, "as"), "server '%.80s' has no hil that would call it so",
                  server->name);
    conf->far = server;
    conf->name = conf->own_name = xasprintf("%s/%s", server->name, node->key);
    return true;
}

/* True where the board's drivers are a server's. Takes over `server` and `as`. */
static bool read_place(const struct yaml_node *node, struct board_fields *fields,
                       const struct servers_conf *servers, struct diags *diags)
{
    cleanup_free char *name = fields->server;
    cleanup_free char *as = fields->as;
    struct board_conf *conf = &fields->conf;

    if (!name) {
        if (as)
            diag_node(diags, yaml_get(node, "as"), "'as' is for a board with 'server'");
        return false;
    }
    if (is_far(node, servers_find(servers, name), as, conf, diags))
        return false;
    conf->server = servers_find(servers, name);
    if (!conf->server)
        diag_node(diags, yaml_get(node, "server"), "no server '%.80s' is in 'servers'", name);
    if (as && !name_valid(as))
        diag_node(diags, yaml_get(node, "as"), "board name '%.80s' must be made of " NAME_RULE, as);
    check_remote(node, name, diags);
    conf->there = xstrdup(as ? as : node->key);
    conf->name = conf->own_name = xasprintf("%s/%s", name, node->key);
    conf->has_labels = yaml_get(node, "labels");
    return true;
}

void board_conf_read(struct board_conf *board, const struct servers_conf *servers,
                     struct diags *diags)
{
    struct board_fields fields = {.conf = *board};
    const struct yaml_node *node = board->node;
    const char *name = board->name;
    cleanup_free char *what = board->bare ? xstrdup("'rig'") : xasprintf("board '%.80s'", name);
    struct timeouts own;
    bool remote;

    if (!name_valid(name))
        diag_key(diags, node, "board name '%.80s' must be made of " NAME_RULE, name);
    fields_read(rows, node, what, &fields, diags);
    remote = read_place(node, &fields, servers, diags);
    timeouts_read(fields.timeouts, &own, diags);
    fields.conf.timeouts = remote ? own : timeouts_merge(board->timeouts, own);
    memory_read(fields.memory, &fields.conf.memory, diags);
    read_format(fields.format, &fields.conf.format, diags);
    recovery_read(fields.recovery, board->bare, &fields.conf.recovery, diags);
    if (fields.health)
        fields_read(health_rows, fields.health, "'health'", &fields.conf.health, diags);
    check_labels(node, &fields.conf, diags);
    if (!remote && (node->kind == YAML_MAP || node->kind == YAML_NULL))
        check_drivers(&fields.conf, diags);
    *board = fields.conf;
}

bool board_conf_key(const char *key)
{
    for (const struct field *row = rows; row->name; row++)
        if (!strcmp(row->name, key))
            return true;
    return false;
}

struct yaml_tree *board_conf_fill(const struct yaml_node *template, const char *file,
                                  char *(*fill)(void *arg, const char *text), void *arg)
{
    const char *keys[ARRAY_SIZE(rows)];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        keys[i] = rows[i].name;
    return yaml_fill(template, file, keys, fill, arg);
}

void board_conf_done(struct board_conf *board)
{
    strv_done(&board->labels);
    free(board->own_name);
    free(board->there);
    free(board->barred);
    memory_done(&board->memory);
    free(board->format.name);
    fields_done(regex_rows, &board->format);
    fields_done(health_rows, &board->health);
}

/* "nucleo-3" for pi1/nucleo-3. */
bool board_is_short_for(const struct board_conf *board, const char *name)
{
    const struct server_conf *server = board->server ? board->server : board->far;

    return server && !strcmp(board->name + strlen(server->name) + 1, name);
}

bool board_matches(const struct board_conf *board, const char *selector)
{
    cleanup_strv struct strv wanted = {0};

    if (!strcmp(board->name, selector) || board_is_short_for(board, selector))
        return true;
    strv_split(&wanted, selector, ',');
    for (size_t i = 0; i < wanted.count; i++)
        if (!strv_has(&board->labels, wanted.items[i]))
            return false;
    return wanted.count > 0;
}
