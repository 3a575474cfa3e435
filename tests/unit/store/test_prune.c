/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "store/history.h"
#include "store/prune.h"
#include "store/watched.h"

#include "base/fs.h"
#include "base/str.h"
#include "made.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_SIZE UINT64_MAX

static struct made_store made;

static void enter(void)
{
    made_enter(&made);
}

static void leave(void)
{
    made_leave(&made);
}

TestSuite(prune, .init = enter, .fini = leave);

static uint64_t prune(const char *lab, int64_t keep_us, uint64_t max_bytes, int64_t now_us,
                      bool all)
{
    struct store_conf limits = {.keep_ms = keep_us / 1000, .max_bytes = max_bytes};
    uint64_t runs = 99;
    struct err err = {0};

    cr_assert_eq(store_prune(made.store, lab, &limits, now_us, all, &runs, &err), 0, "%s",
                 err.message);
    return runs;
}

Test(prune, what_is_older_goes_with_all_that_belongs_to_it)
{
    for (int day = 0; day < 10; day++) {
        cleanup_free char *cases = xasprintf("always:pass day%d:pass", day);
        made_simple(made.store, MADE_BEGAN + day * MADE_DAY, "a", "1", cases);
        store_event(made.store, "recovery", "bench", "a", "", MADE_BEGAN + day * MADE_DAY, NULL);
    }
    store_quarantine(made.store, "bench", "a", "no target", MADE_BEGAN / 1000000, NULL);
    cr_expect_eq(prune("another", MADE_DAY, NO_SIZE, MADE_BEGAN + 100 * MADE_DAY, false), 0);
    cr_expect_eq(prune("bench", 3 * MADE_DAY, NO_SIZE, MADE_BEGAN + 10 * MADE_DAY, false), 7);
    made_expect(&made, "SELECT count(*) || ' ' || min(name) || ' ' || max(name) FROM names",
                "4 always day9");
    made_expect(&made, "SELECT count(*) FROM jobs", "3");
    made_expect(&made, "SELECT count(*) FROM cases", "6");
    made_expect(&made, "SELECT count(*) FROM events", "3");
    made_expect(&made, "SELECT count(*) FROM quarantine", "1");
    cr_expect_eq(prune("bench", 3 * MADE_DAY, NO_SIZE, MADE_BEGAN + 10 * MADE_DAY, false), 0);
    cr_expect_eq(prune("bench", MADE_DAY, NO_SIZE, MADE_BEGAN + 100 * MADE_DAY, false), 2,
                 "the newest run stays");
    made_expect(&made, "SELECT count(*) FROM pragma_foreign_key_check", "0");
}

Test(prune, attempts_of_watch_go_with_their_age)
{
    struct store_attempt attempt = {.lab = "bench", .board = "a", .image = "1"};
    int64_t id;

    made_simple(made.store, MADE_BEGAN, "a", "1", "x:pass");
    attempt.started_us = MADE_BEGAN;
    store_attempt_begin(made.store, &attempt, &id, NULL);
    attempt.started_us = MADE_BEGAN + MADE_DAY;
    store_attempt_begin(made.store, &attempt, &id, NULL);
    prune("bench", MADE_DAY, NO_SIZE, MADE_BEGAN + MADE_DAY + MADE_HOUR, false);
    made_expect(&made, "SELECT min(id) || '-' || max(id) FROM attempts", "2-2");
}

/* Runs of so many cases that a few dozen of them are a MiB. */
static void fill(int runs)
{
    struct buf cases = BUF_INIT(1 << 20);

    for (int i = 0; i < 1000; i++)
        buf_addf(&cases, "%scase%d:pass", i ? " " : "", i);
    for (int run = 0; run < runs; run++)
        made_simple(made.store, MADE_BEGAN + run * MADE_HOUR, "a", "1", cases.data);
    buf_done(&cases);
}

static int64_t file_size(void)
{
    struct stat info;

    cr_assert_eq(stat(made.file, &info), 0);
    return info.st_size;
}

Test(prune, what_is_too_much_goes_the_oldest_first)
{
    int64_t before, after;
    uint64_t gone;

    if (engine_conf())
        cr_skip_test("what only a file has");
    fill(60);
    prune("bench", MADE_DAY * 365, NO_SIZE, MADE_BEGAN, true); /* all of it into the file */
    before = file_size();
    cr_assert_gt(before, 700000);
    gone = prune("bench", MADE_DAY * 365, 500000, MADE_BEGAN, false);
    cr_expect_gt(gone, 10);
    cr_expect_lt(gone, 60);
    cleanup_free char *left = xasprintf("%d", 60 - (int)gone);
    cleanup_free char *first = xasprintf("%d", 1 + (int)gone);
    made_expect(&made, "SELECT count(*) FROM runs", left);
    made_expect(&made, "SELECT min(id) FROM runs", first);
    cr_expect_eq(prune("bench", MADE_DAY * 365, 500000, MADE_BEGAN, false), 0, "once is enough");
    prune("bench", MADE_DAY * 365, 500000, MADE_BEGAN, true);
    after = file_size();
    cr_expect_lt(after, 500000, "%lld", (long long)after);
}

Test(prune, one_end_of_a_run_does_a_bounded_part)
{
    struct buf cases = BUF_INIT(64 << 20);

    if (engine_conf())
        cr_skip_test("350,000 cases one by one");
    for (int i = 0; i < 70000; i++)
        buf_addf(&cases, "%sc%d:pass", i ? " " : "", i);
    for (int run = 0; run < 5; run++)
        made_simple(made.store, MADE_BEGAN + run * MADE_HOUR, "a", "1", cases.data);
    buf_done(&cases);
    cr_expect_eq(prune("bench", MADE_DAY, NO_SIZE, MADE_BEGAN + 10 * MADE_DAY, false), 3);
    cr_expect_eq(prune("bench", MADE_DAY, NO_SIZE, MADE_BEGAN + 10 * MADE_DAY, false), 1);
}

