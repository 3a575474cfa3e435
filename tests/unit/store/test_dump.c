/* SPDX-License-Identifier: MIT */
#include "store/dump.h"

#include "base/fs.h"
#include "base/str.h"
#include "made.h"
#include "store/identities.h"
#include "store/rigged.h"
#include "store/spool.h"
#include "store/watched.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `made` is of the engine that the tests run on; `other` is a file's, in memory. */
static struct made_store made;
static struct store *other;

static void enter(void)
{
    made_enter(&made);
    cr_assert_eq(store_scratch(&other, NULL), 0);
}

static void leave(void)
{
    store_close(other);
    made_leave(&made);
}

TestSuite(dump, .init = enter, .fini = leave);

static char *export_of(struct store *store)
{
    cleanup_free char *path = fs_join(made.dir, "export");
    cleanup_buf struct buf bytes = BUF_INIT(1 << 24);
    struct fs_draft draft;
    struct err err = {0};
    uint64_t rows;

    cr_assert_eq(fs_draft_open(&draft, path, &err), 0);
    cr_assert_eq(store_export(store, draft.fd, path, &rows, &err), 0, "%s", err.message);
    cr_assert_eq(fs_draft_commit(&draft, &err), 0);
    cr_assert_eq(fs_read(path, &bytes, &err), 0);
    return buf_steal(&bytes);
}

static int import_of(struct store *store, const char *text, uint64_t *ret, struct err *err)
{
    FILE *file = tmpfile();
    int rc;

    cr_assert(fwrite(text, 1, strlen(text), file) == strlen(text) && fflush(file) == 0);
    cr_assert_eq(lseek(fileno(file), 0, SEEK_SET), 0);
    rc = store_import(store, fileno(file), "x.jsonl", ret, err);
    fclose(file);
    return rc;
}

static void draw(struct store *store, const char *pool, enum pool_kind kind, const char *range,
                 const char *board)
{
    cleanup_strv struct strv items = {0};
    struct pool_wish wish = {.pool = pool};
    struct store_identity drawn = {0};
    struct pool_imported added;
    struct err err = {0};

    strv_add(&items, range);
    cr_assert_eq(store_pool_import(store, pool, kind, &items, true, &added, &err), 0, "%s",
                 err.message);
    cr_assert_eq(store_pool_draw(store, &wish, 1, board, 5, &drawn, &err), 0, "%s", err.message);
    store_identity_done(&drawn);
}

static void fill(struct store *store)
{
    const struct store_rigged rigged = {.lab = "bench", .board = "r1", .slot = 3, .started_us = 8};
    const struct store_attempt attempt = {.lab = "bench",
                                          .board = "a",
                                          .image = "sha256:1",
                                          .started_us = 5,
                                          .wrote = true,
                                          .run = 2};
    struct store_watched after;
    struct err err = {0};
    int64_t id;

    made_simple(store, MADE_BEGAN, "a", "1", "uart.echo:pass boots:pass");
    made_simple(store, MADE_BEGAN + MADE_HOUR, "b", "1", "uart.echo:fail boots:skip");
    cr_assert_eq(store_quarantine(store, "bench", "b", "broken \"q\" \\", 1700000000, &err), 0);
    cr_assert_eq(store_carries(store, "bench", "a", "abc", "fw.elf", 77, &err), 0);
    cr_assert_eq(store_event(store, "flash", "bench", NULL, "l\xc3\xa4uft", 99, &err), 0);
    cr_assert_eq(store_watched(store, "bench", "a", 0, &after, &err), 0);
    store_watched_set(&after.image, "sha256:1");
    after.flashed_us = 7;
    cr_assert_eq(store_attempt_begin(store, &attempt, &id, &err), 0);
    cr_assert_eq(store_attempt_end(store, id, &attempt, &after, &err), 0, "%s", err.message);
    store_watched_done(&after);
    cr_assert_eq(store_rigged_begin(store, &rigged, &id, &err), 0);
    draw(store, "serials", POOL_SERIAL, "S100000000000000001-S100000000000000009", "r1");
}

