/* SPDX-License-Identifier: MIT */
#include "serve/watch_conf.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/field.h"
#include "serve/match.h"
#include "source/download.h"
#include "source/github_api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCHES_MAX 100
#define INTERVAL_MIN_MS \
    10 /* what is sensible is the operator's: a server of his own has no limit */
#define LIMIT_MAX 1000

#define AT(member) offsetof(struct watch_conf, member)

static const struct field rows[] = {
    {"repo", FIELD_STRING, AT(repo), FIELD_REQUIRED, .help = "the repository, owner/name"},
    {"release", FIELD_STRING, AT(release),
     .help = "latest, pre (a pre-release may be it), or a tag or pattern of tags"},
    {"artifact", FIELD_STRING, AT(artifact), .help = "of a workflow run, instead of a release"},
    {"branch", FIELD_STRING, AT(branch), .help = "with artifact: whose newest green run"},
    {"workflow", FIELD_STRING, AT(workflow), .help = "with artifact: only of this one, build.yml"},
    {"asset", FIELD_STRING, AT(asset),
     .help = "of a release: a name or pattern; {board} and {label} stand for the board's"},
    {"member", FIELD_STRING, AT(member), .help = "which file of an archive; a pattern like asset"},
    {"at", FIELD_ADDRESS, AT(at), .help = "where a raw binary belongs, 0x08000000"},
    {"boards", FIELD_STRINGS, AT(boards), .help = "names, or labels parted by commas"},
    {"test", FIELD_BOOL, AT(test), .help = "run its tests, too, and believe only what passes"},
    {"require", FIELD_STRINGS, AT(require), .help = "digest, signature or attestation"},
    {"minisign", FIELD_STRING, AT(minisign), .help = "the key file that signatures must be by"},
    {"window", FIELD_STRING, AT(hours), .help = "local hours in which it may flash, 22:00-06:00"},
    {"interval", FIELD_DURATION, AT(interval_ms), .help = "between two looks; 5m"},
    {"golden", FIELD_STRING, AT(golden), .help = "a file for boards that a new image broke"},
    {"daily-limit", FIELD_UINT, AT(daily_limit), .min = 1, .max = LIMIT_MAX,
     .help = "flashes of one board in 24 hours; 20"},
    {0}};

static const struct field webhook_rows[] = {
    {"listen", FIELD_STRING, offsetof(struct webhook_conf, listen), FIELD_REQUIRED,
     .help = "address and port, 127.0.0.1:8321"},
    {"secret-file", FIELD_STRING, offsetof(struct webhook_conf, secret_file), FIELD_REQUIRED,
     .help = "the file that holds the webhook's secret"},
    {0}};

struct watch_conf watch_conf_new(void)
{
    return (struct watch_conf){.interval_ms = WATCH_INTERVAL_MS, .daily_limit = WATCH_DAILY_LIMIT};
}

void watch_conf_done(struct watch_conf *conf)
{
    fields_done(rows, conf);
    free(conf->on);
    conf->on = NULL;
    conf->on_count = 0;
}

void watch_plan_done(struct watch_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        watch_conf_done(&plan->items[i]);
    free(plan->items);
    fields_done(webhook_rows, &plan->webhook);
    *plan = (struct watch_plan){0};
}

char *watch_conf_name(const struct watch_conf *conf)
{
    return conf->release
               ? xasprintf("%s release %s", conf->repo, conf->release)
               : xasprintf("%s artifact %s of %s", conf->repo, conf->artifact, conf->branch);
}

struct watch_rules watch_conf_rules(const struct watch_conf *conf)
{
    return (struct watch_rules){conf->window, conf->daily_limit, conf->golden != NULL};
}

/* ---- checks: each mistake is told at the key that made it ------------------------------------ */

struct check {
    struct watch_conf *conf;
    const struct lab *lab;
    const struct yaml_node *node; /* NULL: from the command line */
    struct diags *diags;
    struct err *err; /* the first mistake of the command line */
};

__attribute__((format(printf, 3, 4))) static void wrong(struct check *check, const char *key,
                                                        const char *format, ...)
{
    const struct yaml_node *at = check->node ? yaml_get(check->node, key) : NULL;
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (at)
        diag_node(check->diags, at, "%s", text);
    else if (check->node)
        diag_key(check->diags, check->node, "%s", text);
    else if (!check->err->message[0])
        err_set(check->err, ERR_USAGE, "%s", text);
}

