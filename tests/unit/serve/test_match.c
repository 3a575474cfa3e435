/* SPDX-License-Identifier: MIT */
#include "serve/match.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

static char *const labels[] = {(char *)"nucleo", (char *)"stm32f4", NULL};
static const struct board_conf board = {.name = "b1", .labels = {(char **)(uintptr_t)labels, 2}},
                               bare = {.name = "b2"};

static int choose(const char *pattern, const struct board_conf *whose, const char *names,
                  size_t *ret, struct err *err)
{
    cleanup_strv struct strv list = {0};

    *ret = 99;
    strv_split(&list, names, ' ');
    return match_asset(pattern, whose, &list, ret, err);
}

Test(match, a_pattern_is_filled_for_each_label)
{
    cleanup_strv struct strv filled = {0}, none = {0};
    cleanup_free char *any = match_any("x-{board}-{label}.elf");

    match_fill("{label}/{board}{board}.elf", &board, &filled);
    cr_assert_eq(filled.count, 2);
    cr_expect_str_eq(filled.items[0], "nucleo/b1b1.elf");
    cr_expect_str_eq(filled.items[1], "stm32f4/b1b1.elf");
    match_fill("{label}.elf", &bare, &none);
    cr_expect_eq(none.count, 0);
    cr_expect_str_eq(any, "x-*-*.elf");
}

Test(match, one_asset_is_the_boards)
{
    const struct {
        const char *pattern, *names;
        size_t index;
    } rows[] = {
        {"fw-{board}.elf", "fw-b0.elf fw-b1.elf fw-b11.elf", 1},
        {"fw-{label}.elf", "fw-stm32.elf fw-stm32f4.elf", 1},
        {"fw-*.hex", "fw-1.2.elf fw-1.2.hex", 1},
        {"fw-*", "fw.elf fw-1.elf fw-1.elf.minisig fw-1.elf.sha256", 1},
        {"fw-*.sha256", "fw-1.elf fw-1.elf.sha256", 99}, /* proofs are no firmware */
        {"fw.elf.sha256", "fw.elf fw.elf.sha256", 1},    /* unless named */
        {"conf-*.json", "a conf-1.json", 1},
        {NULL, "notes.txt fw.elf fw.elf.minisig sums.sha256", 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        size_t index;
        int rc = choose(rows[i].pattern, &board, rows[i].names, &index, &err);
        cr_expect_eq(rc, rows[i].index == 99 ? -ERR_NOT_FOUND : 0, "row %zu: %s", i, err.message);
        cr_expect_eq(index, rows[i].index, "row %zu: %zu", i, index);
    }
}

Test(match, a_board_of_a_server_is_named_without_it)
{
    const struct board_conf there = {.name = "pi1/b1"};
    struct err err = {0};
    size_t index = 9;

    cr_expect_eq(choose("fw-{board}.elf", &there, "fw-pi1.elf fw-b1.elf", &index, &err), 0, "%s",
                 err.message);
    cr_expect_eq(index, 1);
}

Test(match, none_and_several_are_named)
{
    struct err err;
    size_t index;

    cr_expect_eq(choose("fw-{board}.elf", &board, "a.elf b.elf", &index, &err), -ERR_NOT_FOUND);
    cr_expect_str_eq(err.message, "no asset fits 'fw-{board}.elf'; there is a.elf, b.elf");
    cr_expect_eq(choose("{label}.elf", &board, "nucleo.elf stm32f4.elf", &index, &err), -ERR_USAGE);
    cr_expect_not_null(strstr(err.message, "nucleo.elf, stm32f4.elf"));
    cr_expect_eq(choose("{label}.elf", &bare, "a.elf", &index, &err), -ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.message, "without labels"));
    cr_expect_eq(choose(NULL, &board, "", &index, &err), -ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.message, "none at all"));
}

Test(match, strangers_in_braces)
{
    const struct {
        const char *pattern, *stranger;
    } rows[] = {{"{board}-{label}", ""},
                {"plain", ""},
                {"{board}-{chip}.elf", "{chip}"},
                {"{label", "{label"},
                {"{}", "{}"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cleanup_free char *stranger = match_stranger(rows[i].pattern);
        cr_expect_str_eq(stranger, rows[i].stranger);
    }
}
