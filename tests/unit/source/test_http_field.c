/* SPDX-License-Identifier: MIT */
#include "source/http_field.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

static void take(struct http_fields *fields, const char *line)
{
    cr_assert_eq(http_fields_take(fields, line, strlen(line), NULL), 0);
}

Test(http_field, keeps_what_is_looked_at)
{
    struct http_fields fields;

    http_fields_init(&fields);
    take(&fields, "HTTP/1.1 200 Connection established\r\n");
    take(&fields, "ETag: \"a proxy's\"\r\n");
    take(&fields, "HTTP/2 429 \r\n");
    take(&fields, "Content-Type: Application/ZIP; charset=x\r\n");
    take(&fields, "content-length:  12 \r\n");
    take(&fields, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    take(&fields, "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n");
    take(&fields, "X-RateLimit-Remaining: 0\r\n");
    take(&fields, "X-RateLimit-Reset: 784111900\r\n");
    take(&fields, "X-OAuth-Scopes: gist, repo\r\n");
    take(&fields, "no field at all\r\n");
    take(&fields, "\r\n");
    cr_expect_eq(fields.status, 429);
    cr_expect_null(fields.etag);
    cr_expect_str_eq(fields.type, "application/zip");
    cr_expect_eq(fields.length, 12);
    cr_expect_eq(fields.date_unix, 784111777);
    cr_expect_eq(fields.retry_after_s, 30);
    cr_expect_eq(fields.limit_remaining, 0);
    cr_expect_eq(fields.limit_reset_unix, 784111900);
    cr_expect_str_eq(fields.scopes, "gist, repo");
    http_fields_done(&fields);
}

Test(http_field, numbers_that_are_none_are_not_said)
{
    static const char *const values[] = {"", "-1", "1e3", "99999999999999999999", "soon", "0x10"};
    struct http_fields fields;

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        cleanup_free char *line = xasprintf("Retry-After: %s\r\n", values[i]);
        http_fields_init(&fields);
        take(&fields, line);
        cr_expect_eq(fields.retry_after_s, -1, "%s", values[i]);
        http_fields_done(&fields);
    }
}

Test(http_field, all_lines_together_have_a_ceiling)
{
    struct http_fields fields;
    struct err err = {0};
    cleanup_free char *line = xasprintf("X-Filler: %01000d\r\n", 0);
    size_t lines = 0;

    http_fields_init(&fields);
    while (lines < 1000 && http_fields_take(&fields, line, strlen(line), &err) == 0)
        lines++;
    cr_expect_eq(lines, HTTP_FIELDS_MAX / strlen(line));
    cr_expect_eq(err.code, ERR_LIMIT);
    http_fields_done(&fields);
}

Test(http_field, link_next)
{
    static const struct {
        const char *link, *next;
    } cases[] = {
        {NULL, NULL},
        {"", NULL},
        {"<https://a/?page=2>; rel=\"next\", <https://a/?page=9>; rel=\"last\"",
         "https://a/?page=2"},
        {"<https://a/?page=1>; rel=\"prev\", <https://a/?x=1,2&page=3>; rel=\"next\"",
         "https://a/?x=1,2&page=3"},
        {"<u>;rel=next", "u"},
        {"<u> ; title=\"a, \\\"b\\\" <c>\" ; REL=\"foo NEXT\"", "u"},
        {"<u>; rel=\"nextish\"", NULL},
        {"<u>; rel=\"last\"; x=\"next\"", NULL},
        {"<u", NULL},
        {"<u>; rel=\"next", "u"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *next = http_link_next(cases[i].link);
        cr_expect(str_eq(next, cases[i].next), "%s: %s", cases[i].link, next);
    }
}

Test(http_field, disposition_name)
{
    static const struct {
        const char *field, *name;
    } cases[] = {
        {NULL, NULL},
        {"inline", NULL},
        {"attachment; filename=fw.zip", "fw.zip"},
        {"attachment; filename=\"a \\\"b\\\".hex\"", "a \"b\".hex"},
        {"attachment; filename=plain.hex; filename*=UTF-8''n%c3%a4h%2F.hex", "n\xc3\xa4h/.hex"},
        {"attachment; filename*=UTF-8''", NULL},
        {"attachment; filename*=fw%zz%4", "fw%zz%4"},
        {"attachment; filename*=UTF-8''a%00b", "a"},
        {"attachment; filename=\"unfinished", "unfinished"},
        {"attachment; filename=\"\"", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *name = http_disposition_name(cases[i].field);
        cr_expect(str_eq(name, cases[i].name), "%s: %s", cases[i].field, name);
    }
}

Test(http_field, escapes_and_shows)
{
    cleanup_free char *escaped = http_escape("v1.0/a b~\xc3\xa4");
    cleanup_free char *shown = http_url_shown("https://h/p\033[2J?sig=secret#x");

    cr_expect_str_eq(escaped, "v1.0%2Fa%20b~%C3%A4");
    cr_expect_null(strstr(shown, "secret"));
    cr_expect_null(strchr(shown, '\033'));
    cr_expect(str_starts(shown, "https://h/p"));
}
