/* SPDX-License-Identifier: MIT */
#include "serve/decide.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOON (12 * 60)
#define NOW INT64_C(1000000000000)

static const struct watch_rules plain = {.daily_limit = 20},
                                golden = {.daily_limit = 20, .has_golden = true};

static struct store_watched blank(void)
{
    struct store_watched known = {.verdict = VERDICT_PASS};
    char **const texts[] = {&known.image, &known.image_sha256, &known.tag,
                            &known.asset, &known.failed,       &known.reason,
                            &known.aside, &known.quarantine,   &known.quarantine_for};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        store_watched_set(texts[i], "");
    return known;
}

/* What the rows change of a blank board. */
struct row {
    const char *image, *failed, *aside, *quarantine, *quarantine_for;
    unsigned failures;
    int64_t retry_us;
    bool overwritten;
    uint64_t flashes;
    const struct watch_rules *rules;
    int minute;
    enum watch_action action;
    int64_t until_us;
};

static const struct watch_rules night = {.daily_limit = 20, .window = {22 * 60, 6 * 60, true}};

static const struct row rows[] = {
    {.rules = &plain, .action = WATCH_FLASH},
    {.image = "new", .rules = &plain, .action = WATCH_CURRENT},
    {.image = "old", .rules = &plain, .action = WATCH_FLASH},
    {.image = "new", .overwritten = true, .rules = &plain, .action = WATCH_FLASH},
    {.image = "new", .rules = &night, .minute = NOON, .action = WATCH_CURRENT},
    {.image = "old", .rules = &night, .minute = NOON, .action = WATCH_CLOSED},
    {.image = "old", .rules = &night, .minute = 23 * 60, .action = WATCH_FLASH},
    {.failed = "new",
     .failures = 1,
     .retry_us = NOW + 1,
     .rules = &plain,
     .action = WATCH_PAUSE,
     .until_us = NOW + 1},
    {.failed = "new", .failures = 1, .retry_us = NOW, .rules = &plain, .action = WATCH_FLASH},
    {.failed = "old",
     .failures = 2,
     .retry_us = NOW + 9,
     .aside = "x",
     .rules = &plain,
     .action = WATCH_FLASH}, /* another image is another matter */
    {.failed = "new", .failures = 3, .rules = &golden, .action = WATCH_GOLDEN},
    {.failed = "new", .failures = 2, .rules = &golden, .action = WATCH_FLASH},
    {.failed = "new", .failures = 3, .image = "old", .rules = &golden, .action = WATCH_FLASH},
    {.failed = "new", .failures = 3, .aside = "broken", .rules = &golden, .action = WATCH_ASIDE},
    {.quarantine = "no target", .rules = &plain, .action = WATCH_ASIDE},
    {.quarantine = "no target", .image = "new", .rules = &plain, .action = WATCH_CURRENT},
    {.quarantine = "no probe", .quarantine_for = "new", .rules = &plain, .action = WATCH_ASIDE},
    {.quarantine = "no probe", .quarantine_for = "old", .rules = &plain, .action = WATCH_FLASH},
    {.flashes = 20, .rules = &plain, .action = WATCH_LIMIT, .until_us = 5 + WATCH_DAY_US},
    {.flashes = 19, .rules = &plain, .action = WATCH_FLASH},
    {.flashes = 20,
     .failed = "new",
     .failures = 3,
     .rules = &golden,
     .action = WATCH_LIMIT,
     .until_us = 5 + WATCH_DAY_US},
    {.flashes = 99, .image = "new", .rules = &plain, .action = WATCH_CURRENT},
};

Test(decide, every_row)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct store_watched known = blank();
        int64_t until_us;
        enum watch_action action;
        store_watched_set(&known.image, row->image);
        store_watched_set(&known.failed, row->failed);
        store_watched_set(&known.aside, row->aside);
        store_watched_set(&known.quarantine, row->quarantine);
        store_watched_set(&known.quarantine_for, row->quarantine_for);
        known.failures = row->failures;
        known.retry_us = row->retry_us;
        known.overwritten = row->overwritten;
        known.flashes = row->flashes;
        known.first_us = 5;
        action = watch_decide(&known, "new", row->rules, NOW, row->minute, &until_us);
        cr_expect_eq(action, row->action, "row %zu: %s", i, watch_action_name(action));
        cr_expect_eq(until_us, row->until_us, "row %zu", i);
        store_watched_done(&known);
    }
}

static struct store_attempt tried(enum verdict verdict, bool wrote, const char *reason)
{
    return (struct store_attempt){.image = "new",
                                  .image_sha256 = "abc",
                                  .tag = "v2",
                                  .asset = "fw.elf",
                                  .started_us = 100,
                                  .took_us = 7,
                                  .verdict = verdict,
                                  .reason = reason,
                                  .wrote = wrote};
}

