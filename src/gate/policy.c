/* SPDX-License-Identifier: MIT */
#include "gate/policy.h"

#include "conf/field.h"
#include "conf/name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define QUARANTINE_MAX 1000

struct policy_fields {
    struct policy policy;
    const struct yaml_node *tests, *baseline, *flaky, *quarantine;
};

#define POLICY(member) offsetof(struct policy_fields, policy.member)

static const char *const infra_words[] = {"retry", "block", NULL};
static const char *const missing_words[] = {"block", "allow", NULL};

static const struct field policy_rows[] = {
    {"boards", FIELD_STRINGS, POLICY(boards), .help = "names; each must have passed"},
    {"labels", FIELD_STRINGS, POLICY(labels),
     .help = "labels parted by commas; a board that has them all must have passed"},
    {"tests", FIELD_NODE, offsetof(struct policy_fields, tests),
     .help = "{minimum, require}: how many must have run, which must have passed"},
    {"baseline", FIELD_NODE, offsetof(struct policy_fields, baseline),
     .help = "{release, asset, missing, removed}: no fewer tests than there"},
    {"flaky", FIELD_NODE, offsetof(struct policy_fields, flaky),
     .help = "{max, allow}: tests that failed at first and passed when tried again"},
    {"quarantine", FIELD_NODE, offsetof(struct policy_fields, quarantine),
     .help = "list of {test, boards, until, reason}: failures that do not count for a while"},
    {"infra", FIELD_CHOICE, POLICY(infra), .choices = infra_words,
     .help = "retry: the lab's fault asks for another run; block: it is a red"},
    {0}};

static const struct field tests_rows[] = {
    {"minimum", FIELD_UINT, offsetof(struct policy, minimum), .min = 1, .max = 100000000,
     .help = "how many tests must have run"},
    {"require", FIELD_STRINGS, offsetof(struct policy, require),
     .help = "patterns; each must match a test that passed"},
    {0}};

static const struct field baseline_rows[] = {
    {"release", FIELD_STRING, offsetof(struct policy, release), FIELD_REQUIRED,
     .help = "a tag, or latest"},
    {"asset", FIELD_STRING, offsetof(struct policy, asset),
     .help = "its report; report.json where not given"},
    {"missing", FIELD_CHOICE, offsetof(struct policy, missing), .choices = missing_words,
     .help = "allow: where there is no such release, there is nothing to compare with"},
    {"removed", FIELD_STRINGS, offsetof(struct policy, removed),
     .help = "patterns of tests that are gone on purpose"},
    {0}};

static const struct field flaky_rows[] = {{"max", FIELD_UINT, offsetof(struct policy, flaky_max),
                                           .max = 1000000, .help = "how many there may be"},
                                          {"allow", FIELD_STRINGS,
                                           offsetof(struct policy, flaky_allow),
                                           .help = "patterns; no other test may be flaky"},
                                          {0}};

static const struct field quarantine_rows[] = {
    {"test", FIELD_STRING, offsetof(struct quarantine, test), FIELD_REQUIRED,
     .help = "a pattern over SUITE.NAME or NAME"},
    {"boards", FIELD_STRINGS, offsetof(struct quarantine, boards), .help = "names or labels"},
    {"until", FIELD_STRING, offsetof(struct quarantine, until), FIELD_REQUIRED,
     .help = "the last day on which it counts, YYYY-MM-DD"},
    {"reason", FIELD_STRING, offsetof(struct quarantine, reason), FIELD_REQUIRED,
     .help = "why, and where it is being looked into"},
    {0}};

