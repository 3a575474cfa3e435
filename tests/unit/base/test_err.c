/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

Test(err, set_fills_code_and_message)
{
    struct err err = {.sys_errno = 5};

    cr_assert_eq(err_set(&err, ERR_CONFIG, "%s:%d: no board", "lab.yaml", 3), -ERR_CONFIG);
    cr_assert_eq(err.code, ERR_CONFIG);
    cr_assert_eq(err.sys_errno, 0);
    cr_assert_str_eq(err.message, "lab.yaml:3: no board");
}

Test(err, set_may_quote_the_old_message)
{
    struct err err;

    err_set(&err, ERR_TOOL, "exit 1");
    err_set(&err, ERR_GONE, "board lost (%s)", err.message);
    cr_assert_str_eq(err.message, "board lost (exit 1)");
}

Test(err, sys_appends_the_reason)
{
    struct err err;

    cr_assert_eq(err_sys(&err, EACCES, "open %s", "/x"), -ERR_IO);
    cr_assert_eq(err.sys_errno, EACCES);
    cr_assert_str_eq(err.message, "open /x: Permission denied");
    cr_assert_eq(err_sys(&err, ENOENT, "/x"), -ERR_NOT_FOUND);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
}

Test(err, layers_prepend_and_hints_append)
{
    struct err err;

    err_set(&err, ERR_TOOL, "exit 1: no device found");
    cr_assert_eq(err_wrap(&err, "%s", "openocd"), -ERR_TOOL);
    cr_assert_eq(err_wrap(&err, "nucleo-3: flash"), -ERR_TOOL);
    cr_assert_eq(err_hint(&err, "; try: %s", "hil power nucleo-3 cycle"), -ERR_TOOL);
    cr_assert_str_eq(err.message, "nucleo-3: flash: openocd: exit 1: no device found; "
                                  "try: hil power nucleo-3 cycle");
}

Test(err, messages_are_cut_and_never_overrun)
{
    char long_text[3 * ERR_MESSAGE_MAX];
    struct err err;

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    err_set(&err, ERR_IO, "%s", long_text);
    cr_assert_eq(strlen(err.message), ERR_MESSAGE_MAX - 1);
    err_hint(&err, "more");
    cr_assert_eq(strlen(err.message), ERR_MESSAGE_MAX - 1);
    err_wrap(&err, "outer");
    cr_assert_eq(strlen(err.message), ERR_MESSAGE_MAX - 1);
    cr_assert_eq(strncmp(err.message, "outer: xxx", 10), 0);
    err_wrap(&err, "%s", long_text);
    cr_assert_eq(strlen(err.message), ERR_MESSAGE_MAX - 1);
}

Test(err, null_is_fine)
{
    cr_assert_eq(err_set(NULL, ERR_BUSY, "x"), -ERR_BUSY);
    cr_assert_eq(err_sys(NULL, ENOENT, "x"), -ERR_NOT_FOUND);
    cr_assert_lt(err_wrap(NULL, "x"), 0);
    cr_assert_lt(err_hint(NULL, "x"), 0);
}

Test(err, what_the_user_named_and_is_not_there_is_the_users_mistake)
{
    static const struct {
        int sys_errno;
        enum err_code code;
    } rows[] = {
        {ENOENT, ERR_USAGE}, {ENOTDIR, ERR_USAGE}, {EISDIR, ERR_USAGE}, {ENAMETOOLONG, ERR_USAGE},
        {EIO, ERR_IO},       {EACCES, ERR_IO},     {ENOSPC, ERR_IO},
    };
    struct err err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(err_named(err_sys(&err, rows[i].sys_errno, "/x"), &err), -(int)rows[i].code);
        cr_assert_eq(err.code, rows[i].code);
    }
    cr_assert_eq(err_named(err_set(&err, ERR_TIMEOUT, "slow"), &err), -ERR_TIMEOUT);
    cr_assert_eq(err_named(-ERR_NOT_FOUND, NULL), -ERR_USAGE);
    cr_assert_eq(err_named(0, &err), 0);
}

Test(err, exit_codes_blame_the_right_side)
{
    static const struct {
        enum err_code code;
        int exit_code;
    } rows[] = {
        {ERR_NONE, 0}, {ERR_USAGE, 2}, {ERR_CONFIG, 2},   {ERR_DATA, 2},    {ERR_NOT_FOUND, 3},
        {ERR_IO, 3},   {ERR_BUSY, 3},  {ERR_TIMEOUT, 3},  {ERR_GONE, 3},    {ERR_LIMIT, 3},
        {ERR_TOOL, 3}, {ERR_GONE, 3},  {ERR_PROTOCOL, 3}, {ERR_REFUSED, 3},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(err_exit_code(rows[i].code), rows[i].exit_code, "code %d", rows[i].code);
}
