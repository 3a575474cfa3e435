/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "parse/detect.h"
#include "parse/format.h"
#include "parsed.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

static struct parsed parse_until(const char *format, const char *text, enum capture_end end)
{
    struct parse_options options = {.format = format};
    return parse_bytes(&options, text, strlen(text), 1, 1000, end);
}

/* ---- how an open test ends ----------------------------------------------------------------- */

#define OPEN_TEST "Running TESTSUITE net\nSTART - test_ping\nsent 1\n"

static const struct {
    enum capture_end end;
    const char *type, *words;
} ends[] = {
    {END_IDLE, "hang", "no output for the idle deadline while this test was running"},
    {END_TOTAL, "hang", "the total deadline passed while this test was running"},
    {END_GONE, "unfinished", "the console vanished"},
    {END_CANCELLED, "unfinished", "cancelled"},
    {END_EOF, "unfinished", "the log ends"},
};

Test(parse_parser, an_open_test_ends_as_an_error)
{
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        cleanup_parsed struct parsed parsed = parse_until("auto", OPEN_TEST, ends[i].end);
        const struct test_case *ping = parsed_case(&parsed, "test_ping");
        cr_assert(ping);
        cr_expect_eq(ping->result, CASE_ERROR);
        cr_expect_str_eq(ping->error_type, ends[i].type);
        cr_expect(strstr(ping->message, ends[i].words), "%s", ping->message);
        cr_expect_str_eq(ping->detail, "sent 1");
        cr_expect_eq(ping->start_us, 22000);
        cr_expect_eq(ping->end_us, (int64_t)strlen(OPEN_TEST) * 1000);
        cr_expect_eq(parsed.state, PARSE_MORE);
        cr_expect_not(parsed.job->complete);
    }
}

Test(parse_parser, the_clock_times_what_the_firmware_does_not)
{
    cleanup_parsed struct parsed parsed =
        parse_until("unity", "a.c:1:one:PASS\na.c:2:two:PASS\na.c:3:three:PASS (7 ms)\n", END_EOF);
    cr_expect_eq(parsed_case(&parsed, "one")->start_us, -1);
    cr_expect_eq(parsed_case(&parsed, "one")->duration_us, -1);
    cr_expect_eq(parsed_case(&parsed, "two")->start_us, 0);
    cr_expect_eq(parsed_case(&parsed, "two")->end_us, 15000);
    cr_expect_eq(parsed_case(&parsed, "two")->duration_us, 15000);
    cr_expect_eq(parsed_case(&parsed, "three")->duration_us, 7000);
}

/* ---- patience and states ------------------------------------------------------------------- */

static const struct {
    const char *text;
    int64_t patience_ms;
    enum capture_end silence;
    enum parse_state state;
} states[] = {
    {OPEN_TEST, -1, END_IDLE, PARSE_MORE},
    {OPEN_TEST "*** HardFault\nPC=0x1\n", 2000, END_CRASH, PARSE_MORE},
    {OPEN_TEST "Guru Meditation Error: x\nBacktrace: 0x1\n", 500, END_CRASH, PARSE_MORE},
    {OPEN_TEST ">>> ZEPHYR FATAL ERROR 0: x on CPU 0\nHalting system\n", 500, END_CRASH,
     PARSE_CRASHED},
    {OPEN_TEST "Guru Meditation Error: x\nESP-ROM:esp32\n", -1, END_IDLE, PARSE_MORE},
    {OPEN_TEST "*** HardFault\n PASS - test_ping in 0.1 seconds\n", -1, END_IDLE, PARSE_MORE},
    {OPEN_TEST "PROJECT EXECUTION SUCCESSFUL\n", -1, END_IDLE, PARSE_DONE},
    {"a.c:1:t:PASS\n1 Tests 0 Failures 0 Ignored\nOK", 500, END_DONE, PARSE_MORE},
    {"a.c:1:t:PASS\n1 Tests 0 Failures 0 Ignored\nOK\n", -1, END_IDLE, PARSE_DONE},
    {"Unity test run 1 of 2\nTEST(g, n) PASS\n1 Tests 0 Failures 0 Ignored\nOK\n", -1, END_IDLE,
     PARSE_MORE},
    {"1..1\nok 1\n", -1, END_IDLE, PARSE_DONE},
    {"1..1\nnot ok 1\n", 250, END_DONE, PARSE_MORE},
    {"TAP version 13\nBail out! no\n", -1, END_IDLE, PARSE_DONE},
};

