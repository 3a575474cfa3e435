/* SPDX-License-Identifier: MIT */
#include "run/job.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char regex[] = "regex", pass[] = "P", end[] = "E";

static struct board_conf board_of(void)
{
    return (struct board_conf){.name = "uno",
                               .timeouts = {1, 2, 3, 4, 5},
                               .format = {.name = regex, .pass = pass, .end = end}};
}

static void expect_parse(struct parse_options is, struct parse_options wanted, const char *what)
{
    cr_expect(str_eq(is.format, wanted.format), "%s: format %s", what, is.format);
    cr_expect(str_eq(is.pass, wanted.pass), "%s: pass %s", what, is.pass);
    cr_expect(str_eq(is.fail, wanted.fail), "%s: fail %s", what, is.fail);
    cr_expect(str_eq(is.skip, wanted.skip), "%s: skip %s", what, is.skip);
    cr_expect(str_eq(is.end, wanted.end), "%s: end %s", what, is.end);
    cr_expect_eq(is.resets_expected, wanted.resets_expected, "%s: resets", what);
}

Test(job, a_format_is_taken_over_as_a_whole)
{
    struct parse_options base = {.format = "regex", .pass = "P", .fail = "F", .end = "E"};
    struct parse_options unity = {.format = "unity"};
    struct parse_options pattern = {.pass = "Q"};

    expect_parse(parse_merge(base, (struct parse_options){0}), base, "nothing over");
    expect_parse(parse_merge(base, unity), unity, "another format has no patterns of the first");
    expect_parse(parse_merge(base, pattern), pattern, "one pattern stands alone");
}

Test(job, a_flag_stays_once_it_is_set)
{
    struct parse_options resets = {.resets_expected = true};
    struct parse_options tap = {.format = "tap"};
    struct parse_options both = {.format = "tap", .resets_expected = true};

    expect_parse(parse_merge(resets, tap), both, "set below");
    expect_parse(parse_merge(tap, resets), both, "set above");
}

Test(job, a_job_on_a_board_is_complete)
{
    struct board_conf board = board_of();
    struct job job = {.timeouts = {-1, 20, -1, -1, 50}};
    struct job here = job_on_board(&job, &board);

    cr_expect_eq(here.timeouts.lease, 1);
    cr_expect_eq(here.timeouts.flash, 20);
    cr_expect_eq(here.timeouts.boot, 3);
    cr_expect_eq(here.timeouts.idle, 4);
    cr_expect_eq(here.timeouts.total, 50);
    expect_parse(here.parse, (struct parse_options){.format = "regex", .pass = "P", .end = "E"},
                 "the board's");
}

Test(job, proofs_of_identity_add_up)
{
    struct parse_options base = {.format = "tap", .identity = {.build_id = "auto"}};
    struct parse_options over = {.identity = {.build_id = "00112233", .required = true}};
    struct parse_options nonce = {.identity = {.ask_nonce = true, .nonce = "77"}};
    struct parse_options merged = parse_merge(parse_merge(base, over), nonce);

    cr_expect_str_eq(merged.format, "tap");
    cr_expect_str_eq(merged.identity.build_id, "00112233");
    cr_expect_str_eq(merged.identity.nonce, "77");
    cr_expect(merged.identity.required && merged.identity.ask_nonce);
}

Test(job, auto_is_the_image_s_own_build_id)
{
    static const struct {
        struct identity_options asked;
        const char *image, *found;
    } rows[] = {
        {{0}, "0011223344556677", NULL},
        {{.build_id = "auto"}, "0011223344556677", "0011223344556677"},
        {{.build_id = "auto"}, NULL, "auto"},
        {{.build_id = "auto"}, "feed", "auto"}, /* as good as none */
        {{.build_id = "aabbccdd"}, "0011223344556677", "aabbccdd"},
        {{.required = true}, "0011223344556677", "0011223344556677"},
        {{.required = true, .ask_nonce = true}, "0011223344556677", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct identity_options asked = rows[i].asked;
        job_find_build_id(&asked, rows[i].image);
        cr_expect(str_eq(asked.build_id, rows[i].found), "row %zu: %s", i, asked.build_id);
    }
}

Test(job, a_result_begins_as_the_lab_s_fault)
{
    struct board_conf board = board_of();
    char name[] = "fw.elf", build_id[] = "00ff";
    struct image image = {
        .name = name, .format = "elf", .build_id = build_id, .sha256 = "abc", .size_bytes = 7};
    char test[] = "smoke";
    struct job job = {.name = test, .image = &image};
    struct job_result *result;

    strv_add(&board.labels, "virtual");
    result = job_begin(&job, &board);
    memset(test, 'x', strlen(test)); /* all is copied */
    memset(name, 'x', strlen(name));
    memset(board.labels.items[0], 'x', 3);
    cr_expect_eq(result->verdict, VERDICT_INFRA);
    cr_expect_eq(result->end, END_NONE);
    cr_expect(*result->reason);
    cr_expect_str_eq(result->name, "smoke");
    cr_expect_str_eq(result->board, "uno");
    cr_expect_str_eq(result->labels[0], "virtual");
    cr_expect_null(result->labels[1]);
    cr_expect_str_eq(result->image.file, "fw.elf");
    cr_expect_str_eq(result->image.build_id, "00ff");
    cr_expect_eq(result->image.size_bytes, 7);
    cr_expect_gt(result->started_unix_us, INT64_C(1600000000000000));
    job_result_free(result);
    strv_done(&board.labels);
}

Test(job, a_job_without_image_has_no_facts_of_one)
{
    struct board_conf board = board_of();
    struct job job = {.name = xstrdup("smoke"), .build_log = xstrdup("cc: no")};
    struct job_result *result = job_begin(&job, &board);

    cr_expect_null(result->image.file);
    cr_expect_null(result->labels[0]);
    job_result_free(result);
    job_done(&job);
    cr_expect_null(job.name);
    job_done(&job); /* harmless twice */
}