static void check_source(struct check *check)
{
    const struct watch_conf *conf = check->conf;

    if (conf->repo && !github_repo_ok(conf->repo))
        wrong(check, "repo", "repo: '%.80s' is not OWNER/NAME", conf->repo);
    if (!conf->release == !conf->artifact)
        wrong(check, conf->artifact ? "artifact" : "repo",
              "one of release and artifact says what to watch");
    if (conf->artifact && !conf->branch)
        wrong(check, "artifact", "artifact needs a branch: its newest green run is looked into");
    if (conf->release && (conf->branch || conf->workflow))
        wrong(check, conf->branch ? "branch" : "workflow", "%s goes with artifact",
              conf->branch ? "branch" : "workflow");
    if (conf->artifact && conf->asset)
        wrong(check, "asset", "asset goes with release; of an artifact, member chooses a file");
    if ((conf->release && !*conf->release) || (conf->artifact && !*conf->artifact))
        wrong(check, conf->release ? "release" : "artifact", "release and artifact need a name");
    if (conf->interval_ms < INTERVAL_MIN_MS)
        wrong(check, "interval", "interval: less than %d ms", INTERVAL_MIN_MS);
}

static void check_patterns(struct check *check)
{
    const struct watch_conf *conf = check->conf;
    const struct {
        const char *key, *pattern;
    } patterns[] = {{"asset", conf->asset}, {"member", conf->member}, {"artifact", conf->artifact}};

    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        cleanup_free char *stranger =
            patterns[i].pattern ? match_stranger(patterns[i].pattern) : NULL;
        if (stranger && *stranger)
            wrong(check, patterns[i].key, "%s: '%.80s' is neither {board} nor {label}",
                  patterns[i].key, stranger);
    }
}

static void check_proofs(struct check *check)
{
    static const struct {
        const char *name;
        enum download_proof proof;
    } proofs[] = {{"digest", PROOF_DIGEST},
                  {"signature", PROOF_SIGNATURE},
                  {"attestation", PROOF_ATTESTATION}};
    struct watch_conf *conf = check->conf;

    for (size_t i = 0; i < conf->require.count; i++) {
        unsigned proof = 0;
        for (size_t j = 0; j < ARRAY_SIZE(proofs); j++)
            if (str_eq(conf->require.items[i], proofs[j].name))
                proof = proofs[j].proof;
        if (!proof)
            wrong(check, "require", "require: '%.80s' is none of digest, signature, attestation",
                  conf->require.items[i]);
        conf->proofs |= proof;
    }
    if (conf->proofs & PROOF_SIGNATURE && !conf->minisign)
        wrong(check, "require", "require: signature needs the key: minisign: KEYFILE");
    if (conf->minisign && conf->artifact)
        wrong(check, "minisign", "minisign goes with release: artifacts have no signatures");
}

static void check_hours(struct check *check)
{
    struct err err = {0};

    if (window_parse(check->conf->hours, &check->conf->window, &err) < 0)
        wrong(check, "window", "window: %s", err.message);
}

/* Files are named from where lab.yaml stands. */
static void find_file(struct check *check, const char *key, char **path)
{
    if (!*path)
        return;
    if (check->node) {
        cleanup_free char *dir = fs_dirname(check->lab->file);
        char *joined = fs_join(dir, *path);
        free(*path);
        *path = joined;
    }
    if (!fs_exists(*path))
        wrong(check, key, "%s: %.200s is not there", key, *path);
}

static bool has_board(const struct watch_conf *conf, const struct board_conf *board)
{
    for (size_t i = 0; i < conf->on_count; i++)
        if (conf->on[i] == board)
            return true;
    return false;
}

static void add_boards(struct check *check, const char *selector)
{
    struct watch_conf *conf = check->conf;
    bool any = false;

    for (size_t i = 0; i < check->lab->count; i++) {
        const struct board_conf *board = &check->lab->boards[i];
        if (selector && !board_matches(board, selector))
            continue;
        any = true;
        if (!has_board(conf, board))
            conf->on[conf->on_count++] = board;
    }
    if (!any)
        wrong(check, "boards", "boards: '%.80s' is no board's name, and no board has such labels",
              selector ? selector : "");
}

