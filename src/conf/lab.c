/* SPDX-License-Identifier: MIT */
#include "conf/lab.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/field.h"
#include "conf/name.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_SHOWN 20 /* names and labels that an error lists */
#define PARALLEL_MAX 1000

struct lab_fields {
    char *name;
    const struct yaml_node *defaults, *boards, *servers, *max_parallel, *watch, *webhook, *store,
        *notify, *rig;
    struct strv hub;
};

#define BOARDS_HELP "a map from a board's name to its drivers"

static const struct field lab_rows[] = {
    {"lab", FIELD_STRING, offsetof(struct lab_fields, name), .help = "its name"},
    {"defaults", FIELD_NODE, offsetof(struct lab_fields, defaults), .help = "for all boards"},
    {"max-parallel", FIELD_NODE, offsetof(struct lab_fields, max_parallel),
     .help = "boards flashed at once: {lab, hub, controller}"},
    {"boards", FIELD_NODE, offsetof(struct lab_fields, boards), .help = BOARDS_HELP},
    {"servers", FIELD_NODE, offsetof(struct lab_fields, servers),
     .help = "other hosts with boards: a map from a name to {hosts, user, key, ...}"},
    {"hub-controller", FIELD_ARGV, offsetof(struct lab_fields, hub),
     .help = "the program of this host's hub controller, [python3, hub_cli.py]"},
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
        if (server && server->exec)
            diag_node(diags, boards,
                      "server '%.80s' has 'exec': its boards are described here, one by one",
                      server->name);
        else if (server)
            server->all_boards = true;
        else
            diag_node(diags, boards, "no server '%.80s' is in 'servers'", names.items[i]);
    }
    return true;
}

static void read_boards(const struct yaml_node *boards, struct lab *lab, struct diags *diags)
{
    if (!boards || read_from(boards, &lab->servers, diags))
        return;
    if (boards->kind != YAML_MAP || !boards->first) {
        diag_node(diags, boards, "'boards' must be a map with at least one board");
        return;
    }
    lab->boards = xcalloc(boards->count, sizeof *lab->boards);
    for (const struct yaml_node *node = boards->first; node; node = node->next) {
        struct board_conf *board = &lab->boards[lab->count++];
        *board = (struct board_conf){.name = node->key, .node = node, .timeouts = lab->timeouts};
        board_conf_read(board, &lab->servers, diags);
    }
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
    lab->hub = fields.hub;
    store_conf_read(fields.store, &lab->store, diags);
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
    read_boards(fields.boards, lab, diags);
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

int lab_from_template(const struct lab *lab, const struct yaml_node *template, const char *name,
                      char *(*fill)(void *arg, const char *text), void *arg, struct lab **ret,
                      struct diags *diags, struct err *err)
{
    struct lab *new = xcalloc(1, sizeof *new);

    new->tree = board_conf_fill(template, lab->file, fill, arg);
    new->file = yaml_file(new->tree);
    new->name = xstrdup(lab->name);
    new->max_parallel = lab->max_parallel;
    new->timeouts = lab->timeouts;
    new->store = lab->store;
    new->store.url = xstrdup(lab->store.url);
    for (size_t i = 0; i < lab->hub.count; i++)
        strv_add(&new->hub, lab->hub.items[i]);
    new->boards = xcalloc(1, sizeof *new->boards);
    new->board_name = xstrdup(name);
    new->count = 1;
    diags->file = new->file;
    new->boards[0] = (struct board_conf){.name = new->board_name,
                                         .bare = true,
                                         .node = yaml_root(new->tree),
                                         .timeouts = new->timeouts};
    board_conf_read(&new->boards[0], &new->servers, diags);
    if (!new->boards[0].flash)
        diag_key(diags, template, "'rig' has no flash driver; give it 'flash'");
    *ret = new;
    return diags_check(diags, err);
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
    strv_done(&lab->hub);
    store_conf_done(&lab->store);
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
            "/etc/hil/lab.yaml is there; hil discover --write makes one of what is plugged in, "
            "and hil help boards shows how to write it");
    return NULL;
}

const struct board_conf *lab_board(const struct lab *lab, const char *name)
{
    const struct board_conf *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < lab->count; i++) {
        if (!strcmp(lab->boards[i].name, name))
            return &lab->boards[i];
        if (board_is_short_for(&lab->boards[i], name)) {
            found = &lab->boards[i];
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

const struct server_conf *lab_server(const struct lab *lab, const char *name, struct err *err)
{
    const struct server_conf *found = servers_find(&lab->servers, name);
    const char **names = xcalloc(lab->servers.count + 1, sizeof *names);

    for (size_t i = 0; i < lab->servers.count; i++)
        names[i] = lab->servers.items[i].name;
    if (!found) {
        err_set(err, ERR_CONFIG, "%s: no server '%.80s' is in 'servers'", lab->file, name);
        str_hint_nearest(name, names, lab->servers.count, NULL, err);
    }
    free(names);
    return found;
}

/* Every name and every label of the lab, once. */
static struct strv known_words(const struct lab *lab)
{
    struct strv known = {0};

    for (size_t i = 0; i < lab->count; i++) {
        const struct strv *labels = &lab->boards[i].labels;
        strv_add(&known, lab->boards[i].name);
        for (size_t l = 0; l < labels->count; l++)
            if (!strv_has(&known, labels->items[l]))
                strv_add(&known, labels->items[l]);
    }
    return known;
}

int lab_hint_boards(const struct lab *lab, const char *word, struct err *err)
{
    cleanup_strv struct strv known = known_words(lab);
    const char *const *words = (const char *const *)known.items;

    if (str_nearest(word, words, known.count))
        return str_hint_nearest(word, words, known.count, NULL, err);
    for (size_t i = 0; i < known.count && i < WORDS_SHOWN; i++)
        err_hint(err, "%s %s", i ? "," : "; there are:", words[i]);
    return err_hint(err, known.count > WORDS_SHOWN ? ", ..." : "");
}
