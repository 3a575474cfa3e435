/* SPDX-License-Identifier: MIT */
#include "conf/timeouts.h"

#include "base/str.h"
#include "conf/field.h"

#include <string.h>

const struct timeouts timeouts_default = {
    .lease = 600000, .flash = 120000, .boot = 10000, .idle = 30000, .total = 600000};

static const struct field fields[] = {
    {"lease", FIELD_DURATION, offsetof(struct timeouts, lease), .help = "wait for a free board"},
    {"flash", FIELD_DURATION, offsetof(struct timeouts, flash),
     .help = "programming and verifying"},
    {"boot", FIELD_DURATION, offsetof(struct timeouts, boot), .help = "reset to the first output"},
    {"idle", FIELD_DURATION, offsetof(struct timeouts, idle), .help = "silence after that"},
    {"total", FIELD_DURATION, offsetof(struct timeouts, total), .help = "reset to the last result"},
    {0}};

/* Only the lease may be asked for without waiting; no board does anything in no time. */
#define ZERO_WORDS "'%s' must be more than 0"

static int64_t *timeout_at(struct timeouts *timeouts, const struct field *field)
{
    return (int64_t *)(void *)((char *)timeouts + field->offset);
}

static bool useless(const struct field *field, int64_t ms)
{
    return ms == 0 && field->offset != offsetof(struct timeouts, lease);
}

struct timeouts timeouts_merge(struct timeouts base, struct timeouts over)
{
    for (const struct field *field = fields; field->name; field++)
        if (*timeout_at(&over, field) >= 0)
            *timeout_at(&base, field) = *timeout_at(&over, field);
    return base;
}

void timeouts_read(const struct yaml_node *node, struct timeouts *ret, struct diags *diags)
{
    *ret = (struct timeouts){-1, -1, -1, -1, -1};
    if (!node)
        return;
    fields_read(fields, node, "timeouts", ret, diags);
    for (const struct field *field = fields; field->name; field++)
        if (useless(field, *timeout_at(ret, field)))
            diag_node(diags, yaml_get(node, field->name), ZERO_WORDS, field->name);
}

static int parse_one(const char *text, struct timeouts *ret, struct err *err)
{
    const char *equals = strchr(text, '=');
    const char *value = equals ? equals + 1 : text;
    const char *const names[] = {"lease", "flash", "boot", "idle", "total"};
    cleanup_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup("total");

    for (const struct field *field = fields; field->name; field++) {
        if (strcmp(field->name, name))
            continue;
        int rc = str_to_ms(value, name, timeout_at(ret, field), err);
        if (rc == 0 && useless(field, *timeout_at(ret, field)))
            return err_set(err, ERR_USAGE, ZERO_WORDS, name);
        return rc;
    }
    err_set(err, ERR_USAGE, "'%s' is no timeout", name);
    return str_hint_nearest(name, names, ARRAY_SIZE(names),
                            "; there are lease, flash, boot, idle and total", err);
}

int timeouts_parse(const char *text, struct timeouts *ret, struct err *err)
{
    cleanup_strv struct strv parts = {0};
    int rc = 0;

    *ret = (struct timeouts){-1, -1, -1, -1, -1};
    strv_split(&parts, text, ',');
    if (!parts.count)
        return err_set(err, ERR_USAGE, "no timeout given; write 30s, or boot=5s,idle=10s");
    for (size_t i = 0; i < parts.count && rc == 0; i++)
        rc = parse_one(parts.items[i], ret, err);
    return rc;
}
