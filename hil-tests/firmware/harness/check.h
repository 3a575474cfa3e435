/* SPDX-License-Identifier: MIT
 *
 * check: tests that run on the board, and say how they went in Unity's, ztest's or TAP's words.
 *
 *     TEST(adc, test_reference_is_stable)
 *     {
 *         if (!adc_present())
 *             SKIP("no ADC");
 *         CHECK_EQUAL(1210, adc_read_mv(ADC_REFERENCE));
 *     }
 *
 * That is all: a TEST() in a linked file runs, in the order of the files and of their lines. Tests
 * of one suite stand together. Which words they use is decided by the speak_*.c that is linked, so
 * the same objects make an image for each format.
 *
 * The CHECK macros, SKIP and FAIL return from the function that they stand in: use them in the
 * test's own body, not in helpers or handlers. Tests share nothing and leave the core as they found
 * it. main() is check.c's, unless an image has its own, which then calls check_begin(), check_run()
 * and speak_end().
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>

#define TESTS_MAX 64

struct test {
    const char *suite, *name, *file;
    uint32_t line;
    void (*run)(void);
};

struct tally {
    unsigned total, passed, failed, skipped;
};

#define TEST(suite_, name_)                                                 \
    static void name_(void);                                                \
    __attribute__((used, no_reorder, section(".tests"),                     \
                   aligned(4))) static const struct test row_of_##name_ = { \
        #suite_, #name_, __FILE__, __LINE__, name_};                        \
    static void name_(void)

#define CHECK(condition)                                              \
    do {                                                              \
        if (!(condition)) {                                           \
            check_failed(__FILE__, __LINE__, #condition " is false"); \
            return;                                                   \
        }                                                             \
    } while (0)

#define CHECK_EQUAL(expected, actual) CHECK_EQUAL_(expected, actual, false)
#define CHECK_EQUAL_HEX(expected, actual) CHECK_EQUAL_(expected, actual, true)
#define CHECK_EQUAL_(expected, actual, hex)                                      \
    do {                                                                         \
        uint32_t expected_ = (uint32_t)(expected), actual_ = (uint32_t)(actual); \
        if (expected_ != actual_) {                                              \
            check_differs(__FILE__, __LINE__, #actual, expected_, actual_, hex); \
            return;                                                              \
        }                                                                        \
    } while (0)

#define SKIP(why)                     \
    do {                              \
        check_skipped(__LINE__, why); \
        return;                       \
    } while (0)

#define FAIL(why)                              \
    do {                                       \
        check_failed(__FILE__, __LINE__, why); \
        return;                                \
    } while (0)

void check_failed(const char *file, uint32_t line, const char *what);
void check_differs(const char *file, uint32_t line, const char *what, uint32_t expected,
                   uint32_t actual, bool hex);
void check_skipped(uint32_t line, const char *why);

void check_begin(void); /* the image's build-id, then what the format prints first */
void check_say_build_id(void);
bool check_echo_nonce(void); /* false: nobody sent one within some seconds */
struct tally check_run(void);

#endif