/* ---- what is left after a kill, and on a full disk ------------------------------------------ */

static void reopen(void)
{
    store_close(made.store);
    made.store = NULL;
    cr_assert_eq(store_open(engine_conf(), made.dir, true, &made.store, NULL), 0);
}

static void expect_whole(void)
{
    made_expect(&made, "PRAGMA integrity_check", "ok");
    made_expect(&made, "SELECT count(*) FROM runs WHERE id NOT IN (SELECT run_id FROM jobs)", "0");
    made_expect(&made, "SELECT count(*) FROM jobs WHERE run_id NOT IN (SELECT id FROM runs)", "0");
    made_expect(&made, "SELECT count(*) FROM cases WHERE job_id NOT IN (SELECT id FROM jobs)", "0");
    made_expect(&made, "SELECT count(*) FROM cases WHERE name_id NOT IN (SELECT id FROM names)",
                "0");
    made_expect(&made,
                "SELECT count(*) FROM jobs WHERE passed <> (SELECT count(*) FROM cases"
                " WHERE job_id = jobs.id)",
                "0");
}

Test(prune, a_kill_in_the_middle_leaves_whole_runs)
{
    struct store_conf limits = {.keep_ms = MADE_DAY / 1000, .max_bytes = NO_SIZE};

    fill(40);
    for (int round = 0; round < 4; round++) {
        int ready[2];
        char byte;
        cr_assert_eq(pipe(ready), 0);
        store_close(made.store);
        made.store = NULL;
        pid_t child = fork();
        if (child == 0) {
            if (store_open(engine_conf(), made.dir, true, &made.store, NULL) < 0 ||
                write(ready[1], "x", 1) != 1)
                _exit(1);
            for (;;) { /* one run goes, one comes */
                store_prune(made.store, "bench", &limits, MADE_BEGAN + 30 * MADE_HOUR, false, NULL,
                            NULL);
                fill(10);
            }
        }
        close(ready[1]);
        cr_assert_eq(read(ready[0], &byte, 1), 1);
        usleep(500 + 2300 * (useconds_t)round); /* a different moment each time */
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        close(ready[0]);
        cr_assert_eq(store_open(engine_conf(), made.dir, true, &made.store, NULL), 0);
        expect_whole();
    }
}

/* Records until it is refused; the exit code is 0 where that was said as it should be. */
static int record_until_full(void)
{
    struct test_case cases[500];
    struct test_suite suite = {.name = "", .cases = cases, .count = ARRAY_SIZE(cases)};
    struct job_result job = {
        .name = "selftest", .board = "a", .suites = &suite, .suite_count = 1, .reason = ""};
    struct job_result *jobs[] = {&job};
    struct run_result run = {.lab = "bench", .jobs = jobs, .count = 1};
    struct store *store = NULL;
    struct err err = {0};
    int recorded = 0;

    if (store_open(engine_conf(), made.dir, true, &store, &err) < 0)
        return 10;
    for (; recorded < 10000; recorded++) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
            cases[i] = (struct test_case){.name = xasprintf("run%d.case%zu", recorded, i)};
        int rc = store_record(store, &run, &err);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
            free((char *)(uintptr_t)cases[i].name);
        if (rc < 0)
            break;
    }
    store_close(store);
    if (!recorded || recorded == 10000 || err.code != ERR_IO || !strstr(err.message, made.file)) {
        fprintf(stderr, "%d recorded: %s\n", recorded, err.message);
        return 11;
    }
    return 0;
}

static int on_a_limited_file(void)
{
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20}) < 0)
        return 12;
    return record_until_full();
}

static int run_child(int (*work)(void))
{
    int status;
    pid_t child;

    store_close(made.store); /* its handle does not live through a fork */
    made.store = NULL;
    child = fork();
    if (child == 0)
        _exit(work());
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

Test(prune, a_file_that_may_not_grow_keeps_what_it_has)
{
    if (engine_conf())
        cr_skip_test("what only a file has");
    cr_assert_eq(run_child(on_a_limited_file), 0);
    reopen();
    expect_whole();
    made_simple(made.store, MADE_BEGAN, "a", "1", "x:pass");
    expect_whole();
}

/* A disk of its own, which becomes full, and then has room again. */
static int on_a_small_disk(void)
{
    cleanup_free char *other = fs_join(made.dir, "other");
    static const char bytes[512 << 10];

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("hil-test", made.dir, "tmpfs", 0, "size=2m") < 0)
        return 77;
    if (fs_write(other, bytes, sizeof bytes, NULL) < 0)
        return 20;
    int rc = record_until_full();
    if (rc)
        return rc;
    expect_whole();
    if (unlink(other) < 0 || store_open(engine_conf(), made.dir, false, &made.store, NULL) < 0)
        return 21;
    made_simple(made.store, MADE_BEGAN, "a", "1", "x:pass");
    prune("bench", MADE_DAY, NO_SIZE, MADE_BEGAN + MADE_DAY * 7, false);
    made_simple(made.store, MADE_BEGAN + MADE_DAY * 7, "a", "1", "x:pass");
    expect_whole();
    store_close(made.store);
    return 0;
}

Test(prune, a_full_disk_is_told_and_with_room_again_it_goes_on)
{
    int rc;

    if (engine_conf())
        cr_skip_test("what only a file has");
    rc = run_child(on_a_small_disk);
    reopen();
    if (rc == 77)
        cr_skip_test("mounts need root");
    cr_expect_eq(rc, 0, "%d", rc);
}
