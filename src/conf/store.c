/* SPDX-License-Identifier: MIT */
#include "conf/store.h"

#include "base/str.h"
#include "conf/field.h"

#define KEEP_MIN_MS INT64_C(86400000)
#define SIZE_MIN ((uint64_t)1 << 20)

static const struct field rows[] = {{"url", FIELD_STRING, offsetof(struct store_conf, url),
                                     .help = "a PostgreSQL database that several hosts share"},
                                    {"keep", FIELD_DURATION, offsetof(struct store_conf, keep_ms),
                                     .help = "for how long; 180d where not given"},
                                    {"max-size", FIELD_SIZE, offsetof(struct store_conf, max_bytes),
                                     .help = "how large it may become; 512M where not given"},
                                    {0}};

void store_conf_read(const struct yaml_node *node, struct store_conf *ret, struct diags *diags)
{
    *ret = (struct store_conf)STORE_CONF_DEFAULT;
    if (!node)
        return;
    if (node->kind == YAML_SCALAR)
        ret->url = xstrdup(node->text);
    else
        fields_read(rows, node, "'store'", ret, diags);
    if (ret->keep_ms < KEEP_MIN_MS)
        diag_node(diags, yaml_get(node, "keep"),
                  "keep: less than 1d, and hil watch counts a day's flashes");
    if (ret->max_bytes < SIZE_MIN)
        diag_node(diags, yaml_get(node, "max-size"), "max-size: less than 1M holds no run");
    if (ret->url && !str_starts(ret->url, "postgresql://") && !str_starts(ret->url, "postgres://"))
        diag_node(diags, node->kind == YAML_SCALAR ? node : yaml_get(node, "url"),
                  "store: the url is none of PostgreSQL, as postgresql://hil@db.example/lab");
}

void store_conf_done(struct store_conf *conf)
{
    fields_done(rows, conf);
}