static void find_boards(struct check *check)
{
    struct watch_conf *conf = check->conf;

    conf->on = xcalloc(check->lab->count + 1, sizeof(*conf->on));
    if (!conf->boards.count && check->lab->count != 1)
        wrong(check, "boards", "boards: which? names, or labels parted by commas");
    else if (!conf->boards.count)
        add_boards(check, NULL);
    for (size_t i = 0; i < conf->boards.count; i++)
        add_boards(check, conf->boards.items[i]);
}

static void check_conf(struct check *check)
{
    check_source(check);
    check_patterns(check);
    check_proofs(check);
    check_hours(check);
    find_file(check, "golden", &check->conf->golden);
    find_file(check, "minisign", &check->conf->minisign);
    find_boards(check);
}

/* ---- lab.yaml -------------------------------------------------------------------------------- */

static void check_shared(const struct watch_plan *plan, const struct watch_conf *conf,
                         const struct yaml_node *node, struct diags *diags)
{
    const struct yaml_node *at = yaml_get(node, "boards");

    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < conf->on_count; j++)
            if (has_board(&plan->items[i], conf->on[j])) {
                cleanup_free char *name = watch_conf_name(&plan->items[i]);
                diag_node(diags, at ? at : node,
                          "board '%s' is watched for %s already; two would take turns at it",
                          conf->on[j]->name, name);
                return;
            }
}

static void read_one(const struct yaml_node *node, struct watch_plan *plan, struct diags *diags)
{
    struct watch_conf conf = watch_conf_new();
    struct check check = {&conf, plan->lab, node, diags, NULL};
    size_t mistakes = diags->messages.count + diags->dropped;

    fields_read(rows, node, "a watch", &conf, diags);
    conf.has_at = node->kind == YAML_MAP && yaml_get(node, "at");
    if (node->kind == YAML_MAP)
        check_conf(&check);
    if (diags->messages.count + diags->dropped == mistakes)
        check_shared(plan, &conf, node, diags);
    if (diags->messages.count + diags->dropped == mistakes)
        plan->items[plan->count++] = conf;
    else
        watch_conf_done(&conf);
}

static void read_webhook(const struct yaml_node *node, struct watch_plan *plan, struct diags *diags)
{
    struct webhook_conf *webhook = &plan->webhook;
    struct check check = {NULL, plan->lab, node, diags, NULL};
    const char *colon;
    uint64_t port;

    fields_read(webhook_rows, node, "'webhook'", webhook, diags);
    colon = webhook->listen ? strrchr(webhook->listen, ':') : NULL;
    if (webhook->listen && (!colon || str_to_u64(colon + 1, 65535, "", &port, NULL) < 0))
        wrong(&check, "listen", "listen: an address and a port are needed, 127.0.0.1:8321");
    if (webhook->secret_file)
        find_file(&check, "secret-file", &webhook->secret_file);
}

void watch_conf_read(const struct lab *lab, struct watch_plan *ret, struct diags *diags)
{
    const struct yaml_node *list = lab->watch;

    *ret = (struct watch_plan){.lab = lab};
    if (lab->webhook)
        read_webhook(lab->webhook, ret, diags);
    if (!list)
        return;
    if (list->kind != YAML_LIST || !list->first || list->count > WATCHES_MAX) {
        diag_node(diags, list,
                  "'watch' must be a list of 1 to %d such as [{repo: owner/name, release: latest, "
                  "boards: [LABEL]}]",
                  WATCHES_MAX);
        return;
    }
    ret->items = xcalloc(list->count, sizeof *ret->items);
    for (const struct yaml_node *node = list->first; node; node = node->next)
        read_one(node, ret, diags);
}

int watch_conf_add(struct watch_plan *plan, struct watch_conf *conf, const struct lab *lab,
                   struct err *err)
{
    struct err unread = {0}, *told = err ? err : &unread;
    struct check check = {conf, lab, NULL, NULL, told};

    told->message[0] = '\0';
    if (!conf->repo)
        wrong(&check, "repo", "which repository? --repo OWNER/NAME");
    check_conf(&check);
    if (told->message[0]) {
        watch_conf_done(conf);
        return -ERR_USAGE;
    }
    plan->lab = lab;
    plan->items = xrealloc(plan->items, plan->count + 1, sizeof *plan->items);
    plan->items[plan->count++] = *conf;
    *conf = (struct watch_conf){0};
    return 0;
}
