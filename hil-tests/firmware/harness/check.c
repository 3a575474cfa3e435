/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "chip.h"
#include "hil_identity.h"
#include "print.h"
#include "speak.h"

#include <stddef.h>

static const struct test *running;
static uint8_t outcomes[TESTS_MAX];

enum outcome check_outcome(const struct test *test)
{
    return (enum outcome)outcomes[test - tests_begin];
}

static void fail(const struct failure *failure)
{
    outcomes[running - tests_begin] = OUTCOME_FAIL;
    speak_failure(running, failure);
}

void check_failed(const char *file, uint32_t line, const char *what)
{
    fail(&(struct failure){.file = file, .line = line, .what = what});
}

void check_differs(const char *file, uint32_t line, const char *what, uint32_t expected,
                   uint32_t actual, bool hex)
{
    fail(&(struct failure){file, line, what, true, hex, expected, actual});
}

void check_skipped(uint32_t line, const char *why)
{
    outcomes[running - tests_begin] = OUTCOME_SKIP;
    speak_skip(running, line, why);
}

void speak_values(const struct failure *failure, const char *expected, const char *was)
{
    void (*print)(uint32_t) = failure->hex ? print_hex : print_uint;
    print_text(expected);
    print(failure->expected);
    print_text(was);
    print(failure->actual);
}

void check_begin(void)
{
    check_say_build_id();
    speak_begin((unsigned)(tests_end - tests_begin));
    print_text("# ");
    print_text(chip.name);
    print_text("\n");
}

void check_say_build_id(void)
{
    hil_say_build_id(print_char);
}

bool check_echo_nonce(void)
{
    chip_start_receiver();
    return hil_echo_nonce(print_char, chip_receive);
}

struct tally check_tally(const struct test *first, const struct test *end)
{
    struct tally tally = {.total = (unsigned)(end - first)};
    unsigned *const counts[] = {&tally.passed, &tally.failed, &tally.skipped};
    for (const struct test *test = first; test < end; test++)
        ++*counts[check_outcome(test)];
    return tally;
}

static bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

const struct test *check_suite_end(const struct test *first)
{
    const struct test *test = first;
    while (test < tests_end && same_text(test->suite, first->suite))
        test++;
    return test;
}

static void run(const struct test *test)
{
    running = test;
    outcomes[test - tests_begin] = OUTCOME_PASS;
    speak_test_begin(test);
    test->run();
    speak_test_end(test, check_outcome(test));
}

static const struct test *run_suite(const struct test *first)
{
    const struct test *end = check_suite_end(first);
    speak_suite_begin(first->suite);
    for (const struct test *test = first; test < end; test++)
        run(test);
    struct tally tally = check_tally(first, end);
    speak_suite_end(first->suite, &tally);
    return end;
}

struct tally check_run(void)
{
    for (const struct test *test = tests_begin; test < tests_end;)
        test = run_suite(test);
    return check_tally(tests_begin, tests_end);
}