Test(parse_parser, patience_and_states)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        cleanup_parsed struct parsed parsed = parse_until("auto", states[i].text, END_EOF);
        cr_expect_eq(parsed.patience_ms, states[i].patience_ms, "%zu: %s", i, states[i].text);
        cr_expect_eq(parsed.silence, states[i].silence, "%zu: %s", i, states[i].text);
        cr_expect_eq(parsed.state, states[i].state, "%zu: %s", i, states[i].text);
    }
}

/* ---- crashes and resets -------------------------------------------------------------------- */

Test(parse_parser, a_crash_has_its_line_its_dump_and_its_place)
{
    cleanup_parsed struct parsed parsed = parse_until(
        "auto", OPEN_TEST "ASSERTION FAIL [n] @ net/ping.c:77\n\tn is 0\nr0: 1\n", END_CRASH);
    const struct test_case *ping = parsed_case(&parsed, "test_ping");
    cr_expect_eq(ping->result, CASE_ERROR);
    cr_expect_str_eq(ping->error_type, "crash");
    cr_expect_str_eq(ping->message, "ASSERTION FAIL [n] @ net/ping.c:77");
    cr_expect_str_eq(ping->detail, "\tn is 0\nr0: 1");
    cr_expect_str_eq(ping->file, "net/ping.c");
    cr_expect_eq(ping->line, 77);
}

Test(parse_parser, a_dump_is_bounded)
{
    cleanup_buf struct buf text = BUF_INIT((size_t)1024 * 1024);
    buf_adds(&text, OPEN_TEST "*** HardFault\n");
    for (int i = 0; i < 1000; i++)
        buf_addf(&text, "stack %d\n", i);
    cleanup_parsed struct parsed parsed = parse_text("ztest", text.data);
    const char *detail = parsed_case(&parsed, "test_ping")->detail;
    cr_expect(str_starts(detail, "stack 0\n"));
    cr_expect(str_ends(detail, "stack 63\n(936 lines left out)"), "%s", detail);
}

Test(parse_parser, a_failed_test_keeps_the_newest_of_its_lines)
{
    cleanup_buf struct buf text = BUF_INIT((size_t)1024 * 1024);
    buf_adds(&text, OPEN_TEST);
    for (int i = 0; i < 1000; i++)
        buf_addf(&text, "step %d\n", i);
    buf_adds(&text, " FAIL - test_ping in 0.1 seconds\n");
    cleanup_parsed struct parsed parsed = parse_text("ztest", text.data);
    const char *detail = parsed_case(&parsed, "test_ping")->detail;
    cr_expect(str_ends(detail, "\nstep 999"), "%s", detail);
    cr_expect(strstr(detail, " lines left out)\nstep "), "%s", detail);
    cr_expect_lt(strlen(detail), 1024);
}

Test(parse_parser, the_name_of_a_test_is_no_crash)
{
    cleanup_parsed struct parsed parsed =
        parse_text("auto", "START - test_hardfault\n PASS - test_hardfault in 0.1 seconds\n"
                           "PROJECT EXECUTION SUCCESSFUL\n");
    cr_expect_str_empty(parsed.trouble);
}

