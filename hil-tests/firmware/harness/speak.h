/* SPDX-License-Identifier: MIT
 *
 * speak: one test framework's way to print; each speak_*.c is one.
 *
 * The calls come in this order, the indented ones many times:
 *
 *     speak_begin
 *         speak_suite_begin
 *             speak_test_begin   [speak_failure | speak_skip]   speak_test_end
 *         speak_suite_end
 *     speak_end
 */
#ifndef SPEAK_H
#define SPEAK_H

#include "check.h"

struct failure {
    const char *file;
    uint32_t line;
    const char *what; /* what is wrong, or the expression whose value is */
    bool has_values, hex;
    uint32_t expected, actual;
};

enum outcome { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_SKIP };

extern const char speak_newline[];

void speak_begin(unsigned tests);
void speak_suite_begin(const char *suite);
void speak_test_begin(const struct test *test);
void speak_failure(const struct test *test, const struct failure *failure);
void speak_skip(const struct test *test, uint32_t line, const char *why);
void speak_test_end(const struct test *test, enum outcome outcome);
void speak_suite_end(const char *suite, const struct tally *tally);
void speak_end(const struct tally *tally);

/* "expected 5, was 6", in the failure's base. */
void speak_values(const struct failure *failure, const char *expected, const char *was);
/* Rows of all tests of the image; how those ended that have run. */
extern const struct test tests_begin[], tests_end[];
enum outcome check_outcome(const struct test *test);
struct tally check_tally(const struct test *first, const struct test *end);
const struct test *check_suite_end(const struct test *first);

#endif