bool date_valid(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    long year, month, day, last;

    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
            return false;
    year = strtol(text, NULL, 10);
    month = strtol(text + 5, NULL, 10);
    day = strtol(text + 8, NULL, 10);
    if (month < 1 || month > 12)
        return false;
    last = days[month - 1];
    if (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
        last = 29;
    return day >= 1 && day <= last;
}

static void check_names(const struct yaml_node *node, const struct strv *names, struct diags *diags)
{
    for (size_t i = 0; node && i < names->count; i++) {
        cleanup_strv struct strv parts = {0};
        strv_split(&parts, names->items[i], ',');
        if (!parts.count)
            diag_node(diags, node, "an empty entry in '%s'", node->key);
        for (size_t j = 0; j < parts.count; j++)
            if (!name_valid(parts.items[j]))
                diag_node(diags, node, "'%.80s' in '%s' must be made of " NAME_RULE, parts.items[j],
                          node->key);
    }
}

static void read_quarantined(const struct yaml_node *node, struct quarantine *ret,
                             struct diags *diags)
{
    fields_read(quarantine_rows, node, "a quarantine", ret, diags);
    if (ret->until && !date_valid(ret->until))
        diag_node(diags, yaml_get(node, "until"), "'%.40s' is no date such as 2026-12-31",
                  ret->until);
    check_names(yaml_get(node, "boards"), &ret->boards, diags);
}

static void read_quarantine(const struct yaml_node *list, struct policy *policy,
                            struct diags *diags)
{
    if (!list)
        return;
    if (list->kind != YAML_LIST || list->count > QUARANTINE_MAX) {
        diag_node(diags, list, "'quarantine' must be a list of at most %d tests", QUARANTINE_MAX);
        return;
    }
    policy->quarantine = xcalloc(list->count + 1, sizeof *policy->quarantine);
    for (const struct yaml_node *node = list->first; node; node = node->next)
        read_quarantined(node, &policy->quarantine[policy->quarantine_count++], diags);
}

static void read_policy(const struct yaml_node *root, struct policy *ret, struct diags *diags)
{
    struct policy_fields fields = {.policy = *ret};

    fields_read(policy_rows, root, "a policy", &fields, diags);
    *ret = fields.policy;
    check_names(yaml_get(root, "boards"), &ret->boards, diags);
    check_names(yaml_get(root, "labels"), &ret->labels, diags);
    if (fields.tests)
        fields_read(tests_rows, fields.tests, "'tests'", ret, diags);
    if (fields.baseline)
        fields_read(baseline_rows, fields.baseline, "'baseline'", ret, diags);
    ret->flaky_limited = fields.flaky != NULL;
    if (fields.flaky)
        fields_read(flaky_rows, fields.flaky, "'flaky'", ret, diags);
    read_quarantine(fields.quarantine, ret, diags);
}

static int settle(struct yaml_tree *tree, int rc, struct policy *ret, struct diags *diags,
                  struct err *err)
{
    *ret = (struct policy){.flaky_max = UINT64_MAX, .tree = tree};
    if (rc == 0)
        read_policy(yaml_root(tree), ret, diags);
    if (diags->messages.count)
        rc = diags_check(diags, err);
    diags_done(diags);
    if (rc < 0)
        policy_done(ret);
    return rc;
}

int policy_load(const char *path, struct policy *ret, struct err *err)
{
    struct diags diags = {0};
    struct yaml_tree *tree = NULL;

    *ret = (struct policy){.flaky_max = UINT64_MAX};
    if (!path)
        return 0;
    int rc = err_named(yaml_load(path, &tree, &diags, err), err);
    return settle(tree, rc, ret, &diags, err);
}

int policy_parse(const char *bytes, size_t size, const char *name, struct policy *ret,
                 struct err *err)
{
    struct diags diags = {0};
    struct yaml_tree *tree = NULL;
    int rc = yaml_parse(bytes, size, name, &tree, &diags, err);

    return settle(tree, rc, ret, &diags, err);
}

void policy_done(struct policy *policy)
{
    struct policy_fields fields = {.policy = *policy};

    for (size_t i = 0; i < policy->quarantine_count; i++)
        fields_done(quarantine_rows, &policy->quarantine[i]);
    free(policy->quarantine);
    fields_done(policy_rows, &fields);
    fields_done(tests_rows, policy);
    fields_done(baseline_rows, policy);
    fields_done(flaky_rows, policy);
    yaml_tree_free(policy->tree);
    *policy = (struct policy){0};
}
