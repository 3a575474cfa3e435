/* SPDX-License-Identifier: MIT
 *
 * How identities are written, and what is a range of them.
 */
#include "store/pool_value.h"

#include "base/str.h"

#include <criterion/criterion.h>

Test(pool_value, one_way_to_write_each)
{
    static const struct {
        enum pool_kind kind;
        const char *text, *value; /* NULL: refused */
    } rows[] = {
        {POOL_MAC, "02:00:00:00:10:0A", "02:00:00:00:10:0a"},
        {POOL_MAC, "02-00-00-00-10-0a", "02:00:00:00:10:0a"},
        {POOL_MAC, "02000000100a", "02:00:00:00:10:0a"},
        {POOL_MAC, "02:00:00-00:10:0a", NULL},
        {POOL_MAC, "02:00:00:00:10", NULL},
        {POOL_MAC, "02:00:00:00:10:0g", NULL},
        {POOL_MAC, "01:00:5e:00:00:01", NULL},
        {POOL_MAC, "ff:ff:ff:ff:ff:ff", NULL},
        {POOL_MAC, "00:00:00:00:00:00", NULL},
        {POOL_MAC, "", NULL},
        {POOL_SERIAL, "HIL-2026-0001", "HIL-2026-0001"},
        {POOL_SERIAL, "two words", NULL},
        {POOL_SERIAL, "tab\t", NULL},
        {POOL_SERIAL, "", NULL},
        {POOL_SERIAL, "\xc3\xa4", NULL},
        {POOL_KEY, "c2VjcmV0+/=", "c2VjcmV0+/="},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};
        cleanup_free char *value = pool_value(rows[i].kind, rows[i].text, &err);
        cr_expect(str_eq(value, rows[i].value), "%s: %s", rows[i].text, value ? value : "refused");
        cr_expect(value || err.code == ERR_USAGE, "%s", rows[i].text);
    }
}

Test(pool_value, ranges)
{
    static const struct {
        enum pool_kind kind;
        const char *text;
        int rc;
        long long count;
        const char *second;
    } rows[] = {
        {POOL_MAC, "02:00:00:00:10:00-02:00:00:00:1f:ff", 1, 4096, "02:00:00:00:10:01"},
        {POOL_MAC, "02-00-00-00-10-00-02-00-00-00-10-01", 1, 2, "02:00:00:00:10:01"},
        {POOL_MAC, "020000001000-0200000010ff", 1, 256, "02:00:00:00:10:01"},
        {POOL_MAC, "02:00:00:00:10:00", 0, 0, NULL},
        {POOL_MAC, "02:00:00:00:1f:ff-02:00:00:00:10:00", -ERR_USAGE, 0, NULL},
        {POOL_MAC, "02:00:00:00:00:00-04:00:00:00:00:00", -ERR_USAGE, 0, NULL},
        {POOL_MAC, "01:00:00:00:00:00-01:00:00:00:00:01", -ERR_USAGE, 0, NULL},
        {POOL_SERIAL, "SN0099-SN0101", 1, 3, "SN0100"},
        {POOL_SERIAL, "HIL-2026-0001-HIL-2026-0999", 1, 999, "HIL-2026-0002"},
        {POOL_SERIAL, "SN0002-SN0001", -ERR_USAGE, 0, NULL},
        {POOL_SERIAL, "HIL-2026-0001", 0, 0, NULL},
        {POOL_SERIAL, "AB1-CD2", 0, 0, NULL},
        {POOL_SERIAL, "x-y", 0, 0, NULL},
        {POOL_SERIAL, "-", 0, 0, NULL},
        {POOL_SERIAL, "", 0, 0, NULL},
        {POOL_KEY, "1-9", 0, 0, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pool_span span;
        struct err err = {0};
        int rc = pool_span_parse(rows[i].kind, rows[i].text, &span, &err);
        cr_expect_eq(rc, rows[i].rc, "%s: %d %s", rows[i].text, rc, err.message);
        if (rc != 1)
            continue;
        cleanup_free char *second = pool_span_value(&span, span.first + 1);
        cr_expect_eq(span.last - span.first + 1, rows[i].count, "%s", rows[i].text);
        cr_expect_str_eq(second, rows[i].second);
    }
}

Test(pool_value, keys_are_not_shown)
{
    cleanup_free char *key = pool_value_shown(POOL_KEY, "secret");
    cleanup_free char *mac = pool_value_shown(POOL_MAC, "02:00:00:00:10:00");

    cr_expect_str_eq(key, "sha256:2bb80d537b1d");
    cr_expect_str_eq(mac, "02:00:00:00:10:00");
}
