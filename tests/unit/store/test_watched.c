/* SPDX-License-Identifier: MIT */
#include "store/watched.h"

#include "engine.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>

static char *state;
static struct store *store;

static void enter(void)
{
    struct err err;

    cr_assert_eq(fs_temp_dir(&state, &err), 0);
    cr_assert_eq(store_open(engine_conf(), state, true, &store, &err), 0, "%s", err.message);
}

static void leave(void)
{
    store_close(store);
    engine_leave();
    fs_remove_tree(state);
    free_pointer(&state);
}

TestSuite(watched, .init = enter, .fini = leave);

static struct store_watched read_board(const char *board, int64_t since_us)
{
    struct store_watched known;

    cr_assert_eq(store_watched(store, "bench", board, since_us, &known, NULL), 0);
    return known;
}

static int64_t begin(const char *board, int64_t started_us)
{
    int64_t id = 0;

    cr_assert_eq(store_attempt_begin(store,
                                     &(struct store_attempt){.lab = "bench",
                                                             .board = board,
                                                             .image = "sha256:1",
                                                             .image_sha256 = "1",
                                                             .started_us = started_us},
                                     &id, NULL),
                 0);
    return id;
}

static void end(int64_t id, const char *board, bool wrote, const struct store_watched *after)
{
    struct err err;

    cr_assert_eq(store_attempt_end(
                     store, id,
                     &(struct store_attempt){
                         .lab = "bench", .board = board, .verdict = after->verdict, .wrote = wrote},
                     after, &err),
                 0, "%s", err.message);
}

Test(watched, a_board_that_was_never_seen)
{
    struct store_watched known = read_board("a", 0);

    cr_expect_not(known.known);
    cr_expect_str_eq(known.image, "");
    cr_expect_str_eq(known.aside, "");
    cr_expect_eq(known.flashes, 0);
    store_watched_done(&known);
}

Test(watched, what_was_written_is_read_back)
{
    struct store_watched after = read_board("a", 0), known, other;

    store_watched_set(&after.image, "sha256:1");
    store_watched_set(&after.image_sha256, "1");
    store_watched_set(&after.tag, "v1");
    store_watched_set(&after.failed, "sha256:2");
    store_watched_set(&after.reason, "no probe");
    store_watched_set(&after.aside, "left alone");
    after.failures = 3;
    after.retry_us = 1234;
    after.verdict = VERDICT_FAIL;
    end(begin("a", 50), "a", true, &after);
    known = read_board("a", 0);
    other = read_board("b", 0);
    cr_expect(known.known);
    cr_expect_str_eq(known.image, "sha256:1");
    cr_expect_str_eq(known.tag, "v1");
    cr_expect_str_eq(known.failed, "sha256:2");
    cr_expect_str_eq(known.reason, "no probe");
    cr_expect_str_eq(known.aside, "left alone");
    cr_expect_eq(known.failures, 3);
    cr_expect_eq(known.retry_us, 1234);
    cr_expect_eq(known.verdict, VERDICT_FAIL);
    cr_expect_not(other.known);
    cr_assert_eq(store_watched_forget(store, "bench", "a", NULL), 0);
    store_watched_done(&known);
    known = read_board("a", 0);
    cr_expect_str_eq(known.failed, "");
    cr_expect_str_eq(known.aside, "");
    cr_expect_eq(known.failures, 0);
    cr_expect_str_eq(known.image, "sha256:1", "what it carries is not forgotten");
    cr_expect_eq(store_watched_forget(store, "bench", "b", NULL), -ERR_NOT_FOUND);
    store_watched_done(&known);
    store_watched_done(&other);
    store_watched_done(&after);
}

Test(watched, flashes_are_counted_from_their_beginning)
{
    struct store_watched after = read_board("a", 0), known;

    begin("a", 100); /* one that never ended */
    end(begin("a", 200), "a", false, &after);
    end(begin("a", 300), "a", true, &after);
    begin("b", 300);
    known = read_board("a", 0);
    cr_expect_eq(known.flashes, 2);
    cr_expect_eq(known.first_us, 100);
    store_watched_done(&known);
    known = read_board("a", 101);
    cr_expect_eq(known.flashes, 1);
    cr_expect_eq(known.first_us, 300);
    store_watched_done(&known);
    store_watched_done(&after);
}

