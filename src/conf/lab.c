/* SPDX-License-Identifier: MIT */
#include "conf/lab.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/field.h"
#include "conf/name.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABELS_MAX 100 /* what GitHub allows a runner */
#define RANGES_MAX 64
#define PARALLEL_MAX 1000
#define STORE_KEEP_MIN_MS INT64_C(86400000)
#define STORE_LEASE_MIN_MS 2000
#define STORE_LEASE_MAX_MS 3600000
#define STORE_SIZE_MIN ((uint64_t)1 << 20)

/* What the rows of a board fill. The parts that are not handed out as they are stand apart. */
struct board_fields {
    struct board_conf conf;
    const struct yaml_node *timeouts, *memory, *format, *recovery, *health;
    char *server, *as;
};

struct lab_fields {
    char *name;
    const struct yaml_node *defaults, *boards, *servers, *max_parallel, *watch, *webhook, *store,
        *notify, *rig;
};

#define CONF(member) offsetof(struct board_fields, conf.member)

static const struct field board_rows[] = {
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
     .help = "the one of servers: that it is on; all but labels and timeouts is said there"},
    {"as", FIELD_STRING, offsetof(struct board_fields, as),
     .help = "what it is called in the server's own lab.yaml"},
    {0}};

const char *const recovery_step_names[RECOVERY_STEPS + 1] = {
    "again", "bootloader", "usb-reset", "power-cycle", "probe-cycle", NULL};

struct recovery_fields {
    struct strv steps;
    const struct yaml_node *bootloader, *probe;
};

