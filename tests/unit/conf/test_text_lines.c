/* SPDX-License-Identifier: MIT
 *
 * What changed between two texts, and that patch(1)'s rules make the one of the other by it.
 */
#include "base/str.h"
#include "conf/text_lines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void diff(const char *before, const char *after, struct buf *ret)
{
    cleanup_text_lines struct text_lines a = text_lines_split(before, strlen(before));
    cleanup_text_lines struct text_lines b = text_lines_split(after, strlen(after));

    text_diff(&a, &b, "f", ret);
}

Test(text_diff, hunks)
{
    static const struct {
        const char *before, *after, *diff;
    } rows[] = {
        {"a\n", "a\n", ""},
        {"", "a\nb\n", "--- f\n+++ f\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
        {"a\nb\n", "", "--- f\n+++ f\n@@ -1,2 +0,0 @@\n-a\n-b\n"},
        {"1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nx\n5\n6\n",
         "--- f\n+++ f\n@@ -2,5 +2,6 @@\n 2\n 3\n 4\n+x\n 5\n 6\n"},
        {"1", "1\n2\n",
         "--- f\n+++ f\n@@ -1,1 +1,2 @@\n-1\n\\ No newline at end of file\n+1\n+2\n"},
        {"1\nx\n2\n3\n", "1\ny\n2\n3\n", "--- f\n+++ f\n@@ -1,4 +1,4 @@\n 1\n-x\n+y\n 2\n 3\n"},
        /* seven lines between two changes part them, six do not */
        {"x\n1\n2\n3\n4\n5\n6\n7\ny\n", "1\n2\n3\n4\n5\n6\n7\n",
         "--- f\n+++ f\n@@ -1,4 +1,3 @@\n-x\n 1\n 2\n 3\n@@ -6,4 +5,3 @@\n 5\n 6\n 7\n-y\n"},
        {"x\n1\n2\n3\n4\n5\n6\ny\n", "1\n2\n3\n4\n5\n6\n",
         "--- f\n+++ f\n@@ -1,8 +1,6 @@\n-x\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(4096);
        diff(rows[i].before, rows[i].after, &out);
        cr_expect_str_eq(out.data, rows[i].diff, "%zu: %s", i, out.data);
    }
}

/* The text that a diff makes of `before`; NULL where it does not fit. */
static char *apply(const char *before, const char *hunks)
{
    cleanup_text_lines struct text_lines a = text_lines_split(before, strlen(before));
    cleanup_text_lines struct text_lines d = text_lines_split(hunks, strlen(hunks));
    struct buf out = BUF_INIT(1 << 20);
    size_t at = 0;

    for (size_t i = 2; i < d.count; i++) {
        const struct text_line *line = &d.items[i];
        size_t from, count;
        if (sscanf(line->at, "@@ -%zu,%zu", &from, &count) == 2) {
            for (from -= count > 0; at < from; at++)
                buf_add(&out, a.items[at].at, a.items[at].size);
            continue;
        }
        if (line->at[0] != '+' && (at == a.count || a.items[at].size + 1 != line->size ||
                                   memcmp(a.items[at].at, line->at + 1, line->size - 1) != 0)) {
            buf_done(&out);
            return NULL;
        }
        at += line->at[0] != '+';
        if (line->at[0] != '-')
            buf_add(&out, line->at + 1, line->size - 1);
    }
    for (; at < a.count; at++)
        buf_add(&out, a.items[at].at, a.items[at].size);
    return buf_steal(&out);
}

Test(text_diff, whatever_changed_can_be_made_again)
{
    srand(7);
    for (int round = 0; round < 300; round++) {
        cleanup_buf struct buf a = BUF_INIT(65536), b = BUF_INIT(65536), out = BUF_INIT(1 << 20);
        int lines = rand() % 60;
        for (int i = 0; i < lines; i++) {
            char line[2][8];
            for (int side = 0; side < 2; side++)
                snprintf(line[side], sizeof line[side], "%d\n", rand() % 9);
            if (rand() % 5)
                buf_adds(&a, line[0]);
            if (rand() % 5)
                buf_adds(&b, line[rand() % 4 == 0]);
        }
        diff(a.data, b.data, &out);
        if (!out.size) {
            cr_assert_str_eq(a.data, b.data);
            continue;
        }
        cleanup_free char *made = apply(a.data, out.data);
        cr_assert(made && !strcmp(made, b.data), "%s\n---\n%s\n---\n%s", a.data, b.data, out.data);
    }
}

Test(text_diff, thousands_of_changes_are_one)
{
    cleanup_buf struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20), out = BUF_INIT(4 << 20);

    for (int i = 0; i < 2000; i++) {
        buf_addf(&a, "a%d\n", i);
        buf_addf(&b, "b%d\n", i);
    }
    diff(a.data, b.data, &out);
    cr_assert(str_starts(out.data, "--- f\n+++ f\n@@ -1,2000 +1,2000 @@\n-a0\n"));
    cleanup_free char *made = apply(a.data, out.data);
    cr_assert_str_eq(made, b.data);
}