Test(parse_parser, a_crash_and_a_reset_say_why)
{
    cleanup_parsed struct parsed panic =
        parse_text("ztest", OPEN_TEST "*** PANIC ***\n\nNo timers available\nmore\n");
    cr_expect_str_eq(parsed_case(&panic, "test_ping")->message,
                     "*** PANIC ***: No timers available");
    cleanup_parsed struct parsed mbed =
        parse_text("ztest", OPEN_TEST "++ MbedOS Error Info ++\nError Status: 0x80FF0144\n"
                                      "Error Message: Assertion failed: p\nLocation: 0x8000228\n");
    cr_expect_str_eq(parsed_case(&mbed, "test_ping")->message,
                     "++ MbedOS Error Info ++: Assertion failed: p");
    cleanup_parsed struct parsed watchdog =
        parse_text("ztest", OPEN_TEST "ESP-ROM:esp32c3\nrst:0x7 (TG0WDT_SYS_RST),boot:0xd\n");
    cr_expect_str_eq(parsed_case(&watchdog, "test_ping")->message,
                     "the board was reset by its watchdog while this test was running");
    cleanup_parsed struct parsed brown =
        parse_text("ztest", OPEN_TEST "rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0x13\n");
    cr_expect_str_eq(parsed_case(&brown, "test_ping")->message,
                     "the board was reset by a brown-out while this test was running");
}

Test(parse_parser, a_crash_after_the_last_test_is_trouble)
{
    cleanup_parsed struct parsed parsed =
        parse_text("auto", "START - test_a\n PASS - test_a in 0.1 seconds\n*** HardFault\n"
                           "PROJECT EXECUTION SUCCESSFUL\n");
    cr_expect_str_eq(parsed.trouble, "the firmware crashed after test_a: *** HardFault");
}

Test(parse_parser, a_crash_is_not_excused_by_the_next_program)
{
    cleanup_parsed struct parsed parsed =
        parse_text("unity", "a.c:1:a:PASS\n*** HardFault\n1 Tests 0 Failures 0 Ignored\nOK\n"
                            "b.c:1:b:PASS\n1 Tests 0 Failures 0 Ignored\nOK\n");
    cr_expect_str_eq(parsed.trouble, "the firmware crashed after a: *** HardFault");
}

#define BANNER "*** Booting Zephyr OS build v3 ***\n"

Test(parse_parser, resets_that_are_expected_are_no_trouble)
{
    static const char text[] = BANNER "Running TESTSUITE wdt\nSTART - test_a\n"
                                      " PASS - test_a in 0.1 seconds\nSTART - test_bite\n"
                                      "waiting\n" BANNER "Running TESTSUITE wdt\nSTART - test_a\n"
                                      " PASS - test_a in 0.1 seconds\nSTART - test_bite\n"
                                      "Running TESTSUITE wdt\nSTART - test_bite\n"
                                      " PASS - test_bite in 0.1 seconds\n"
                                      "PROJECT EXECUTION SUCCESSFUL\n";
    struct parse_options options = {.format = "ztest", .resets_expected = true};
    cleanup_parsed struct parsed fine = parse_bytes(&options, text, strlen(text), 5, -1, END_EOF);
    cr_expect_str_empty(fine.trouble);
    cr_expect_eq(parsed_count(&fine), 3);
    cr_expect_eq(job_counts(fine.job).pass, 3);

    cleanup_parsed struct parsed parsed = parse_text("ztest", text);
    cr_expect_str_eq(parsed.trouble, "the board restarted 2 times during the run");
    cr_expect_eq(job_counts(parsed.job).error, 2);
    cr_expect_str_eq(parsed_case(&parsed, "test_bite")->error_type, "reset");
}

/* A bootloader that is Zephyr, too, shows the banner before the application does. */
Test(parse_parser, two_banners_before_the_tests_are_no_reset)
{
    cleanup_parsed struct parsed parsed =
        parse_text("auto", BANNER BANNER "START - test_a\n PASS - test_a in 0.1 seconds\n"
                                         "PROJECT EXECUTION SUCCESSFUL\n");
    cr_expect_str_empty(parsed.trouble);
}

