/* SPDX-License-Identifier: MIT */
#include "conf/testplan.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/field.h"
#include "conf/name.h"
#include "result/identity.h"

#include <stdlib.h>
#include <string.h>

#define TESTS_MAX 1000

/* What the rows of a test fill. The parts that are not handed out as they are stand apart. */
struct test_fields {
    struct test_conf conf;
    const struct yaml_node *timeouts, *expect;
};

#define CONF(member) offsetof(struct test_fields, conf.member)

static const char *const flaky_words[] = {"pass", "fail", NULL};

static const struct field test_rows[] = {
    {"name", FIELD_STRING, CONF(name), FIELD_REQUIRED, .help = "what reports call it"},
    {"build", FIELD_ARGV, CONF(build),
     .help = "a program and its arguments that make the firmware"},
    {"firmware", FIELD_STRING, CONF(firmware), FIELD_REQUIRED,
     .help = "a path, a glob, or ARCHIVE:GLOB, with {board} and {label}"},
    {"at", FIELD_ADDRESS, CONF(at), .help = "where a raw binary belongs"},
    {"boards", FIELD_STRINGS, CONF(boards), FIELD_REQUIRED,
     .help = "names, or labels parted by commas"},
    {"every", FIELD_BOOL, CONF(every), .help = "on every board that matches"},
    {"format", FIELD_STRING, CONF(format), .help = "the dialect of its output"},
    {"timeouts", FIELD_NODE, offsetof(struct test_fields, timeouts), .help = "over the board's"},
    {"expect", FIELD_NODE, offsetof(struct test_fields, expect), .help = "what must be in a pass"},
    {"build-id", FIELD_STRING, CONF(build_id),
     .help = "auto: the image's own must be printed before results count; or its digits"},
    {"require-build-id", FIELD_BOOL, CONF(require_build_id),
     .help = "a build-id or nonce that never comes is a fail"},
    {"nonce", FIELD_BOOL, CONF(nonce),
     .help = "the firmware must echo a random line before results count"},
    {"write", FIELD_STRINGS, CONF(write),
     .help = "memory that lab.yaml guards by this name and that the firmware may write"},
    {"retries", FIELD_UINT, CONF(retries), .max = RETRIES_MAX,
     .help = "how often it is tried again where it does not pass; not at all if not given"},
    {"flaky", FIELD_CHOICE, CONF(flaky), .choices = flaky_words,
     .help = "what a pass is that needed that: pass or fail; pass if not given"},
    {"repeat", FIELD_UINT, CONF(repeat), .min = 1, .max = 10000,
     .help = "how often; once if not given"},
    {0}};

static const struct field expect_rows[] = {
    {"tests", FIELD_UINT, offsetof(struct test_conf, expect_tests), .min = 1, .max = 1000000,
     .help = "how many tests must have run"},
    {"require", FIELD_STRINGS, offsetof(struct test_conf, require),
     .help = "patterns; each must match a test that passed"},
    {0}};

static const struct field plan_rows[] = {
    {"tests", FIELD_NODE, 0, FIELD_REQUIRED, .help = "a list of tests"}, {0}};

/* Each { must begin {board} or {label}. */
static void check_placeholders(const struct yaml_node *node, struct test_conf *conf,
                               struct diags *diags)
{
    for (const char *at = conf->firmware; (at = strchr(at, '{')); at++) {
        if (str_starts(at, "{board}")) {
            conf->every = true;
        } else if (!str_starts(at, "{label}")) {
            diag_node(diags, node, "only {board} and {label} are filled in, not '%.40s'", at);
            return;
        }
    }
}

static void check_selectors(const struct yaml_node *node, const struct strv *boards,
                            struct diags *diags)
{
    const struct yaml_node *item = node->kind == YAML_LIST ? node->first : node;

