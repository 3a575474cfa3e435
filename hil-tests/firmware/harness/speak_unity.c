/* SPDX-License-Identifier: MIT
 *
 * As Unity 2.5 and 2.6 print with UnityDefaultTestRun(): nothing at the start, a line a test. The
 * newline comes when a test is over, not with its FAIL or IGNORE.
 */
#include "speak.h"

#include "print.h"

const char speak_newline[] = "\n";

static void print_result(const char *file, uint32_t line, const char *name, const char *result)
{
    print_text(file);
    print_text(":");
    print_uint(line);
    print_text(":");
    print_text(name);
    print_text(":");
    print_text(result);
}

void speak_begin(unsigned tests)
{
}

void speak_suite_begin(const char *suite)
{
}

void speak_test_begin(const struct test *test)
{
}

void speak_failure(const struct test *test, const struct failure *failure)
{
    print_result(failure->file, failure->line, test->name, "FAIL:");
    if (failure->has_values) {
        speak_values(failure, " Expected ", " Was ");
        print_text(".");
    }
    print_text(" ");
    print_text(failure->what);
}

void speak_skip(const struct test *test, uint32_t line, const char *why)
{
    print_result(test->file, line, test->name, "IGNORE: ");
    print_text(why);
}

void speak_test_end(const struct test *test, enum outcome outcome)
{
    if (outcome == OUTCOME_PASS)
        print_result(test->file, test->line, test->name, "PASS");
    print_text("\n");
}

void speak_suite_end(const char *suite, const struct tally *tally)
{
}

void speak_end(const struct tally *tally)
{
    print_text("\n-----------------------\n");
    print_uint(tally->total);
    print_text(" Tests ");
    print_uint(tally->failed);
    print_text(" Failures ");
    print_uint(tally->skipped);
    print_text(" Ignored \n");
    print_text(tally->failed ? "FAIL\n" : "OK\n");
}