Test(dump, there_and_back_is_the_same)
{
    struct store *third;
    uint64_t rows = 0;
    struct err err = {0};

    fill(made.store);
    cleanup_free char *first = export_of(made.store);
    cr_assert_eq(import_of(other, first, &rows, &err), 0, "%s", err.message);
    cleanup_free char *second = export_of(other);
    cr_expect_str_eq(first, second);
    cr_assert_eq(store_scratch(&third, NULL), 0);
    cr_assert_eq(import_of(third, second, &rows, &err), 0, "%s", err.message);
    cleanup_free char *fourth = export_of(third);
    cr_expect_str_eq(first, fourth);
    store_close(third);
}

Test(dump, what_comes_again_adds_nothing)
{
    bool was;
    uint64_t rows = 0;
    struct err err = {0};
    struct store_quarantine quarantine;

    fill(other);
    cleanup_free char *text = export_of(other);
    cr_assert_eq(import_of(made.store, text, &rows, &err), 0, "%s", err.message);
    cr_expect_gt(rows, 10);
    cleanup_free char *once = export_of(made.store);
    cr_expect_str_eq(once, text);
    cr_assert_eq(store_release(made.store, "bench", "b", &was, &err), 0);
    made_simple(made.store, MADE_BEGAN + 2 * MADE_HOUR, "a", "2", "uart.echo:pass");
    cleanup_free char *before = export_of(made.store);
    cr_assert_eq(import_of(made.store, text, &rows, &err), 0, "%s", err.message);
    cleanup_free char *after = export_of(made.store);
    cr_expect_str_eq(before, after);
    cr_expect(!store_quarantined(made.store, "bench", "b", &quarantine), "it was released since");
}

/* As of tests that a server kept: one run is told in pieces, each in a file of its own. */
Test(dump, a_run_that_comes_in_pieces_is_one)
{
    struct made_job one = {.board = "a", .test = "x", .cases = "boots:pass"};
    struct made_job two[] = {{.board = "b", .test = "x", .cases = "boots:fail", .last_of = false},
                             {.board = "c", .test = "x", .cases = "boots:pass"}};
    uint64_t rows = 0;
    struct err err = {0};

    two[0].verdict = VERDICT_FAIL;
    made_run(made.store, MADE_BEGAN, &one, 1);
    made_run(other, MADE_BEGAN, two, 2);
    cleanup_free char *text = export_of(other);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(import_of(made.store, text, &rows, &err), 0, "%s", err.message);
    made_expect(&made, "SELECT count(*) FROM runs", "1");
    made_expect(&made, "SELECT verdict || took_us FROM runs", "fail2000000");
    made_expect(&made, "SELECT count(*) FROM jobs WHERE run_id = 1", "3");
    made_expect(&made, "SELECT count(DISTINCT job_id) FROM cases", "3");
    made_expect(&made, "SELECT sum(jobs) FROM totals", "3");
}

Test(dump, of_two_hosts_becomes_one)
{
    uint64_t rows = 0;
    struct err err = {0};

    made_simple(made.store, MADE_BEGAN, "a", "1", "x.one:pass boots:fail");
    made_simple(other, MADE_BEGAN + 1, "b", "1", "boots:pass x.two:error");
    cleanup_free char *text = export_of(other);
    cr_assert_eq(import_of(made.store, text, &rows, &err), 0, "%s", err.message);
    made_expect(&made, "SELECT count(*) FROM runs", "2");
    made_expect(&made, "SELECT count(*) FROM names", "3");
    made_expect(&made,
                "SELECT count(*) FROM cases c JOIN jobs j ON j.id = job_id JOIN names n"
                " ON n.id = name_id WHERE board = 'b' AND name = 'two' AND result = 2",
                "1");
    made_expect(&made, "SELECT sum(jobs) FROM totals", "2");
}

Test(dump, an_identity_is_given_once)
{
    struct err err = {0};
    uint64_t rows;

    draw(made.store, "macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:0f", "yours");
    draw(other, "macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:0f", "mine");
    cleanup_free char *text = export_of(other);
    cleanup_free char *before = export_of(made.store);
    cr_expect_eq(import_of(made.store, text, &rows, &err), -ERR_DATA);
    cleanup_free char *after = export_of(made.store);
    cr_expect_str_eq(before, after, "nothing of it is kept");
}

