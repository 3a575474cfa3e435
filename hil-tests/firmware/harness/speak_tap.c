/* SPDX-License-Identifier: MIT
 *
 * As the TAP 14 specification has it: version, plan, test points, a YAML block after each failure.
 */
#include "speak.h"

#include "print.h"

const char speak_newline[] = "\n";

void speak_begin(unsigned tests)
{
    print_text("TAP version 14\n1..");
    print_uint(tests);
    print_text("\n");
}

void speak_suite_begin(const char *suite)
{
    print_text("# ");
    print_text(suite);
    print_text("\n");
}

void speak_test_begin(const struct test *test)
{
}

static void print_point(const char *result, const struct test *test)
{
    print_text(result);
    print_text(" ");
    print_uint((uint32_t)(test - tests_begin) + 1);
    print_text(" - ");
    print_text(test->name);
}

/* In single quotes YAML 1.2 §7.3.2 doubles a single quote and leaves all else as it is. */
static void print_quoted(const char *text)
{
    for (; *text; text++)
        print_text(*text == '\'' ? "''" : (const char[]){*text, '\0'});
}

void speak_failure(const struct test *test, const struct failure *failure)
{
    print_point("not ok", test);
    print_text("\n  ---\n  message: '");
    print_quoted(failure->what);
    if (failure->has_values)
        speak_values(failure, ": expected ", ", was ");
    print_text("'\n  severity: fail\n  at:\n    file: ");
    print_text(failure->file);
    print_text("\n    line: ");
    print_uint(failure->line);
    print_text("\n  ...\n");
}

void speak_skip(const struct test *test, uint32_t line, const char *why)
{
    print_point("ok", test);
    print_text(" # SKIP ");
    print_text(why);
    print_text("\n");
}

void speak_test_end(const struct test *test, enum outcome outcome)
{
    if (outcome == OUTCOME_PASS) {
        print_point("ok", test);
        print_text("\n");
    }
}

void speak_suite_end(const char *suite, const struct tally *tally)
{
}

void speak_end(const struct tally *tally)
{
}