Test(parse_parser, a_boot_between_two_runs_is_no_reset_of_a_run)
{
    cleanup_parsed struct parsed parsed =
        parse_text("unity", "Unity test run 1 of 2\nTEST(g, n) PASS\n1 Tests 0 Failures 0 Ignored\n"
                            "OK\n" BANNER "Unity test run 2 of 2\nTEST(g, n) PASS\n"
                            "1 Tests 0 Failures 0 Ignored\nOK\n");
    cr_expect_str_empty(parsed.trouble);
    cr_expect_eq(parsed_count(&parsed), 2);
}

Test(parse_parser, a_boot_loop_without_tests_is_seen)
{
    cleanup_parsed struct parsed parsed =
        parse_text("auto", BANNER BANNER BANNER BANNER BANNER BANNER BANNER BANNER BANNER);
    cr_expect_eq(parsed.state, PARSE_REBOOTS);
    cr_expect(strstr(parsed.trouble, "no tests were found"));
}

#define GREETING "bridge 1.4 build-id 25d1a0200b51\n"
#define RESULT "wdt.c:8:test_is_off:PASS\n"

/* `head`, `rounds` of the same lines, and `end`. */
static struct parsed parse_rounds(const char *head, int rounds, const char *round, const char *end)
{
    cleanup_buf struct buf text = BUF_INIT((size_t)64 * 1024);
    buf_adds(&text, head);
    for (int i = 0; i < rounds; i++)
        buf_adds(&text, round);
    buf_adds(&text, end);
    return parse_text("auto", text.data);
}

Test(parse_parser, a_loop_of_resets_without_a_banner_is_seen)
{
    cleanup_parsed struct parsed loop = parse_rounds("", 51, GREETING RESULT, "");
    cr_expect_eq(loop.state, PARSE_REBOOTS);
    cr_expect(strstr(loop.trouble, "the board restarted 50 times"), "%s", loop.trouble);
    cleanup_parsed struct parsed longer =
        parse_rounds("", 4, GREETING RESULT "wdt.c:20:test_feed:PASS\n", "");
    cr_expect_eq(longer.state, PARSE_REBOOTS);
}

static const struct {
    const char *head;
    int rounds;
    const char *round, *end;
} no_loops[] = {
    {"", 49, GREETING RESULT, ""},
    {"", 200, "ready\n" RESULT, ""},
    {"", 200, RESULT, ""},
    {"", 60, RESULT GREETING "wdt.c:20:test_feed:PASS\n", ""},
    {"", 60, GREETING RESULT GREETING "wdt.c:20:test_feed:PASS\n", ""},
    {"", 60, GREETING "TEST(wdt, off) PASS\n" GREETING "TEST(wdt, feed) PASS\n", ""},
    {GREETING, 60, "TEST(wdt, off)\n" GREETING " PASS\n", ""},
    {"", 40, GREETING RESULT, "40 Tests 0 Failures 0 Ignored\nOK\n"},
    {"", 2, GREETING RESULT "wdt.c:20:test_feed:PASS\n", "4 Tests 0 Failures 0 Ignored\nOK\n"},
};

Test(parse_parser, lines_and_tests_that_repeat_are_no_loop)
{
    for (size_t i = 0; i < ARRAY_SIZE(no_loops); i++) {
        cleanup_parsed struct parsed parsed =
            parse_rounds(no_loops[i].head, no_loops[i].rounds, no_loops[i].round, no_loops[i].end);
        cr_expect_neq(parsed.state, PARSE_REBOOTS, "%zu", i);
        cr_expect_null(strstr(parsed.trouble, "restarted"), "%zu: %s", i, parsed.trouble);
        if (*no_loops[i].end)
            cr_expect_str_empty(parsed.trouble, "%zu: %s", i, parsed.trouble);
    }
}

Test(parse_parser, a_restart_is_proven_by_the_count)
{
    cleanup_parsed struct parsed parsed =
        parse_rounds("", 2, GREETING RESULT, "1 Tests 0 Failures 0 Ignored\nOK\n");
    cr_expect_str_eq(parsed.trouble, "the board restarted 1 time during the run");
}

/* ---- auto ---------------------------------------------------------------------------------- */