Test(decide, what_passed_is_carried_and_clears_what_failed)
{
    struct store_watched known = blank();
    struct store_attempt bad = tried(VERDICT_INFRA, true, "no probe"),
                         good = tried(VERDICT_PASS, true, NULL);

    watch_note(&known, &bad, &plain, 555);
    cr_expect_eq(known.failures, 1);
    cr_expect_str_eq(known.failed, "new");
    cr_expect_str_eq(known.reason, "no probe");
    cr_expect_str_eq(known.image, "", "nobody knows what it has now");
    cr_expect_eq(known.retry_us, 555);
    watch_note(&known, &good, &plain, 777);
    cr_expect_str_eq(known.image, "new");
    cr_expect_str_eq(known.tag, "v2");
    cr_expect_str_eq(known.failed, "");
    cr_expect_eq(known.failures, 0);
    cr_expect_eq(known.retry_us, 0);
    cr_expect_eq(known.flashed_us, 107);
    store_watched_done(&known);
}

Test(decide, three_failures_and_then_golden_or_aside)
{
    struct store_watched with = blank(), without = blank();
    struct store_attempt bad = tried(VERDICT_FAIL, true, "2 tests failed"), gold;
    int64_t until_us;

    for (int i = 0; i < WATCH_TRIES; i++) {
        cr_expect_eq(watch_decide(&with, "new", &golden, NOW, 0, &until_us), WATCH_FLASH);
        cr_expect_eq(watch_decide(&without, "new", &plain, NOW, 0, &until_us), WATCH_FLASH);
        watch_note(&with, &bad, &golden, 0);
        watch_note(&without, &bad, &plain, 0);
    }
    cr_expect_eq(watch_decide(&without, "new", &plain, NOW, 0, &until_us), WATCH_ASIDE);
    cr_expect_str_eq(without.aside, "2 tests failed");
    cr_expect_str_eq(without.quarantine, "", "the firmware is to blame");
    cr_expect_eq(watch_decide(&with, "new", &golden, NOW, 0, &until_us), WATCH_GOLDEN);
    gold = tried(VERDICT_PASS, true, NULL);
    gold.golden = true;
    watch_note(&with, &gold, &golden, 0);
    cr_expect_eq(watch_decide(&with, "new", &golden, NOW, 0, &until_us), WATCH_ASIDE);
    cr_expect_str_eq(with.aside, "2 tests failed; the golden image is on it");
    cr_expect_eq(with.verdict, VERDICT_FAIL, "the golden image does not whitewash the other");
    cr_expect_eq(watch_decide(&with, "newer", &golden, NOW, 0, &until_us), WATCH_FLASH);
    store_watched_done(&with);
    store_watched_done(&without);
}

Test(decide, what_was_never_written_needs_no_golden_image)
{
    struct store_watched known = blank();
    struct store_attempt bad = tried(VERDICT_INFRA, false, "does not fit");
    int64_t until_us;

    store_watched_set(&known.image, "old");
    for (int i = 0; i < WATCH_TRIES; i++)
        watch_note(&known, &bad, &golden, 0);
    cr_expect_str_eq(known.image, "old");
    cr_expect_eq(watch_decide(&known, "new", &golden, NOW, 0, &until_us), WATCH_ASIDE);
    cr_expect_str_eq(known.aside, "does not fit; it keeps what it had");
    cr_expect_str_eq(known.quarantine, "", "nobody has touched it");
    store_watched_done(&known);
}

Test(decide, a_golden_image_that_fails_too)
{
    struct store_watched known = blank();
    struct store_attempt bad = tried(VERDICT_INFRA, true, "no probe");

    for (int i = 0; i < WATCH_TRIES; i++)
        watch_note(&known, &bad, &golden, 0);
    cr_expect_str_eq(known.quarantine, "", "the golden image may do");
    bad.golden = true;
    watch_note(&known, &bad, &golden, 0);
    cr_expect_str_eq(known.aside, "no probe; and the golden image, too: no probe");
    cr_expect_str_eq(known.quarantine, known.aside);
    cr_expect_str_eq(known.quarantine_for, "new");
    cr_expect_not(watch_may_release(&known, "new"));
    cr_expect(watch_may_release(&known, "newer"));
    store_watched_done(&known);
}

Test(decide, a_board_that_cannot_be_flashed_goes_into_quarantine)
{
    struct store_watched known = blank(), elsewhere = blank();
    struct store_attempt bad = tried(VERDICT_INFRA, true, "no probe");

    store_watched_set(&elsewhere.quarantine, "somebody said so");
    for (int i = 0; i < WATCH_TRIES; i++) {
        cr_expect_str_eq(known.quarantine, "", "try %d", i);
        watch_note(&known, &bad, &plain, 0);
        watch_note(&elsewhere, &bad, &plain, 0);
    }
    cr_expect_str_eq(known.quarantine, "no probe");
    cr_expect_str_eq(known.quarantine_for, "new");
    cr_expect_str_eq(elsewhere.quarantine, "somebody said so");
    cr_expect_str_eq(elsewhere.quarantine_for, "", "it is theirs to release");
    store_watched_done(&known);
    store_watched_done(&elsewhere);
}
