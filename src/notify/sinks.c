/* SPDX-License-Identifier: MIT */
#include "notify/sinks.h"

#include "base/fs.h"
#include "conf/name.h"
#include "notify/kind.h"

#include <stdlib.h>

#define SINKS_MAX 50
#define EVERY_MS 60000
#define RETRY_MS 5000
#define DEFAULT_KINDS \
    (1U << NOTICE_FAIL | 1U << NOTICE_INFRA | 1U << NOTICE_QUARANTINE | 1U << NOTICE_POOL_LOW)

const struct sink_kind *const sink_kinds[] = {&sink_slack, &sink_webhook, &sink_email,
                                              &sink_command, NULL};
enum { KINDS = ARRAY_SIZE(sink_kinds) - 1 };

struct sink_fields {
    struct sink sink;
    const struct yaml_node *kinds[KINDS];
};

#define AT(member) offsetof(struct sink_fields, member)

static const struct field rows[] = {
    {"slack", FIELD_NODE, AT(kinds[0]), .help = "an incoming webhook of Slack, or of its kin"},
    {"webhook", FIELD_NODE, AT(kinds[1]), .help = "JSON by POST, signed"},
    {"email", FIELD_NODE, AT(kinds[2]), .help = "mail by SMTP"},
    {"command", FIELD_NODE, AT(kinds[3]), .help = "a program that gets the JSON"},
    {"name", FIELD_STRING, AT(sink.name), .help = "of the sink; its kind where not given"},
    {"on", FIELD_STRINGS, AT(sink.on),
     .help = "pass, fail, infra, quarantine, release, watch, rig, pool-low, or all; where not "
             "given: fail, infra, quarantine and pool-low"},
    {"boards", FIELD_STRINGS, AT(sink.boards), .help = "only of these: names, or labels"},
    {"every", FIELD_DURATION, AT(sink.every_ms),
     .help = "between two messages; what happens meanwhile is one (1m)"},
    {"retry", FIELD_DURATION, AT(sink.retry_ms), .help = "the first pause after a failure (5s)"},
    {0}};

static void sink_done(struct sink *sink)
{
    if (sink->conf)
        fields_done(sink->kind->rows, sink->conf);
    free(sink->conf);
    free(sink->name);
    strv_done(&sink->on);
    strv_done(&sink->boards);
}

void sinks_done(struct sinks *sinks)
{
    for (size_t i = 0; i < sinks->count; i++)
        sink_done(&sinks->items[i]);
    free(sinks->items);
    free(sinks->dir);
    *sinks = (struct sinks){0};
}