static bool overwritten(void)
{
    struct store_watched known = read_board("a", 0);
    bool was = known.overwritten;

    store_watched_done(&known);
    return was;
}

Test(watched, others_that_write_onto_the_board_are_noticed)
{
    struct store_watched after = read_board("a", 0);

    store_watched_set(&after.image_sha256, "1");
    end(begin("a", 100), "a", true, &after);
    cr_expect_not(overwritten(), "nobody has said a word");
    store_carries(store, "bench", "a", "1", "fw.elf", 100, NULL);
    cr_expect_not(overwritten());
    store_carries(store, "bench", "a", "2", "ci.elf", 200, NULL);
    cr_expect(overwritten());
    store_carries(store, "bench", "a", "1", "fw.elf", 150, NULL);
    cr_expect(overwritten(), "that is older");
    store_carries(store, "other", "a", "1", "fw.elf", 300, NULL);
    cr_expect(overwritten(), "another lab");
    store_carries(store, "bench", "a", "1", "fw.elf", 200, NULL);
    cr_expect_not(overwritten());
    store_carries(store, "bench", "a", NULL, NULL, 300, NULL);
    cr_expect(overwritten(), "nobody knows what it has");
    store_watched_done(&after);
}

Test(watched, a_board_that_is_given_up_goes_into_quarantine_with_the_attempt)
{
    struct store_watched after = read_board("a", 0), known;
    struct store_quarantine quarantine;
    bool was = false;

    after.verdict = VERDICT_INFRA;
    store_watched_set(&after.quarantine, "no probe");
    store_watched_set(&after.quarantine_for, "sha256:1");
    end(begin("a", 100), "a", true, &after);
    cr_assert(store_quarantined(store, "bench", "a", &quarantine));
    cr_expect_str_eq(quarantine.reason, "no probe");
    known = read_board("a", 0);
    cr_expect_str_eq(known.quarantine, "no probe");
    cr_expect_str_eq(known.quarantine_for, "sha256:1");
    store_watched_done(&known);
    cr_assert_eq(store_release(store, "bench", "a", &was, NULL), 0);
    cr_assert(was);
    cr_assert_eq(store_quarantine(store, "bench", "a", "somebody said so", 5, NULL), 0);
    end(begin("a", 200), "a", true, &after);
    known = read_board("a", 0);
    cr_expect_str_eq(known.quarantine, "somebody said so", "the first reason stays");
    cr_expect_str_eq(known.quarantine_for, "", "so it is theirs");
    store_watched_done(&known);
    store_watched_done(&after);
}

Test(watched, images_that_are_held_back)
{
    struct store_watched after = read_board("a", 0);
    cleanup_strv struct strv boards = {0}, reasons = {0};

    end(begin("b", 100), "b", true, &after);
    store_watched_set(&after.aside, "2 tests failed");
    end(begin("a", 100), "a", true, &after);
    store_watched_aside(store, "bench", &boards, &reasons);
    cr_assert_eq(boards.count, 1);
    cr_expect_str_eq(boards.items[0], "a");
    cr_expect_str_eq(reasons.items[0], "2 tests failed");
    store_watched_done(&after);
}

Test(watched, the_last_job_is_one_that_began_since)
{
    struct job_result job = {
        .name = "t", .board = "a", .reason = "why", .took_us = 1, .started_unix_us = 500};
    struct job_result *jobs[] = {&job};
    struct run_result run = {.lab = "bench", .jobs = jobs, .count = 1, .started_unix_us = 400};
    struct store_job found;

    cr_assert_eq(store_record(store, &run, NULL), 0);
    cr_expect_not(store_last_job(store, "bench", "a", 501, &found));
    cr_assert(store_last_job(store, "bench", "a", 500, &found));
    cr_expect_str_eq(found.reason, "why");
    cr_expect_eq(found.run, 1);
    store_job_done(&found);
}