static const struct field recovery_rows[] = {
    {"steps", FIELD_STRINGS, offsetof(struct recovery_fields, steps),
     .help = "which of again, bootloader, usb-reset, power-cycle and probe-cycle; all that the "
             "board lets where not given, [] for none"},
    {"bootloader", FIELD_NODE, offsetof(struct recovery_fields, bootloader),
     .help = "a reset driver that brings the chip into its ROM bootloader"},
    {"probe", FIELD_NODE, offsetof(struct recovery_fields, probe),
     .help = "a power driver that switches the probe, such as {usb-hub: {...}}"},
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

#define BOARDS_HELP "a map from a board's name to its drivers"

static const struct field lab_rows[] = {
    {"lab", FIELD_STRING, offsetof(struct lab_fields, name), .help = "its name"},
    {"defaults", FIELD_NODE, offsetof(struct lab_fields, defaults), .help = "for all boards"},
    {"max-parallel", FIELD_NODE, offsetof(struct lab_fields, max_parallel),
     .help = "boards flashed at once: {lab, hub, controller}"},
    {"boards", FIELD_NODE, offsetof(struct lab_fields, boards), .help = BOARDS_HELP},
    {"servers", FIELD_NODE, offsetof(struct lab_fields, servers),
     .help = "other hosts with boards: a map from a name to {hosts, user, key, ...}"},
    {"watch", FIELD_NODE, offsetof(struct lab_fields, watch),
     .help = "a list of what hil watch keeps on which boards"},
    {"webhook", FIELD_NODE, offsetof(struct lab_fields, webhook),
     .help = "where hil watch listens for GitHub: {listen, secret-file}"},
    {"store", FIELD_NODE, offsetof(struct lab_fields, store),
     .help = "the history: {url, keep, max-size}, or a url"},
    {"notify", FIELD_NODE, offsetof(struct lab_fields, notify),
     .help = "a list of who is told what: slack, webhook, email, command"},
    {"rig", FIELD_NODE, offsetof(struct lab_fields, rig),
     .help = "what hil rig does with every board that is plugged in"},
    {0}};

static const char *const away_names[] = {"refuse", "local", NULL}; /* enum store_away */

static const struct field store_rows[] = {
    {"url", FIELD_STRING, offsetof(struct store_conf, url),
     .help = "a PostgreSQL database that several hosts share"},
    {"keep", FIELD_DURATION, offsetof(struct store_conf, keep_ms),
     .help = "for how long; 180d where not given"},
    {"max-size", FIELD_SIZE, offsetof(struct store_conf, max_bytes),
     .help = "how large it may become; 512M where not given"},
    {"lease", FIELD_DURATION, offsetof(struct store_conf, lease_ms),
     .help = "how long a board stays taken whose host is gone; 60s where not given"},
    {"away", FIELD_CHOICE, offsetof(struct store_conf, away), .choices = away_names,
     .help = "without the database: refuse boards, or local: trust this host's locks alone"},
    {0}};

static const struct field max_parallel_rows[] = {
    {"lab", FIELD_UINT, offsetof(struct max_parallel, lab), .min = 1, .max = PARALLEL_MAX,
     .help = "of all boards"},
    {"hub", FIELD_UINT, offsetof(struct max_parallel, hub), .min = 1, .max = PARALLEL_MAX,
     .help = "of those on one USB hub"},
    {"controller", FIELD_UINT, offsetof(struct max_parallel, controller), .min = 1,
     .max = PARALLEL_MAX, .help = "of those on one USB controller"},
    {0}};

static const struct field default_rows[] = {
    {"timeouts", FIELD_NODE, 0, .help = "for boards that give none"}, {0}};

static const char *const memory_writes[] = {"always", "named", "never", NULL};

static const struct field range_rows[] = {
    {"at", FIELD_ADDRESS, offsetof(struct memory_range, at), FIELD_REQUIRED,
     .help = "its first address, such as 0x08000000"},
    {"size", FIELD_SIZE, offsetof(struct memory_range, size), FIELD_REQUIRED,
     .help = "its size, such as 512K"},
    {"name", FIELD_STRING, offsetof(struct memory_range, name),
     .help = "what --write calls it, such as option-bytes"},
    {"write", FIELD_CHOICE, offsetof(struct memory_range, write), .choices = memory_writes,
     .help =
         "always; named: only for a run that names it; never. Where not given: named for a range "
         "with a name, always for others"},
    {0}};

/* ---- memory ---------------------------------------------------------------------------------- */

static bool overlap(const struct memory_range *a, const struct memory_range *b)
{
    return a->at <= b->at + (b->size - 1) && b->at <= a->at + (a->size - 1);
}

/* What is wrong with a range that has an address and a size. */
static void check_range(const struct memory_range *range, const struct yaml_node *node,
                        const struct board_conf *conf, struct diags *diags)
{
    if (!range->size) {
        diag_node(diags, node, "a memory range of no bytes");
        return;
    }
    if (range->at + (range->size - 1) < range->at) {
        diag_node(diags, node, "memory at 0x%" PRIx64 " ends beyond 64-bit addresses", range->at);
        return;
    }
    if (range->name && !name_valid(range->name))
        diag_node(diags, yaml_get(node, "name"), "memory's name '%.80s' must be made of " NAME_RULE,
                  range->name);
    if (range->write == MEMORY_NAMED && !range->name)
        diag_node(diags, yaml_get(node, "write"),
                  "memory that is written only where it is named needs a 'name'");
    for (size_t i = 0; i < conf->memory_count; i++) {
        const struct memory_range *other = &conf->memory[i];
        if (overlap(range, other))
            diag_node(diags, node, "memory at 0x%" PRIx64 " overlaps the range at 0x%" PRIx64,
                      range->at, other->at);
        else if (range->name && str_eq(range->name, other->name))
            diag_node(diags, yaml_get(node, "name"), "memory '%.80s' is here twice", range->name);
    }
}

static void read_range(const struct yaml_node *node, struct board_conf *conf, struct diags *diags)
{
    struct memory_range range = {.write = -1};
    size_t mistakes = diags->messages.count + diags->dropped;

    fields_read(range_rows, node, "a memory range", &range, diags);
    if (range.write < 0)
        range.write = range.name ? MEMORY_NAMED : MEMORY_ALWAYS;
    if (diags->messages.count + diags->dropped == mistakes)
        check_range(&range, node, conf, diags);
    if (diags->messages.count + diags->dropped == mistakes)
        conf->memory[conf->memory_count++] = range;
    else
        fields_done(range_rows, &range);
}

static void read_memory(const struct yaml_node *node, struct board_conf *conf, struct diags *diags)
{
    if (!node)
        return;
    if (node->kind != YAML_LIST || !node->first || node->count > RANGES_MAX) {
        diag_node(
            diags, node,
            "'memory' must be a list of 1 to %d ranges such as [{at: 0x08000000, size: 512K}]",
            RANGES_MAX);
        return;
    }
    conf->memory = xcalloc(node->count, sizeof *conf->memory);
    for (const struct yaml_node *item = node->first; item; item = item->next)
        read_range(item, conf, diags);
}

/* ---- a board --------------------------------------------------------------------------------- */

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

static void check_driver(const struct yaml_node *node, const char *example, struct diags *diags)
{
    if (node && (node->kind != YAML_MAP || node->count != 1))
        diag_node(diags, node, "'%s' must be a map with one key, the driver, such as %s", node->key,
                  example);
}

static void check_drivers(const struct board_conf *conf, struct diags *diags)
{
    check_driver(conf->power, "{cmd: {on: [...], off: [...]}}", diags);
    check_driver(conf->reset, "{cmd: {run: [...]}}", diags);
    check_driver(conf->flash, "{cmd: {run: [...]}}", diags);
    check_driver(conf->console, "{serial: {path: /dev/ttyACM0}}", diags);
    check_driver(conf->otp, "{cubeprogrammer: {port: USB1}}", diags);
    if (conf->bare)
        return;
    if (!conf->flash && !conf->qemu)
        diag_key(diags, conf->node, "board '%s' has no flash driver; give it 'flash' or 'qemu'",
                 conf->name);
    if (!conf->console && !conf->qemu)
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

static void read_step(const struct yaml_node *node, const char *name, struct recovery_conf *ret,
                      struct diags *diags)
{
    const char *near;

    for (size_t i = 0; i < RECOVERY_STEPS; i++) {
        if (!strcmp(name, recovery_step_names[i])) {
            ret->steps[i] = true;
            return;
        }
    }
    near = str_nearest(name, recovery_step_names, RECOVERY_STEPS);
    if (near)
        diag_node(diags, node, "unknown recovery step '%.80s' (did you mean '%s'?)", name, near);
    else
        diag_node(diags, node,
                  "unknown recovery step '%.80s'; there are: again, bootloader, usb-reset, "
                  "power-cycle, probe-cycle",
                  name);
}

static void read_recovery(const struct yaml_node *node, bool bare, struct recovery_conf *ret,
                          struct diags *diags)
{
    const struct yaml_node *list = node ? yaml_get(node, "steps") : NULL, *item;
    struct recovery_fields fields = {0};

    if (node)
        fields_read(recovery_rows, node, "'recovery'", &fields, diags);
    else if (bare)
        return;
    ret->bootloader = fields.bootloader;
    ret->probe = fields.probe;
    check_driver(ret->bootloader, "{cmd: {run: [...]}}", diags);
    check_driver(ret->probe, "{usb-hub: {location: 1-1, port: 2}}", diags);
    for (size_t i = 0; i < RECOVERY_STEPS; i++)
        ret->steps[i] = !list;
    item = list && list->kind == YAML_LIST ? list->first : list;
    for (size_t i = 0; i < fields.steps.count; i++, item = item->next)
        read_step(item, fields.steps.items[i], ret, diags);
    fields_done(recovery_rows, &fields);
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

/* True where the board is on a server. Takes over `server` and `as`. */
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

static void read_board(const struct yaml_node *node, const char *name, bool bare,
                       struct timeouts defaults, const struct servers_conf *servers,
                       struct board_conf *ret, struct diags *diags)
{
    struct board_fields fields = {.conf = {.name = name, .bare = bare, .node = node}};
    cleanup_free char *what = bare ? xstrdup("'rig'") : xasprintf("board '%.80s'", name);
    struct timeouts own;
    bool remote;

    if (!name_valid(name))
        diag_key(diags, node, "board name '%.80s' must be made of " NAME_RULE, name);
    fields_read(board_rows, node, what, &fields, diags);
    remote = read_place(node, &fields, servers, diags);
    timeouts_read(fields.timeouts, &own, diags);
    fields.conf.timeouts = remote ? own : timeouts_merge(defaults, own);
    read_memory(fields.memory, &fields.conf, diags);
    read_format(fields.format, &fields.conf.format, diags);
    read_recovery(fields.recovery, bare, &fields.conf.recovery, diags);
    if (fields.health)
        fields_read(health_rows, fields.health, "'health'", &fields.conf.health, diags);
    check_labels(node, &fields.conf, diags);
    if (!remote && (node->kind == YAML_MAP || node->kind == YAML_NULL))
        check_drivers(&fields.conf, diags);
    *ret = fields.conf;
}

/* ---- all boards ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A label that is another board's name would make `-b NAME` mean two boards. */
static void check_label_names(const struct lab *lab, struct diags *diags)
{
    cleanup_free const char **names = xcalloc(lab->count, sizeof(*names));

    for (size_t i = 0; i < lab->count; i++)
        names[i] = lab->boards[i].name;
    qsort(names, lab->count, sizeof(*names), by_name);
    for (size_t i = 0; i < lab->count; i++) {
        const struct board_conf *board = &lab->boards[i];
        for (size_t j = 0; j < board->labels.count; j++) {
            const char *label = board->labels.items[j];
            if (strcmp(label, board->name) &&
                bsearch(&label, names, lab->count, sizeof(*names), by_name))
                diag_node(diags, yaml_get(board->node, "labels"),
                          "label '%.80s' of board '%.80s' is another board's name", label,
                          board->name);
        }
    }
}

/* `boards: from pi1`, or several of them, parted by blanks: whatever they have. */
static bool read_from(const struct yaml_node *boards, struct servers_conf *servers,
                      struct diags *diags)
{
    cleanup_strv struct strv names = {0};

    if (boards->kind != YAML_SCALAR || !str_starts(boards->text, "from "))
        return false;
    strv_split(&names, boards->text + strlen("from "), ' ');
    for (size_t i = 0; i < names.count; i++) {
        struct server_conf *server = NULL;
        for (size_t s = 0; s < servers->count && !server; s++)
            if (!strcmp(servers->items[s].name, names.items[i]))
                server = &servers->items[s];
        if (server)
            server->all_boards = true;
        else
            diag_node(diags, boards, "no server '%.80s' is in 'servers'", names.items[i]);
    }
    return true;
}

static void read_boards(const struct yaml_node *boards, struct timeouts defaults, struct lab *lab,
                        struct diags *diags)
{
    if (!boards || read_from(boards, &lab->servers, diags))
        return;
    if (boards->kind != YAML_MAP || !boards->first) {
        diag_node(diags, boards, "'boards' must be a map with at least one board");
        return;
    }
    lab->boards = xcalloc(boards->count, sizeof *lab->boards);
    for (const struct yaml_node *node = boards->first; node; node = node->next)
        read_board(node, node->key, false, defaults, &lab->servers, &lab->boards[lab->count++],
                   diags);
    check_label_names(lab, diags);
}

void max_parallel_read(const struct yaml_node *node, struct max_parallel *ret, struct diags *diags)
{
    fields_read(max_parallel_rows, node, "'max-parallel'", ret, diags);
}

static char *host_name(void)
{
    char name[HOST_NAME_MAX + 1] = "";

    gethostname(name, sizeof name - 1);
    return fs_safe_name(name);
}

static void read_store(const struct yaml_node *node, struct store_conf *ret, struct diags *diags)
{
    *ret = (struct store_conf)STORE_CONF_DEFAULT;
    if (!node)
        return;
    if (node->kind == YAML_SCALAR)
        ret->url = xstrdup(node->text);
    else
        fields_read(store_rows, node, "'store'", ret, diags);
    if (ret->keep_ms < STORE_KEEP_MIN_MS)
        diag_node(diags, yaml_get(node, "keep"),
                  "keep: less than 1d, and hil watch counts a day's flashes");
    if (ret->lease_ms < STORE_LEASE_MIN_MS || ret->lease_ms > STORE_LEASE_MAX_MS)
        diag_node(diags, yaml_get(node, "lease"), "lease: between 2s and 1h");
    if (ret->max_bytes < STORE_SIZE_MIN)
        diag_node(diags, yaml_get(node, "max-size"), "max-size: less than 1M holds no run");
    if (ret->url && !str_starts(ret->url, "postgresql://") && !str_starts(ret->url, "postgres://"))
        diag_node(diags, node->kind == YAML_SCALAR ? node : yaml_get(node, "url"),
                  "store: the url is none of PostgreSQL, as postgresql://hil@db.example/lab");
}

static void read_lab(struct lab *lab, struct diags *diags)
{
    struct lab_fields fields = {0};
    const struct yaml_node *default_timeouts = NULL;
    const struct yaml_node *root = yaml_root(lab->tree);
    struct timeouts timeouts;

    fields_read(lab_rows, root, "a lab", &fields, diags);
    lab->name = fields.name ? fields.name : host_name();
    lab->watch = fields.watch;
    lab->webhook = fields.webhook;
    lab->notify = fields.notify;
    lab->rig = fields.rig;
    read_store(fields.store, &lab->store, diags);
    if (fields.name && !name_valid(lab->name))
        diag_node(diags, yaml_get(yaml_root(lab->tree), "lab"),
                  "lab name '%.80s' must be made of " NAME_RULE, lab->name);
    if (fields.max_parallel)
        max_parallel_read(fields.max_parallel, &lab->max_parallel, diags);
    if (fields.defaults)
        fields_read(default_rows, fields.defaults, "'defaults'", &default_timeouts, diags);
    timeouts_read(default_timeouts, &timeouts, diags);
    lab->timeouts = timeouts_merge(timeouts_default, timeouts);
    if (!fields.boards && !fields.rig && (root->kind == YAML_MAP || root->kind == YAML_NULL))
        diag_key(diags, root, "a lab needs 'boards': " BOARDS_HELP);
    servers_read(fields.servers, &lab->servers, diags);
    read_boards(fields.boards, lab->timeouts, lab, diags);
}

int lab_load(const char *path, struct lab **ret, struct diags *diags, struct err *err)
{
    struct yaml_tree *tree;
    struct lab *lab;
    int rc = yaml_load(path, &tree, diags, err);

    *ret = NULL;
    if (rc < 0)
        return rc;
    lab = xcalloc(1, sizeof *lab);
    lab->tree = tree;
    lab->file = yaml_file(tree);
    read_lab(lab, diags);
    diags->file = lab->file;
    *ret = lab;
    return diags_check(diags, err);
}

bool lab_board_key(const char *key)
{
    for (const struct field *row = board_rows; row->name; row++)
        if (!strcmp(row->name, key))
            return true;
    return false;
}

int lab_from_template(const struct lab *lab, const struct yaml_node *template, const char *name,
                      char *(*fill)(void *arg, const char *text), void *arg, struct lab **ret,
                      struct diags *diags, struct err *err)
{
    struct lab *new = xcalloc(1, sizeof *new);
    const char *keys[ARRAY_SIZE(board_rows)];

    for (size_t i = 0; i < ARRAY_SIZE(board_rows); i++)
        keys[i] = board_rows[i].name;
    new->tree = yaml_fill(template, lab->file, keys, fill, arg);
    new->file = yaml_file(new->tree);
    new->name = xstrdup(lab->name);
    new->max_parallel = lab->max_parallel;
    new->timeouts = lab->timeouts;
    new->store = lab->store;
    new->store.url = xstrdup(lab->store.url);
    new->boards = xcalloc(1, sizeof *new->boards);
    new->board_name = xstrdup(name);
    new->count = 1;
    diags->file = new->file;
    read_board(yaml_root(new->tree), new->board_name, true, new->timeouts, &new->servers,
               &new->boards[0], diags);
    if (!new->boards[0].flash)
        diag_key(diags, template, "'rig' has no flash driver; give it 'flash'");
    *ret = new;
    return diags_check(diags, err);
}

static void board_conf_done(struct board_conf *board)
{
    strv_done(&board->labels);
    free(board->own_name);
    free(board->there);
    free(board->barred);
    for (size_t i = 0; i < board->memory_count; i++)
        fields_done(range_rows, &board->memory[i]);
    free(board->memory);
    free(board->format.name);
    fields_done(regex_rows, &board->format);
    fields_done(health_rows, &board->health);
}

struct board_conf *lab_add_board(struct lab *lab, const struct server_conf *server,
                                 const char *there)
{
    struct board_conf *board;

    lab->boards = xrealloc(lab->boards, lab->count + 1, sizeof *lab->boards);
    board = &lab->boards[lab->count++];
    *board = (struct board_conf){.own_name = xasprintf("%s/%s", server->name, there),
                                 .server = server,
                                 .there = xstrdup(there),
                                 .node = server->node,
                                 .timeouts = {-1, -1, -1, -1, -1}};
    board->name = board->own_name;
    return board;
}

void lab_drop_servers_boards(struct lab *lab)
{
    size_t kept = 0;

    for (size_t i = 0; i < lab->count; i++)
        if (lab->boards[i].server)
            board_conf_done(&lab->boards[i]);
        else
            lab->boards[kept++] = lab->boards[i];
    lab->count = kept;
}

void lab_free(struct lab *lab)
{
    if (!lab)
        return;
    for (size_t i = 0; i < lab->count; i++)
        board_conf_done(&lab->boards[i]);
    free(lab->boards);
    servers_done(&lab->servers);
    free(lab->store.url);
    free(lab->name);
    free(lab->board_name);
    yaml_tree_free(lab->tree);
    free(lab);
}

/* ---- finding --------------------------------------------------------------------------------- */

char *lab_find(const char *option, struct err *err)
{
    static const char *const places[] = {"lab.yaml", "/etc/hil/lab.yaml"};
    const char *variable = getenv("HIL_LAB");
    bool from_variable = !option && variable && variable[0];
    const char *named = option ? option : from_variable ? variable : NULL;

    if (named && fs_exists(named))
        return xstrdup(named);
    if (named) {
        err_set(err, ERR_CONFIG, "%s names %s, which is not there", option ? "--lab" : "$HIL_LAB",
                named);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (fs_exists(places[i]))
            return xstrdup(places[i]);
    err_set(err, ERR_CONFIG,
            "no lab.yaml: --lab is not given, $HIL_LAB is not set, and neither ./lab.yaml nor "
            "/etc/hil/lab.yaml is there; hil help boards shows how to write one");
    return NULL;
}

/* "nucleo-3" for pi1/nucleo-3. */
static bool is_short_for(const struct board_conf *board, const char *name)
{
    return board->server && !strcmp(board->name + strlen(board->server->name) + 1, name);
}

const struct board_conf *lab_board(const struct lab *lab, const char *name)
{
    const struct board_conf *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < lab->count; i++) {
        if (!strcmp(lab->boards[i].name, name))
            return &lab->boards[i];
        if (is_short_for(&lab->boards[i], name)) {
            found = &lab->boards[i];
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

bool board_matches(const struct board_conf *board, const char *selector)
{
    cleanup_strv struct strv wanted = {0};

    if (!strcmp(board->name, selector) || is_short_for(board, selector))
        return true;
    strv_split(&wanted, selector, ',');
    for (size_t i = 0; i < wanted.count; i++)
        if (!strv_has(&board->labels, wanted.items[i]))
            return false;
    return wanted.count > 0;
}