const struct sink *sinks_find(const struct sinks *sinks, const char *name)
{
    for (size_t i = 0; i < sinks->count; i++)
        if (str_eq(sinks->items[i].name, name))
            return &sinks->items[i];
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_on(const struct yaml_node *node, struct sink *sink, struct diags *diags)
{
    const struct yaml_node *list = yaml_get(node, "on");

    sink->kinds = sink->on.count ? 1U << NOTICE_TEST : DEFAULT_KINDS | 1U << NOTICE_TEST;
    for (size_t i = 0; i < sink->on.count; i++) {
        const char *word = sink->on.items[i], *near;
        unsigned kinds = str_eq(word, "all") ? ~0U : 0;
        for (int kind = 0; kind < NOTICE_TEST; kind++)
            if (str_eq(word, notice_kind_names[kind]))
                kinds = 1U << kind;
        sink->kinds |= kinds;
        if (kinds)
            continue;
        near = str_nearest(word, notice_kind_names, NOTICE_TEST);
        diag_node(diags, list,
                  "on: '%.80s' is no event%s%s%s; there are pass, fail, infra, "
                  "quarantine, release, watch, rig, pool-low and all",
                  word, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
}

static void check_boards(const struct yaml_node *node, const struct lab *lab,
                         const struct sink *sink, struct diags *diags)
{
    for (size_t i = 0; i < sink->boards.count; i++) {
        bool any = false;
        for (size_t b = 0; b < lab->count && !any; b++)
            any = board_matches(&lab->boards[b], sink->boards.items[i]);
        if (!any)
            diag_node(diags, yaml_get(node, "boards"),
                      "boards: '%.80s' is no board's name, and no board has such labels",
                      sink->boards.items[i]);
    }
}

/* The one kind of the item; NULL: none, or several, which is told. */
static const struct yaml_node *find_kind(const struct yaml_node *node,
                                         const struct sink_fields *fields, struct sink *sink,
                                         struct diags *diags)
{
    const struct yaml_node *found = NULL;

    for (size_t i = 0; i < KINDS; i++) {
        if (!fields->kinds[i])
            continue;
        if (found) {
            diag_node(diags, fields->kinds[i],
                      "a sink is one of slack, webhook, email, command; "
                      "this one is two");
            return NULL;
        }
        found = fields->kinds[i];
        sink->kind = sink_kinds[i];
    }
    if (!found)
        diag_node(diags, node, "a sink is one of slack, webhook, email, command; this one is none");
    return found;
}

static void read_kind(const struct yaml_node *node, struct sink *sink, struct diags *diags)
{
    cleanup_free char *what = xasprintf("notify %s", sink->kind->name);
    size_t mistakes = diags->messages.count + diags->dropped;

    sink->conf = xcalloc(1, sink->kind->size);
    if (sink->kind->preset)
        sink->kind->preset(sink->conf);
    fields_read(sink->kind->rows, node, what, sink->conf, diags);
    if (diags->messages.count + diags->dropped == mistakes)
        sink->kind->check(sink->conf, node, diags);
}

static void name_it(const struct yaml_node *node, const struct sinks *sinks, struct sink *sink,
                    struct diags *diags)
{
    bool given = sink->name;

    if (!given)
        sink->name = xstrdup(sink->kind->name);
    if (!name_valid(sink->name))
        diag_node(diags, yaml_get(node, "name"), "name: '%.80s' must be made of " NAME_RULE,
                  sink->name);
    else if (sinks_find(sinks, sink->name))
        diag_node(diags, given ? yaml_get(node, "name") : node,
                  "there is a sink '%.80s' already; give this one another name", sink->name);
}

static void read_sink(const struct yaml_node *node, struct sinks *sinks, struct diags *diags)
{
    struct sink_fields fields = {.sink = {.every_ms = EVERY_MS, .retry_ms = RETRY_MS}};
    const struct yaml_node *kind;
    struct sink *sink = &fields.sink;

    fields_read(rows, node, "a sink", &fields, diags);
    if (node->kind != YAML_MAP)
        return;
    sink->dir = sinks->dir;
    kind = find_kind(node, &fields, sink, diags);
    if (!kind) {
        sink_done(sink);
        return;
    }
    read_kind(kind, sink, diags);
    read_on(node, sink, diags);
    check_boards(node, sinks->lab, sink, diags);
    name_it(node, sinks, sink, diags);
    sinks->items[sinks->count++] = *sink;
}

void sinks_read(const struct lab *lab, struct sinks *ret, struct diags *diags)
{
    const struct yaml_node *list = lab->notify;

    *ret = (struct sinks){.lab = lab, .dir = fs_dirname(lab->file)};
    if (!list)
        return;
    if (list->kind != YAML_LIST || list->count > SINKS_MAX) {
        diag_node(diags, list,
                  "'notify' must be a list of at most %d sinks such as [{slack: "
                  "{url-file: slack.url}}]",
                  SINKS_MAX);
        return;
    }
    ret->items = xcalloc(list->count + 1, sizeof *ret->items);
    for (const struct yaml_node *item = list->first; item; item = item->next)
        read_sink(item, ret, diags);
}

/* ---- the filter ------------------------------------------------------------------------------ */

bool sink_wants(const struct sink *sink, enum notice_kind kind)
{
    return sink->kinds >> kind & 1;
}

bool sink_has_board(const struct sinks *sinks, const struct sink *sink, const char *board)
{
    const struct board_conf *conf = board ? lab_board(sinks->lab, board) : NULL;

    for (size_t i = 0; conf && i < sink->boards.count; i++)
        if (board_matches(conf, sink->boards.items[i]))
            return true;
    return !sink->boards.count;
}

int sink_ready(const struct sink *sink, char **ret_exposed, struct err *err)
{
    int rc = sink->kind->ready ? sink->kind->ready(sink, err) : 0;

    *ret_exposed = NULL;
    for (const struct secret_row *row = sink->kind->secrets; row && row->name && rc == 0; row++) {
        const struct secret_conf *secret = (const void *)((const char *)sink->conf + row->offset);
        cleanup_secret char *value = NULL;
        if (!secret_given(secret))
            continue;
        rc = secret_read(secret, row->name, sink->dir, &value, err);
        if (rc == 0 && !*ret_exposed)
            *ret_exposed = secret_exposed(secret, sink->dir);
    }
    return rc;
}