Test(parse_parser, lines_before_the_format_is_clear_are_read_again)
{
    cleanup_parsed struct parsed parsed =
        parse_text("auto", "ok 1 - a\nnot ok 2 - b\nok 3 - c\n1..3\n");
    cr_expect_str_eq(parsed.job->format, "tap");
    cr_expect_eq(parsed_count(&parsed), 3);
    cr_expect_str_empty(parsed.trouble);
}

/* However much came before, and wherever the buffer of pending lines was cut. */
Test(parse_parser, a_long_log_before_the_tests_does_not_matter)
{
    for (size_t k = 0; k < 8; k++) {
        cleanup_buf struct buf text = BUF_INIT(8 * DETECT_PENDING_BYTES);
        size_t before = 2 * DETECT_PENDING_BYTES + k * DETECT_PENDING_BYTES / 8;
        while (text.size < before)
            buf_addf(&text, "boot message %zu\n", text.size);
        buf_adds(&text, "ok 1 - a\n");
        while (text.size < before + DETECT_PENDING_BYTES / 16)
            buf_addf(&text, "another message %zu\n", text.size);
        buf_adds(&text, "ok 2 - b\nok 3 - c\n1..3\n");
        cleanup_parsed struct parsed parsed = parse_text("auto", text.data);
        cr_expect_str_eq(parsed.job->format, "tap");
        cr_expect_eq(parsed_count(&parsed), 3);
        cr_expect(parsed.job->complete);
        cr_expect_eq(parsed.state, PARSE_DONE);
    }
}

Test(parse_parser, a_crash_before_the_first_test_is_not_forgotten)
{
    cleanup_parsed struct parsed parsed = parse_text(
        "auto", BANNER "*** HardFault\n" BANNER "START - test_a\n PASS - test_a in 0.1 seconds\n"
                       "PROJECT EXECUTION SUCCESSFUL\n");
    cr_expect(str_starts(parsed.trouble, "the firmware crashed before any test: *** HardFault"));
}

Test(parse_parser, silence_is_no_pass)
{
    cleanup_parsed struct parsed parsed = parse_text("auto", "\n");
    cr_expect_null(parsed.job->format);
    cr_expect_not(parsed.job->complete);
    cr_expect_str_eq(parsed.trouble, "no tests were found: no known test output was recognized");
}

Test(parse_parser, unknown_formats_are_refused_with_the_nearest)
{
    struct parse_options options = {.format = "unitty"};
    struct job_result *job = job_result_new();
    struct parser *parser = NULL;
    struct err err = {0};
    cr_expect_eq(parser_new(&options, NULL, job, &parser, &err), -ERR_USAGE);
    cr_expect(strstr(err.message, "did you mean 'unity'?"), "%s", err.message);
    options.format = "xyzzy";
    cr_expect_eq(parser_new(&options, NULL, job, &parser, &err), -ERR_USAGE);
    cr_expect(strstr(err.message, "hil formats"), "%s", err.message);
    job_result_free(job);
}

/* ---- lines that are too long --------------------------------------------------------------- */

Test(parse_parser, a_megabyte_in_a_line_loses_no_result)
{
    const size_t size = (size_t)1024 * 1024;
    cleanup_buf struct buf text = BUF_INIT(4 * size);
    cleanup_free char *junk = xmalloc(size);
    memset(junk, 'x', size);
    buf_adds(&text, "a.c:1:before:PASS\n");
    buf_add(&text, junk, size);
    buf_adds(&text, "\na.c:2:message:FAIL: ");
    buf_add(&text, junk, size);
    buf_adds(&text, "\n");
    buf_add(&text, junk, size);
    buf_adds(&text, " a.c:3:behind:PASS\n3 Tests 1 Failures 0 Ignored\nFAIL\n");
    cleanup_parsed struct parsed parsed = parse_text("unity", text.data);
    cr_expect_str_empty(parsed.trouble);
    cr_expect_eq(parsed_count(&parsed), 3);
    cr_expect_eq(parsed_case(&parsed, "message")->result, CASE_FAIL);
    cr_expect_str_eq(parsed_case(&parsed, "behind")->file, "a.c");
    cr_expect_eq(parsed.job->capture.cut_lines, 3);
}

