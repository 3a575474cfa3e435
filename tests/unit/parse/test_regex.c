/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "parsed.h"

#include <criterion/criterion.h>
#include <string.h>

static struct parsed parse_with(const struct parse_options *options, const char *text)
{
    return parse_bytes(options, text, strlen(text), strlen(text), -1, END_EOF);
}

Test(parse_regex, all_groups)
{
    struct parse_options options = {
        .format = "regex",
        .pass = "^\\[ok\\] (?<suite>\\w+)\\.(?<name>\\w+)( \\((?<ms>[\\d.]+) ms\\))?$",
        .fail = "^\\[no\\] (?<name>\\w+) at (?<file>[^:]+):(?<line>\\d+): (?<message>.*)",
        .skip = "^\\[--\\] (?<name>\\w+)",
        .end = "^bye$",
    };
    cleanup_parsed struct parsed parsed = parse_with(&options, "[ok] adc.zero (1.5 ms)\n"
                                                               "noise\n"
                                                               "[no] span at adc.c:12: too big\n"
                                                               "[--] noise_floor\n"
                                                               "bye\n");
    cr_assert_eq(parsed.state, PARSE_DONE);
    cr_assert(parsed.job->complete);
    cr_assert_str_empty(parsed.trouble);
    const struct test_case *zero = parsed_case(&parsed, "zero"),
                           *span = parsed_case(&parsed, "span");
    cr_assert(zero && span && parsed_case(&parsed, "noise_floor"));
    cr_expect_str_eq(parsed.job->suites[0].name, "adc");
    cr_expect_eq(zero->duration_us, 1500);
    cr_expect_eq(span->result, CASE_FAIL);
    cr_expect_str_eq(span->file, "adc.c");
    cr_expect_eq(span->line, 12);
    cr_expect_str_eq(span->message, "too big");
    cr_expect_eq(parsed_case(&parsed, "noise_floor")->result, CASE_SKIP);
}

Test(parse_regex, without_a_name_the_match_is_one_and_fail_comes_first)
{
    struct parse_options options = {
        .format = "regex", .pass = "self test", .fail = "self test .*bad", .end = "end"};
    cleanup_parsed struct parsed parsed =
        parse_with(&options, "gyro self test good\ngyro self test very bad\nend\n");
    cr_assert_eq(parsed_count(&parsed), 2);
    cr_expect_eq(parsed_case(&parsed, "self test")->result, CASE_PASS);
    cr_expect_eq(parsed_case(&parsed, "self test very bad")->result, CASE_FAIL);
}

Test(parse_regex, no_end_is_incomplete)
{
    struct parse_options options = {.format = "regex", .pass = "ok", .end = "^end$"};
    cleanup_parsed struct parsed parsed = parse_with(&options, "ok\nthe end\n");
    cr_expect_not(parsed.job->complete);
    cr_expect(strstr(parsed.trouble, "end marker"));
}

Test(parse_regex, what_does_not_compile_is_told_with_its_offset)
{
    static const struct {
        struct parse_options options;
        const char *words;
    } examples[] = {
        {{.pass = "a(b", .end = "e"}, "the pass pattern 'a(b' is wrong at offset 3"},
        {{.pass = "a", .end = "[z-a]"}, "the end pattern '[z-a]' is wrong at offset 3"},
        {{.pass = "a", .fail = "(?<n>", .end = "e"}, "the fail pattern"},
        {{.pass = "a"}, "needs a pattern for the end"},
        {{.end = "e"}, "needs a pattern for tests that pass"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        struct parse_options options = examples[i].options;
        struct err err = {0};
        struct parser *parser = NULL;
        struct job_result *job = job_result_new();
        options.format = "regex";
        cr_expect_eq(parser_new(&options, NULL, job, &parser, &err), -ERR_USAGE);
        cr_expect(strstr(err.message, examples[i].words), "%s", err.message);
        cr_expect_null(parser);
        job_result_free(job);
    }
}

/* A pattern that backtracks without end on a line that a board chose. */
Test(parse_regex, catastrophic_patterns_end_and_are_told)
{
    struct parse_options options = {.format = "regex", .pass = "^(a+)+$", .end = "^end$"};
    cleanup_parsed struct parsed parsed =
        parse_with(&options, "aaa\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\nend\n");
    cr_expect_eq(parsed_count(&parsed), 1);
    cr_expect(strstr(parsed.trouble, "too much work for the patterns"), "%s", parsed.trouble);
}

Test(parse_regex, groups_that_take_no_part)
{
    struct parse_options options = {
        .format = "regex", .pass = "pass(?<message> x)?(?<line>)", .end = "^end$"};
    cleanup_parsed struct parsed parsed = parse_with(&options, "pass\nend\n");
    cr_expect_eq(parsed_count(&parsed), 1);
    cr_expect_null(parsed_case(&parsed, "pass")->message);
}