Test(dump, what_is_broken_is_refused_as_a_whole)
{
    static const char run[] = "{\"hil-store\":1}\n{\"table\":\"runs\",\"columns\":[\"id\",\"lab\","
                              "\"verdict\",\"started_us\",\"took_us\"]}\n[1,\"l\",\"pass\",1,2]\n";
    static const struct {
        const char *more, *why;
    } rows[] = {{"", "cut short"},
                {"{\"end\":2}\n", "missing"},
                {"[1,\"l\",\"pass\",1,2]\n{\"end\":2}\n", "do not grow"},
                {"[2,\"l\",\"pass\",1]\n", "too few"},
                {"[2,\"l\",\"pass\",1,2,3]\n", "too many"},
                {"[2,\"l\",\"pass\",1.5,2]\n", "wrong kind"},
                {"[2,7,\"pass\",1,2]\n", "wrong kind"},
                {"{\"table\":\"cases\",\"columns\":[\"job_id\"]}\n[1]\n", "not there"},
                {"nonsense\n", "x.jsonl:4"},
                {"{\"end\":1}\n[]\n", "after its end"}};
    struct err err = {0};
    uint64_t count;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *text = xasprintf("%s%s", run, rows[i].more);
        cr_expect_eq(import_of(made.store, text, &count, &err), -ERR_DATA, "%zu", i);
        cr_expect(strstr(err.message, rows[i].why), "%zu: %s", i, err.message);
    }
    made_expect(&made, "SELECT count(*) FROM runs", "0");
    cleanup_free char *good = xasprintf("%s{\"table\":\"newer\",\"columns\":[\"x\"]}\n[{}]\n"
                                        "{\"end\":2}\n",
                                        run);
    cr_expect_eq(import_of(made.store, good, &count, &err), 0, "%s", err.message);
    cr_expect_eq(import_of(made.store, "{}\n", &count, &err), -ERR_DATA);
}

/* ---- the spool ------------------------------------------------------------------------------- */

static void keep(int64_t at_us, const char *board)
{
    struct store *scratch;
    struct err err = {0};

    cr_assert_eq(store_scratch(&scratch, &err), 0);
    made_simple(scratch, at_us, board, "1", "boots:pass");
    cr_assert_eq(spool_keep(made.dir, "bench", scratch, &err), 0, "%s", err.message);
    store_close(scratch);
}

Test(dump, spooled_runs_come_in_their_order_and_once)
{
    cleanup_free char *dir = fs_join(made.dir, "spool/bench");
    cleanup_free char *copy = fs_join(dir, "99999999999999999999-1-00000000.jsonl");
    cleanup_free char *bad = fs_join(dir, "00000000000000000000-1-00000000.jsonl");
    struct spool_waiting waiting;
    struct err err = {0};
    struct store_last last;
    struct store *empty;
    size_t sent;

    keep(MADE_BEGAN, "a");
    keep(MADE_BEGAN + MADE_HOUR, "b");
    cr_assert_eq(store_scratch(&empty, &err), 0);
    cr_assert_eq(spool_keep(made.dir, "bench", empty, &err), 0);
    made_simple(empty, MADE_BEGAN, "a", "1", "boots:pass");
    cleanup_free char *again = export_of(empty); /* as if it had not been removed */
    store_close(empty);
    cr_assert_eq(fs_write(copy, again, strlen(again), &err), 0);
    cr_assert_eq(fs_write(bad, "junk\n", 5, &err), 0);
    spool_look(made.dir, "bench", &waiting);
    cr_expect_eq(waiting.files, 4);
    cr_assert_eq(spool_send(made.dir, "bench", made.store, 0, &sent, &err), 0);
    cr_expect_eq(sent, 0, "no time");
    cr_assert_eq(spool_send(made.dir, "bench", made.store, 60000, &sent, &err), 0, "%s",
                 err.message);
    spool_look(made.dir, "bench", &waiting);
    cr_expect_eq(waiting.files, 0);
    cr_expect_eq(waiting.bad, 1);
    made_expect(&made, "SELECT count(*) FROM runs", "2");
    made_expect(&made, "SELECT board FROM jobs ORDER BY id DESC LIMIT 1", "b");
    cr_expect(store_last(made.store, "bench", "a", &last) && last.verdict == VERDICT_PASS);
}
