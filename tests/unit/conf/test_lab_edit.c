/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "conf/lab_edit.h"

#include <criterion/criterion.h>
#include <string.h>

#define NEW "b:\n  flash: {cmd: {run: [x]}}\n"

static int add(const char *before, const char *boards, struct buf *after, struct err *err)
{
    buf_clear(after);
    return lab_add_boards(before, strlen(before), "lab.yaml", boards, after, err);
}

Test(lab_edit, behind_the_last_board_in_its_style)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"", "boards:\n  b:\n    flash: {cmd: {run: [x]}}\n"},
        {"# mine\n", "# mine\nboards:\n  b:\n    flash: {cmd: {run: [x]}}\n"},
        {"lab: l", "lab: l\nboards:\n  b:\n    flash: {cmd: {run: [x]}}\n"},
        {"lab: l\nboards: # none yet\ndefaults:\n",
         "lab: l\nboards: # none yet\n  b:\n    flash: {cmd: {run: [x]}}\ndefaults:\n"},
        {"boards:\n  a: {}\n", "boards:\n  a: {}\n  b:\n    flash: {cmd: {run: [x]}}\n"},
        {"boards:\n  a: {}", "boards:\n  a: {}\n  b:\n    flash: {cmd: {run: [x]}}\n"},
        /* four blanks, comments of the last board and of what follows, an order of their own */
        {"boards:\n    a:\n        flash:\n            cmd: {run: [y]}\n\n        # its own\n    # "
         "of the boards\n\n# of the rest\nlab: l\n",
         "boards:\n    a:\n        flash:\n            cmd: {run: [y]}\n\n        # its own\n    # "
         "of "
         "the boards\n    b:\n      flash: {cmd: {run: [x]}}\n\n# of the rest\nlab: l\n"},
        {"boards:\n  a: {flash: {cmd: {run: [\n      y]}}}\n",
         "boards:\n  a: {flash: {cmd: {run: [\n      y]}}}\n  b:\n    flash: {cmd: {run: [x]}}\n"},
        {"boards:\r\n  a: {}\r\nlab: l\r\n",
         "boards:\r\n  a: {}\r\n  b:\r\n    flash: {cmd: {run: [x]}}\r\nlab: l\r\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf after = BUF_INIT(4096);
        struct err err = {0};
        cr_expect_eq(add(rows[i].before, NEW, &after, &err), 0, "%zu: %s", i, err.message);
        cr_expect_str_eq(after.data, rows[i].after);
    }
}

Test(lab_edit, comments_may_be_all_that_is_added)
{
    cleanup_buf struct buf after = BUF_INIT(4096);
    struct err err = {0};

    cr_assert_eq(add("boards:\n  a: {}\n", "# b:\n#   labels: [b]\n", &after, &err), 0, "%s",
                 err.message);
    cr_assert_str_eq(after.data, "boards:\n  a: {}\n  # b:\n  #   labels: [b]\n");
}

Test(lab_edit, what_cannot_be_added_to_is_refused)
{
    static const struct {
        const char *before, *why;
    } rows[] = {
        {"{\"boards\": {\"a\": {}}}", "is written as {...}"},
        {"boards: {a: {}}\n", "'boards' is written as {...}"},
        {"boards: [a]\n", "'boards' is not a map"},
        {"- a\n", "is not a lab"},
        {"boards:\n  a: [\n", "lab.yaml:"},
        {"boards:\n  b: {}\n", "its style is not understood"}, /* a name that is there */
        {"boards: &x\n  a: {}\nmore: *x\n...\n", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf after = BUF_INIT(4096);
        struct err err = {0};
        int rc = add(rows[i].before, NEW, &after, &err);
        cr_expect_eq(rc, rows[i].why ? -ERR_CONFIG : 0, "%zu: %s", i, err.message);
        cr_expect(!rows[i].why || strstr(err.message, rows[i].why), "%zu: %s", i, err.message);
    }
}

Test(lab_edit, diffs)
{
    static const struct {
        const char *before, *after, *diff;
    } rows[] = {
        {"a\n", "a\n", ""},
        {"", "a\nb\n", "--- f\n+++ f\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
        {"1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nx\n5\n6\n",
         "--- f\n+++ f\n@@ -2,5 +2,6 @@\n 2\n 3\n 4\n+x\n 5\n 6\n"},
        {"1", "1\n2\n",
         "--- f\n+++ f\n@@ -1,1 +1,2 @@\n-1\n\\ No newline at end of file\n+1\n+2\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf diff = BUF_INIT(4096);
        lab_diff(rows[i].before, rows[i].after, "f", &diff);
        cr_expect_str_eq(diff.data, rows[i].diff);
    }
}