    if (!item)
        diag_node(diags, node, "'boards' must name at least one board or label");
    for (size_t i = 0; item && i < boards->count; i++, item = item->next) {
        cleanup_strv struct strv parts = {0};
        strv_split(&parts, boards->items[i], ',');
        if (!parts.count)
            diag_node(diags, item, "an empty entry in 'boards'");
        for (size_t j = 0; j < parts.count; j++)
            if (!name_valid(parts.items[j]))
                diag_node(diags, item, "'%.80s' in 'boards' must be made of " NAME_RULE,
                          parts.items[j]);
    }
}

static void check_name(const struct testplan *plan, const struct yaml_node *node,
                       const struct test_conf *conf, struct diags *diags)
{
    if (!name_valid(conf->name))
        diag_node(diags, node, "test name '%.80s' must be made of " NAME_RULE, conf->name);
    for (size_t i = 0; i < plan->count; i++)
        if (str_eq(plan->tests[i].name, conf->name))
            diag_node(diags, node, "test '%.80s' is here twice; the first is in line %d",
                      conf->name, plan->tests[i].node->line);
}

static void check_build_id(const struct yaml_node *node, const char *build_id, struct diags *diags)
{
    if (build_id && !str_eq(build_id, "auto") && !build_id_valid(build_id))
        diag_node(diags, node, "'build-id' must be auto or " BUILD_ID_RULE ", not '%.80s'",
                  build_id);
}

static void read_test(struct testplan *plan, const struct yaml_node *node, struct diags *diags)
{
    struct test_fields fields = {.conf = {.node = node, .repeat = 1}};
    struct test_conf *conf = &fields.conf;
    const struct yaml_node *boards = yaml_get(node, "boards");

    if (node->kind != YAML_MAP) {
        diag_node(diags, node,
                  "a test must be a map such as {name: smoke, firmware: smoke.elf, "
                  "boards: [nucleo-f446re]}");
        return;
    }
    fields_read(test_rows, node, "a test", &fields, diags);
    timeouts_read(fields.timeouts, &conf->timeouts, diags);
    if (fields.expect)
        fields_read(expect_rows, fields.expect, "'expect'", conf, diags);
    if (conf->name)
        check_name(plan, yaml_get(node, "name"), conf, diags);
    if (conf->firmware)
        check_placeholders(yaml_get(node, "firmware"), conf, diags);
    if (boards && (boards->kind == YAML_LIST || boards->kind == YAML_SCALAR))
        check_selectors(boards, &conf->boards, diags);
    check_build_id(yaml_get(node, "build-id"), conf->build_id, diags);
    conf->has_at = yaml_get(node, "at") != NULL;
    plan->tests[plan->count++] = *conf;
}

static void read_tests(struct testplan *plan, const struct yaml_node *list, struct diags *diags)
{
    if (!list)
        return;
    if (list->kind != YAML_LIST || !list->first || list->count > TESTS_MAX) {
        diag_node(diags, list, "'tests' must be a list of 1 to %d tests", TESTS_MAX);
        return;
    }
    plan->tests = xcalloc(list->count, sizeof *plan->tests);
    for (const struct yaml_node *node = list->first; node; node = node->next)
        read_test(plan, node, diags);
}

int testplan_load(const char *path, struct testplan **ret, struct diags *diags, struct err *err)
{
    const struct yaml_node *tests = NULL;
    struct testplan *plan;
    struct yaml_tree *tree;
    int rc = yaml_load(path, &tree, diags, err);

    if (rc < 0)
        return rc;
    plan = xcalloc(1, sizeof *plan);
    plan->tree = tree;
    plan->file = yaml_file(tree);
    plan->dir = fs_dirname(path);
    fields_read(plan_rows, yaml_root(tree), "a test plan", &tests, diags);
    read_tests(plan, tests, diags);
    rc = diags_check(diags, err);
    if (rc < 0) {
        testplan_free(plan);
        return rc;
    }
    diags->file = plan->file;
    *ret = plan;
    return 0;
}

void testplan_free(struct testplan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++) {
        strv_done(&plan->tests[i].require);
        fields_done(test_rows, &(struct test_fields){.conf = plan->tests[i]});
    }
    free(plan->tests);
    free(plan->dir);
    yaml_tree_free(plan->tree);
    free(plan);
}
