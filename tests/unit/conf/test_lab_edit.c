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

/* ---- removing -------------------------------------------------------------------------------- */

static int take_out(const char *before, const char *names, struct buf *after, struct err *err)
{
    cleanup_strv struct strv list = {0};

    strv_split(&list, names, ' ');
    buf_clear(after);
    return lab_remove_boards(before, strlen(before), "lab.yaml", &list, after, err);
}

Test(lab_edit, with_a_board_goes_what_is_its_own)
{
    static const struct {
        const char *before, *names, *after;
    } rows[] = {
        {"boards:\n  a: {}\n  b: {}\n  c: {}\n", "b", "boards:\n  a: {}\n  c: {}\n"},
        {"boards:\n  a: {}\n  b: {}\n", "a b", "boards:\n"},
        {"boards:\n  a: {}\n  b: {}", "b", "boards:\n  a: {}\n"},
        {"boards:\n  a: {}\n", "nobody", "boards:\n  a: {}\n"},
        /* comments: of the board, of its neighbours, of the file */
        {"# file\nboards:\n  # of a\n  a: {}\n  # of b\n  # more of b\n  b: # here\n    # within\n"
         "    flash: {x: 1}\n    # below\n  # of c\n  c: {}\n\n# of the rest\nlab: l\n",
         "b", "# file\nboards:\n  # of a\n  a: {}\n  # of c\n  c: {}\n\n# of the rest\nlab: l\n"},
        /* a remark before a gap is nobody's; a board that was put aside is no remark */
        {"boards:\n  # rack one\n\n  a: {}\n  b: {}\n", "a", "boards:\n  # rack one\n\n  b: {}\n"},
        {"boards:\n  # still needs a console:\n  # x:\n  #   labels: [x]\n  a: {}\n  b: {}\n", "a",
         "boards:\n  # still needs a console:\n  # x:\n  #   labels: [x]\n  b: {}\n"},
        /* gaps: one is left of two */
        {"boards:\n\n  a: {}\n\n  b:\n    x: 1\n\n  c: {}\n", "b",
         "boards:\n\n  a: {}\n\n  c: {}\n"},
        {"boards:\n  a: {}\n\n  b: {}\n\n# rest\nlab: l\n", "b",
         "boards:\n  a: {}\n\n# rest\nlab: l\n"},
        /* what goes on over lines, a comment that is less indented in its middle, a list */
        {"boards:\n  a:\n    flash: {cmd: {run: [\n       y,\n# odd\n       z]}}\n    text: |\n    "
         "  "
         "one\n\n      two\n  b:\n    labels:\n    - l\n",
         "a", "boards:\n  b:\n    labels:\n    - l\n"},
        {"boards:\r\n  a: {}\r\n  b: {}\r\nlab: l\r\n", "a", "boards:\r\n  b: {}\r\nlab: l\r\n"},
        /* what it takes from others by an alias is theirs */
        {"boards:\n  a:\n    flash: &f {x: 1}\n  b:\n    flash: *f\n  c: {}\n", "b",
         "boards:\n  a:\n    flash: &f {x: 1}\n  c: {}\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf after = BUF_INIT(4096);
        struct err err = {0};
        cr_expect_eq(take_out(rows[i].before, rows[i].names, &after, &err), 0, "%zu: %s", i,
                     err.message);
        cr_expect_str_eq(after.data, rows[i].after, "%zu: %s", i, after.data);
    }
}

Test(lab_edit, what_cannot_be_removed_from_is_refused)
{
    static const struct {
        const char *before, *why;
    } rows[] = {
        {"boards: {a: {}}\n", "'boards' is written as {...}"},
        {"boards:\n  a:\n    flash: &f {x: 1}\n  b:\n    flash: *f\n", "is used elsewhere"},
        {"boards:\n  a: {}\rmore: 1\n", "line ends of more than one kind"},
        {"boards:\n  a: [\n", "lab.yaml:"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf after = BUF_INIT(4096);
        struct err err = {0};
        cr_expect_eq(take_out(rows[i].before, "a", &after, &err), -ERR_CONFIG, "%zu", i);
        cr_expect(strstr(err.message, rows[i].why), "%zu: %s", i, err.message);
    }
}

Test(lab_edit, a_key_of_the_lab_stands_before_its_boards)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"", "k: 1\n"},
        {"lab: l", "lab: l\nk: 1\n"},
        {"lab: l\n# of the boards\nboards:\n  a: {}\n",
         "lab: l\nk: 1\n# of the boards\nboards:\n  a: {}\n"},
        {"boards:\r\n  a: {}\r\n", "k: 1\r\nboards:\r\n  a: {}\r\n"},
        {"boards:\n  a: {}\nk: 2\n", "boards:\n  a: {}\nk: 2\n"},
        {"{boards: {a: {}}}\n", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf after = BUF_INIT(4096);
        struct err err = {0};
        int rc =
            lab_add_key(rows[i].before, strlen(rows[i].before), "lab.yaml", "k", "1", &after, &err);
        cr_expect_eq(rc, rows[i].after ? 0 : -ERR_CONFIG, "%zu: %s", i, err.message);
        if (rc == 0)
            cr_expect_str_eq(after.data, rows[i].after, "%zu: %s", i, after.data);
    }
}
