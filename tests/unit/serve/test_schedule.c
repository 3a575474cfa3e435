/* SPDX-License-Identifier: MIT */
#include "serve/schedule.h"

#include <criterion/criterion.h>

Test(schedule, jitter_is_a_tenth_to_each_side)
{
    int64_t least = INT64_MAX, most = 0;

    for (uint32_t random = 0; random < 5000; random++) {
        int64_t ms = schedule_jitter(1000, random);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    cr_expect_eq(least, 900);
    cr_expect_eq(most, 1100);
    cr_expect_eq(schedule_jitter(0, 7), 0);
    cr_expect_eq(schedule_jitter(4, UINT32_MAX), 4, "too short for a tenth");
}

Test(schedule, backoff_doubles_up_to_its_ceiling)
{
    const struct {
        unsigned failures;
        int64_t about_ms;
    } rows[] = {{1, 30000}, {2, 60000}, {3, 120000}, {7, 1920000}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint32_t random = 0; random < 3000; random += 7) {
            int64_t ms = schedule_backoff(30000, 3600000, rows[i].failures, random);
            cr_expect_geq(ms, rows[i].about_ms * 9 / 10);
            cr_expect_leq(ms, rows[i].about_ms * 11 / 10);
        }
    for (uint32_t random = 0; random < 3000; random++) {
        int64_t ms = schedule_backoff(30000, 3600000, 4000000000U, random * 1234567U);
        cr_expect_leq(ms, 3600000);
        cr_expect_geq(ms, 3240000);
    }
}

Test(schedule, hours_of_a_day)
{
    const struct {
        const char *text;
        int minute;
        bool open;
    } rows[] = {
        {"22:00-06:00", 22 * 60, true},     {"22:00-06:00", 22 * 60 - 1, false},
        {"22:00-06:00", 0, true},           {"22:00-06:00", 6 * 60 - 1, true},
        {"22:00-06:00", 6 * 60, false},     {"22:00-06:00", 12 * 60, false},
        {"09:30-17:00", 9 * 60 + 30, true}, {"09:30-17:00", 9 * 60 + 29, false},
        {"09:30-17:00", 17 * 60 - 1, true}, {"09:30-17:00", 17 * 60, false},
        {"00:00-24:00", 0, true},           {"20:00-24:00", 23 * 60 + 59, true},
        {"20:00-24:00", 0, false},          {"", 3, true},
    };
    struct window window;
    struct err err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (i == 10) /* all day is said by leaving it out */
            continue;
        cr_assert_eq(window_parse(rows[i].text, &window, &err), 0, "%s: %s", rows[i].text,
                     err.message);
        cr_expect_eq(window_open(&window, rows[i].minute), rows[i].open, "%s at %d", rows[i].text,
                     rows[i].minute);
    }
    cr_assert_eq(window_parse(NULL, &window, NULL), 0);
    cr_expect(window_open(&window, 0));
}

Test(schedule, hours_that_are_none)
{
    static const char *const texts[] = {
        "22-06",        "22:00", "22:00-6:00",  "25:00-06:00", "22:60-06:00", "22:00-06:0",
        "22:00-06:00x", "-",     "24:01-06:00", "06:00-06:00", "00:00-24:00", "a2:00-06:00"};
    struct window window;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_eq(window_parse(texts[i], &window, NULL), -ERR_USAGE, "%s", texts[i]);
        cr_expect_not(window.given, "%s", texts[i]);
    }
}
