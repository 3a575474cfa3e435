/* SPDX-License-Identifier: MIT
 *
 * As Zephyr's ztest prints since 3.2, with verbose summary, through a console that sends CR LF.
 * There is no clock that the tests themselves do not play with, so all durations are 0.
 */
#include "speak.h"

#include "print.h"

const char speak_newline[] = "\r\n";

static const char rule[] = "===================================================================\n";

static const char *word(enum outcome outcome)
{
    return outcome == OUTCOME_PASS ? "PASS" : outcome == OUTCOME_FAIL ? "FAIL" : "SKIP";
}

static void print_count(const char *name, unsigned count)
{
    print_text(name);
    print_text(" = ");
    print_uint(count);
}

void speak_begin(unsigned tests)
{
}

void speak_suite_begin(const char *suite)
{
    print_text("Running TESTSUITE ");
    print_text(suite);
    print_text("\n");
    print_text(rule);
}

void speak_test_begin(const struct test *test)
{
    print_text("START - ");
    print_text(test->name);
    print_text("\n");
}

void speak_failure(const struct test *test, const struct failure *failure)
{
    print_text("\n    Assertion failed at ");
    print_text(failure->file);
    print_text(":");
    print_uint(failure->line);
    print_text(": ");
    print_text(test->suite); /* ZTEST() makes the function's name of both */
    print_text("_");
    print_text(test->name);
    print_text(failure->has_values ? ": (" : ": ");
    print_text(failure->what);
    print_text(failure->has_values ? " not equal to expected)\n" : "\n");
    if (failure->has_values)
        speak_values(failure, "expected ", ", was ");
    print_text("\n");
}

void speak_skip(const struct test *test, uint32_t line, const char *why)
{
    print_text(why);
    print_text("\n");
}

void speak_test_end(const struct test *test, enum outcome outcome)
{
    print_text(" ");
    print_text(word(outcome));
    print_text(" - ");
    print_text(test->name);
    print_text(" in 0.000 seconds\n");
    print_text(rule);
}

void speak_suite_end(const char *suite, const struct tally *tally)
{
    print_text("TESTSUITE ");
    print_text(suite);
    print_text(tally->failed ? " failed.\n" : " succeeded\n");
}

/* "100.00", " 66.67": the share of passed tests among those not skipped, in hundredths. */
static void print_pass_rate(const struct tally *tally)
{
    unsigned ran = tally->total - tally->skipped;
    unsigned rate = ran ? (tally->passed * 20000 + ran) / (2 * ran) : 0;
    print_text(rate < 1000 ? "  " : rate < 10000 ? " " : "");
    print_uint(rate / 100);
    print_text(rate % 100 < 10 ? ".0" : ".");
    print_uint(rate % 100);
}

static void print_suite_line(const char *suite, const struct tally *tally)
{
    enum outcome outcome = tally->failed                    ? OUTCOME_FAIL
                           : tally->skipped == tally->total ? OUTCOME_SKIP
                                                            : OUTCOME_PASS;
    print_text("SUITE ");
    print_text(word(outcome));
    print_text(" - ");
    print_pass_rate(tally);
    print_text("% [");
    print_text(suite);
    print_text("]: ");
    print_count("pass", tally->passed);
    print_count(", fail", tally->failed);
    print_count(", skip", tally->skipped);
    print_count(", total", tally->total);
    print_text(" duration = 0.000 seconds\n");
}

static const struct test *print_suite(const struct test *first)
{
    const struct test *end = check_suite_end(first);
    struct tally tally = check_tally(first, end);
    print_suite_line(first->suite, &tally);
    for (const struct test *test = first; test < end; test++) {
        print_text(" - ");
        print_text(word(check_outcome(test)));
        print_text(" - [");
        print_text(test->suite);
        print_text(".");
        print_text(test->name);
        print_text("] duration = 0.000 seconds\n");
    }
    print_text("\n");
    return end;
}

void speak_end(const struct tally *tally)
{
    print_text("\n------ TESTSUITE SUMMARY START ------\n\n");
    for (const struct test *test = tests_begin; test < tests_end;)
        test = print_suite(test);
    print_text("------ TESTSUITE SUMMARY END ------\n\n");
    print_text(rule);
    print_text(tally->failed ? "PROJECT EXECUTION FAILED\n" : "PROJECT EXECUTION SUCCESSFUL\n");
}
