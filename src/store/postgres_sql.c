/* SPDX-License-Identifier: MIT */
#include "store/db_postgres.h"

#include "base/buf.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX 65536 /* bytes of one statement, which is this program's own */

/* All that the two engines do not have the same words for, but for parameters. */
static const struct {
    const char *sqlite, *postgres;
} words[] = {
    {"ifnull(", "coalesce("},
    {"group_concat(", "string_agg("},
    {"INTEGER", "BIGINT"},
    {"date(at / 1000000, 'unixepoch', 'localtime')",
     "to_char(to_timestamp(at / 1000000), 'YYYY-MM-DD')"},
};

static size_t take_word(struct buf *out, const char *at)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (str_starts(at, words[i].sqlite)) {
            buf_adds(out, words[i].postgres);
            return strlen(words[i].sqlite);
        }
    }
    return 0;
}

/* The number of the parameter: `?7` says it, `?` is the next one. */
static size_t take_number(const char *at, unsigned *count, unsigned *ret)
{
    size_t digits = strspn(at + 1, "0123456789");

    *ret = digits ? (unsigned)strtoul(at + 1, NULL, 10) : ++*count;
    return 1 + digits;
}

/* `column IS ?`: IS NOT DISTINCT FROM means that, but no index serves it. With the parameter's
 * value at hand the planner drops one of the two. */
static void add_same(struct buf *out, unsigned number)
{
    size_t end = out->size - strlen(" IS "), start = end;

    while (start &&
           (isalnum((unsigned char)out->data[start - 1]) || strchr("_.", out->data[start - 1])))
        start--;
    cleanup_free char *column = xstrndup(out->data + start, end - start);
    out->size = start;
    buf_addf(out, "(%s = $%u OR (%s IS NULL AND $%u IS NULL))", column, number, column, number);
}

char *postgres_sql(const char *sql)
{
    cleanup_buf struct buf out = BUF_INIT(SQL_MAX);
    bool quoted = false;
    unsigned count = 0, number;

    for (size_t used; *sql; sql += used) {
        used = quoted ? 0 : take_word(&out, sql);
        if (used)
            continue;
        quoted ^= *sql == '\'';
        used = 1;
        if (quoted || *sql != '?') {
            buf_add(&out, sql, 1);
            continue;
        }
        used = take_number(sql, &count, &number);
        if (out.size > 4 && !strncmp(out.data + out.size - 4, " IS ", 4))
            add_same(&out, number);
        else
            buf_addf(&out, "$%u", number);
    }
    return xstrdup(out.data);
}