/* ---- what a viewer sees -------------------------------------------------------------------- */

static void see_line(void *arg, const char *text, size_t size)
{
    buf_addf(arg, "line %.*s\n", (int)size, text);
}

static void see_start(void *arg, const char *suite, const char *name)
{
    buf_addf(arg, "start %s.%s\n", suite, name);
}

static void see_end(void *arg, const char *suite, const struct test_case *test_case)
{
    buf_addf(arg, "end %s.%s %s\n", suite, test_case->name, case_result_name(test_case->result));
}

Test(parse_parser, a_viewer_sees_lines_starts_and_ends)
{
    cleanup_buf struct buf seen = BUF_INIT(4096);
    struct parse_watch watch = {
        .arg = &seen, .line = see_line, .case_start = see_start, .case_end = see_end};
    struct parse_options options = {0};
    struct job_result *job = job_result_new();
    struct parser *parser = NULL;
    static const char text[] = "hello\nRunning TESTSUITE s\nSTART - t\n\x1b[1m PASS - t in 0.1 "
                               "seconds\x1b[0m\n";
    cr_assert_eq(parser_new(&options, &watch, job, &parser, NULL), 0);
    parser_feed(parser, text, sizeof(text) - 1, 0, 0);
    parser_finish(parser, END_EOF, 0);
    parser_free(parser);
    job_result_free(job);
    cr_expect_str_eq(seen.data, "line hello\nline Running TESTSUITE s\nline START - t\nstart s.t\n"
                                "line  PASS - t in 0.1 seconds\nend s.t pass\n");
}

/* ---- the table ----------------------------------------------------------------------------- */

Test(parse_formats, rows_are_complete_and_know_their_own_example)
{
    for (size_t i = 0; formats[i]; i++) {
        const struct format *format = formats[i];
        cr_expect(format->name && format->summary && format->example && format->line);
        cr_expect_eq(format_find(format->name, NULL), format);
        if (format->detect && format->first)
            cr_expect(strchr(format->first, *text_trim(text_of(format->example)).at), "%s",
                      format->name);
        if (format->detect)
            cr_expect_geq(format->detect(text_of(format->example)), DETECT_LIKELY, "%s",
                          format->name);
        for (size_t k = 0; formats[k]; k++)
            if (k != i && formats[k]->detect && formats[k]->variant_of != format)
                cr_expect_eq(formats[k]->detect(text_of(format->example)), DETECT_NO,
                             "%s takes the line of %s", formats[k]->name, format->name);
    }
}

/* Fuzz targets are named as C would: esp_idf_unity. The log of regex is a user's. */
static void check_files_of(const char *name)
{
    cleanup_free char *logs = xasprintf(HIL_TEST_DATA "/parse/%s/*.log", name);
    cleanup_free char *target = xasprintf("%s", name);
    for (char *at = target; *at; at++)
        *at = *at == '-' ? '_' : *at;
    cleanup_free char *source = xasprintf(HIL_TEST_DATA "/../fuzz/fuzz_%s.c", target);
    cleanup_free char *seeds = xasprintf(HIL_TEST_DATA "/../fuzz/corpus/%s/*", target);
    glob_t found = {0};
    cr_expect(str_eq(name, "regex") || glob(logs, 0, NULL, &found) == 0, "no log of %s", name);
    globfree(&found);
    cr_expect_eq(access(source, R_OK), 0, "no fuzz target of %s", name);
    cr_expect_eq(glob(seeds, 0, NULL, &found), 0, "nothing to fuzz %s with", name);
    globfree(&found);
}

Test(parse_formats, every_row_has_logs_and_a_fuzz_target)
{
    for (size_t i = 0; formats[i]; i++)
        check_files_of(formats[i]->name);
}
