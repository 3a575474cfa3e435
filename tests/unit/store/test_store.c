/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "engine.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each test has a state directory of its own below `work`. */
static char work[64];
static char *state, *file;

static void enter(void)
{
    snprintf(work, sizeof work, "/tmp/hil-test-store-XXXXXX");
    cr_assert_not_null(mkdtemp(work));
    cr_assert_eq(chmod(work, 0755), 0);
    state = fs_join(work, "state/hil");
    file = fs_join(state, "history.db");
    engine_conf();
}

static void leave(void)
{
    cleanup_free char *command = xasprintf("rm -rf '%s'", work);

    engine_leave();
    cr_assert_eq(system(command), 0);
    free(state);
    free(file);
}

TestSuite(store, .init = enter, .fini = leave);

static struct store *open_store(bool create)
{
    struct store *store = NULL;
    struct err err;

    cr_assert_eq(store_open(engine_conf(), state, create, &store, &err), 0, "%s", err.message);
    return store;
}

/* A run of one job with one case, as a caller would have it. */
struct sample {
    struct test_case test_case;
    struct test_suite suite;
    struct job_result job;
    struct job_result *jobs[1];
    struct run_result run;
};

static struct run_result *sample(struct sample *ret, const char *board, enum verdict verdict,
                                 int64_t took_us)
{
    *ret = (struct sample){
        .test_case = {.name = "boots", .result = CASE_PASS, .duration_us = -1},
        .suite = {.name = "", .cases = &ret->test_case, .count = 1},
        .job = {.name = "selftest",
                .board = board,
                .image = {.file = "fw.elf", .sha256 = "abc", .build_id = NULL},
                .verdict = verdict,
                .reason = "",
                .suites = &ret->suite,
                .suite_count = 1,
                .started_unix_us = 1700000000123456,
                .took_us = took_us,
                .flash_us = 10,
                .test_us = 20},
        .jobs = {&ret->job},
        .run = {.lab = "bench-a",
                .verdict = verdict,
                .jobs = ret->jobs,
                .count = 1,
                .started_unix_us = 1700000000000000,
                .took_us = took_us},
    };
    return &ret->run;
}

static void record(struct store *store, const char *board, enum verdict verdict, int64_t took_us)
{
    struct sample run;
    struct err err;

    cr_assert_eq(store_record(store, sample(&run, board, verdict, took_us), &err), 0, "%s",
                 err.message);
}

/* Asked past the module. */
static void expect_answer(const char *sql, const char *answer)
{
    cleanup_free char *said = engine_ask(file, sql);

    if (said)
        cr_assert_str_eq(said, answer);
}

Test(store, is_made_with_its_directory)
{
    struct stat info;

    if (engine_conf())
        cr_skip_test("what only a file has");
    store_close(open_store(true));
    store_close(NULL);
    cr_assert_eq(stat(state, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0755);
    expect_answer("PRAGMA journal_mode", "wal");
    expect_answer("PRAGMA user_version", "7");
    store_close(open_store(false));
}

Test(store, is_not_made_by_who_only_reads)
{
    struct store *store = NULL;
    struct err err;

    if (engine_conf())
        cr_skip_test("what only a file has");
    cr_assert_eq(store_open(NULL, state, false, &store, &err), -ERR_NOT_FOUND);
    cr_assert_null(store);
    cr_assert(str_starts(err.message, file), "%s", err.message);
    cr_assert_not(fs_exists(state));
}

Test(store, remembers_everything_of_a_job)
{
    struct store *store = open_store(true);
    struct sample run;

    sample(&run, "nucleo-3", VERDICT_FAIL, 5000000);
    run.job.reason = "1 of 1 failed";
    run.job.image.build_id = "deadbeef";
    run.test_case.result = CASE_FAIL;
    run.test_case.duration_us = 77;
    run.suite.name = "suite";
    cr_assert_eq(store_record(store, &run.run, NULL), 0);
    store_close(store);
    expect_answer("SELECT lab || ' ' || verdict || ' ' || started_us || ' ' || took_us FROM runs",
                  "bench-a fail 1700000000000000 5000000");
    expect_answer("SELECT lab || ' ' || board || ' ' || test || ' ' || image_file || ' ' || "
                  "image_sha256 || ' ' || image_build_id || ' ' || verdict || ' ' || reason || ' ' "
                  "|| started_us || ' ' || took_us || ' ' || flash_us || ' ' || test_us FROM jobs",
                  "bench-a nucleo-3 selftest fw.elf abc deadbeef fail 1 of 1 failed "
                  "1700000000123456 5000000 10 20");
    expect_answer("SELECT suite || ' ' || name || ' ' || result || ' ' || duration_us FROM cases"
                  " JOIN names ON names.id = name_id"
                  " JOIN jobs ON jobs.id = job_id JOIN runs ON runs.id = run_id",
                  "suite boots 1 77");
    expect_answer("SELECT at_us || '' || attempt || last || passed || failed || errors || skipped"
                  " FROM jobs",
                  "1700000000123456110100");
}

Test(store, what_comes_home_later_is_there_once)
{
    struct store *store = open_store(true);
    struct job_result *jobs[2], earlier = {.name = "soak"}, *before[] = {&earlier};
    struct sample first, late;
    struct err err = {0};

    sample(&first, "nucleo-3", VERDICT_PASS, 5);
    sample(&late, "nucleo-4", VERDICT_FAIL, 5);
    earlier = late.job;
    late.job.started_unix_us += 10;
    late.job.earlier = before;
    late.job.earlier_count = 1;
    jobs[0] = &first.job;
    jobs[1] = &late.job;
    cr_assert_eq(store_record(store, &first.run, &err), 0, "%s", err.message);
    late.run.jobs = jobs;
    late.run.count = 2;
    late.run.took_us = 99;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(store_record_missing(store, &late.run, &err), 0, "%s", err.message);
    late.run.origin.sha = "another commit";
    cr_assert_eq(store_record_missing(store, &late.run, &err), 0, "%s", err.message);
    store_close(store);
    expect_answer("SELECT verdict || took_us FROM runs WHERE sha IS NULL", "fail99");
    expect_answer("SELECT count(*) FROM jobs WHERE run_id = 1", "3");
    expect_answer("SELECT count(*) || '' || count(DISTINCT job_id) FROM cases JOIN jobs"
                  " ON jobs.id = job_id WHERE run_id = 1",
                  "33");
    expect_answer("SELECT sum(jobs) FROM totals", "6");
    expect_answer("SELECT count(*) FROM jobs WHERE run_id = 2", "3");
}

Test(store, what_is_not_known_is_null)
{
    struct store *store = open_store(true);
    struct sample run;

    sample(&run, NULL, VERDICT_INFRA, 1);
    run.run.lab = run.job.reason = run.job.image.file = NULL;
    cr_assert_eq(store_record(store, &run.run, NULL), 0);
    cr_assert_eq(store_duration(store, NULL, "selftest", NULL), -1); /* no good run */
    store_close(store);
    expect_answer("SELECT count(*) FROM jobs WHERE lab IS NULL AND board IS NULL AND "
                  "image_file IS NULL AND image_build_id IS NULL AND reason IS NULL",
                  "1");
    expect_answer("SELECT count(*) FROM cases WHERE duration_us IS NULL", "1");
}

/* Of a server's arrays: quotes, braces, what looks like null; more than goes into one question;
 * names that are one once they are cleaned. */
Test(store, many_cases_with_names_of_any_kind)
{
    static const char *const odd[] = {"a\"b",   "a\\b", "{a,b}", "NULL", "",  "a\001b",
                                      "a\002b", "a b",  " a",    "a,b",  "'", "\xff"};
    enum { COUNT = 2400 };
    struct test_case *cases = xcalloc(COUNT, sizeof *cases);
    struct store *store = open_store(true);
    struct sample run;
    struct err err;

    sample(&run, "nucleo-3", VERDICT_PASS, 1);
    for (size_t i = 0; i < COUNT; i++)
        cases[i] = (struct test_case){.name = i < ARRAY_SIZE(odd) ? xstrdup(odd[i])
                                                                  : xasprintf("%0600zu", i),
                                      .duration_us = i % 3 ? (int64_t)i : -1};
    run.suite = (struct test_suite){.name = "s", .cases = cases, .count = COUNT};
    for (int round = 0; round < 2; round++)
        cr_assert_eq(store_record(store, &run.run, &err), 0, "%s", err.message);
    store_close(store);
    expect_answer("SELECT count(*) FROM cases", "4800");
    expect_answer("SELECT count(*) FROM names", "2399");
    expect_answer("SELECT count(*) FROM cases JOIN names ON names.id = name_id"
                  " WHERE seq >= 12 AND CAST(name AS BIGINT) <> seq",
                  "0");
    expect_answer("SELECT count(*) FROM cases WHERE seq % 3 = 0 AND duration_us IS NULL", "1600");
    expect_answer("SELECT count(*) FROM cases WHERE seq % 3 <> 0 AND duration_us = seq", "3200");
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        if (i < 5 || (i > 6 && i < 11)) {
            cleanup_free char *sql = xasprintf("SELECT name FROM cases JOIN names ON names.id ="
                                               " name_id WHERE seq = %zu",
                                               i);
            expect_answer(sql, odd[i]);
        }
    for (size_t i = 0; i < COUNT; i++)
        free((char *)(uintptr_t)cases[i].name);
    free(cases);
}

Test(store, texts_of_a_board_are_bound_and_cleaned)
{
    struct store *store = open_store(true);
    cleanup_free char *long_name = xmalloc(5001);
    struct sample run;

    memset(long_name, 'x', 5000);
    long_name[5000] = '\0';
    sample(&run, "a'); DROP TABLE jobs; --", VERDICT_PASS, 1);
    run.test_case.name = "a\xFF\x1B\nb";
    run.suite.name = long_name;
    cr_assert_eq(store_record(store, &run.run, NULL), 0);
    store_close(store);
    expect_answer("SELECT board FROM jobs", "a'); DROP TABLE jobs; --");
    expect_answer("SELECT name FROM names", "a\xEF\xBF\xBD\xEF\xBF\xBD b");
    expect_answer("SELECT length(suite) FROM names", "1024");
}

Test(store, duration_is_the_median_of_the_last_five_good_runs)
{
    struct store *store = open_store(true);
    static const int64_t took_us[] = {900, 100, 800, 200, 700, 300, 600};

    cr_assert_eq(store_duration(store, "bench-a", "selftest", NULL), -1);
    record(store, "b", VERDICT_PASS, 42);
    cr_assert_eq(store_duration(store, "bench-a", "selftest", NULL), 42);
    for (size_t i = 0; i < ARRAY_SIZE(took_us); i++) {
        record(store, "b", VERDICT_FAIL, 1);
        record(store, "b", VERDICT_PASS, took_us[i]);
        record(store, "b", VERDICT_INFRA, 1);
    }
    cr_assert_eq(store_duration(store, "bench-a", "selftest", NULL),
                 600); /* of 800 200 700 300 600 */
    cr_assert_eq(store_duration(store, "bench-b", "selftest", NULL), -1);
    cr_assert_eq(store_duration(store, NULL, "selftest", NULL), -1);
    cr_assert_eq(store_duration(store, "bench-a", "other", NULL), -1);
    store_close(store);
}

Test(store, duration_is_that_of_the_right_boards_where_it_is_known)
{
    struct store *store = open_store(true);
    cleanup_strv struct strv slow = {0}, both = {0}, other = {0};

    strv_add(&slow, "slow");
    strv_add(&both, "fast");
    strv_add(&both, "slow");
    strv_add(&other, "new");
    record(store, "slow", VERDICT_PASS, 900);
    for (int i = 0; i < 10; i++)
        record(store, "fast", VERDICT_PASS, 100);
    cr_expect_eq(store_duration(store, "bench-a", "selftest", &slow), 900);
    cr_expect_eq(store_duration(store, "bench-a", "selftest", &both), 100);
    cr_expect_eq(store_duration(store, "bench-a", "selftest", &other), 100, "a guess");
    store_close(store);
}

Test(store, last_verdict_of_a_board)
{
    struct store *store = open_store(true);
    struct store_last last;
    struct sample run;

    cr_assert_not(store_last(store, "bench-a", "b", &last));
    record(store, "b", VERDICT_FAIL, 1);
    record(store, "c", VERDICT_PASS, 1);
    cr_assert(store_last(store, "bench-a", "b", &last));
    cr_assert_eq(last.verdict, VERDICT_FAIL);
    cr_assert_str_eq(last.test, "selftest");
    cr_assert_eq(last.unix_s, 1700000000);
    sample(&run, "b", VERDICT_INFRA, 1);
    run.job.name = "a name of more than sixty-four bytes that ends in the middle of \xC3\xBC";
    cr_assert_eq(store_record(store, &run.run, NULL), 0);
    cr_assert(store_last(store, "bench-a", "b", &last));
    cr_assert_eq(last.verdict, VERDICT_INFRA);
    cr_assert_eq(strlen(last.test), 63);
    cr_assert_not(store_last(store, "bench-b", "b", &last));
    store_close(store);
}

Test(store, a_file_that_is_no_database_is_named_and_left_alone)
{
    struct store *store = NULL;
    struct err err;
    char words[2000];

    if (engine_conf())
        cr_skip_test("what only a file has");
    memset(words, 'w', sizeof words);
    cr_assert_eq(fs_mkdirs(state, 0755, NULL), 0);
    cr_assert_eq(fs_write(file, words, sizeof words, NULL), 0);
    cr_assert_eq(store_open(NULL, state, true, &store, &err), -ERR_DATA);
    cr_assert(str_starts(err.message, file), "%s", err.message);
    cr_assert(strstr(err.message, "not a database"), "%s", err.message);
    cr_assert_null(store);
    struct stat info;
    cr_assert_eq(stat(file, &info), 0);
    cr_assert_eq(info.st_size, sizeof words);
}

Test(store, a_newer_schema_is_refused)
{
    if (engine_conf())
        cr_skip_test("what only a file has");
    struct store *store = open_store(true);
    struct err err;

    store_close(store);
    store = NULL;
    expect_answer("PRAGMA user_version = 99", "NULL");
    cr_assert_eq(store_open(NULL, state, true, &store, &err), -ERR_DATA);
    cr_assert(strstr(err.message, "its schema is 99"), "%s", err.message);
    expect_answer("PRAGMA user_version", "99");
}

Test(store, an_empty_file_is_migrated)
{
    if (engine_conf())
        cr_skip_test("what only a file has");
    cr_assert_eq(fs_mkdirs(state, 0755, NULL), 0);
    cr_assert_eq(fs_write(file, "", 0, NULL), 0);
    struct store *store = open_store(false);
    record(store, "b", VERDICT_PASS, 7);
    cr_assert_eq(store_duration(store, "bench-a", "selftest", NULL), 7);
    store_close(store);
}

Test(store, a_directory_that_cannot_be_made_is_named)
{
    cleanup_free char *below_file = fs_join(work, "file/hil");
    cleanup_free char *blocker = fs_join(work, "file");
    struct store *store = NULL;
    struct err err;

    if (engine_conf())
        cr_skip_test("what only a file has");
    cr_assert_eq(fs_write(blocker, "", 0, NULL), 0);
    cr_assert_eq(store_open(NULL, below_file, true, &store, &err), -ERR_IO);
    cr_assert(str_starts(err.message, blocker), "%s", err.message);
}

/* root may write everywhere, so another user tries; returns the child's exit code. */
static int as_nobody(int (*try)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        _exit(try());
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static int open_unwritable(void)
{
    struct store *store = NULL;
    struct err err;
    int rc = store_open(NULL, state, true, &store, &err);

    if (rc != -ERR_IO || !str_starts(err.message, work)) {
        fprintf(stderr, "%d: %s\n", rc, rc < 0 ? err.message : "");
        return 1;
    }
    return strstr(err.message, "cannot write") || strstr(err.message, "Permission denied") ? 0 : 2;
}

Test(store, a_directory_that_is_not_writable_is_named)
{
    if (engine_conf())
        cr_skip_test("what only a file has");
    cr_assert_eq(chmod(work, 0555), 0);
    cr_assert_eq(as_nobody(open_unwritable), 0);
    cr_assert_eq(chmod(work, 0755), 0);
    cr_assert_eq(fs_mkdirs(state, 0755, NULL), 0);
    cr_assert_eq(chmod(state, 0555), 0);
    cr_assert_eq(as_nobody(open_unwritable), 0);
    cr_assert_eq(chmod(state, 0755), 0);
    cr_assert_eq(fs_write(file, "", 0, NULL), 0);
    cr_assert_eq(chmod(file, 0444), 0);
    cr_assert_eq(chmod(state, 0555), 0);
    cr_assert_eq(as_nobody(open_unwritable), 0);
    cr_assert_eq(chmod(state, 0755), 0); /* for who cleans up */
}

/* ---- several processes --------------------------------------------------------------------- */

#define RUNS_EACH 40

static void record_many(void)
{
    struct store *store = NULL;
    struct sample run;
    struct err err;

    for (int i = 0; i < RUNS_EACH; i++) {
        if (store_open(engine_conf(), state, true, &store, &err) < 0) {
            fprintf(stderr, "%s\n", err.message);
            _exit(1);
        }
        if (store_record(store, sample(&run, "b", VERDICT_PASS, i), NULL) < 0)
            _exit(2);
        store_close(store);
    }
    _exit(0);
}

Test(store, processes_write_at_once)
{
    pid_t children[3];
    int status;

    for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
        children[i] = fork();
        if (children[i] == 0)
            record_many();
    }
    for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert_eq(status, 0, "exit %d", WEXITSTATUS(status));
    }
    expect_answer("SELECT count(*) FROM runs", "120");
    expect_answer("SELECT count(*) FROM cases JOIN jobs ON jobs.id = job_id", "120");
    expect_answer("PRAGMA integrity_check", "ok");
}

/* Holds the write lock, says so on `ready`, and waits to be killed. */
static void hold(int ready)
{
    sqlite3 *db;

    sqlite3_open(file, &db);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db,
                     "BEGIN IMMEDIATE; INSERT INTO runs (lab, verdict, started_us, took_us)"
                     " VALUES ('half', 'pass', 0, 0)",
                     NULL, NULL, NULL) != SQLITE_OK ||
        write(ready, "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static pid_t start_holder(void)
{
    int ready[2];
    pid_t child;
    char byte;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0)
        hold(ready[1]);
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

Test(store, a_busy_store_is_told_after_two_seconds)
{
    if (engine_conf())
        cr_skip_test("what only a file has");
    struct store *store = open_store(true);
    struct sample run;
    struct err err;
    pid_t holder = start_holder();

    cr_assert_eq(store_record(store, sample(&run, "b", VERDICT_PASS, 5), &err), -ERR_BUSY);
    cr_assert(strstr(err.message, "another process has held it"), "%s", err.message);
    cr_assert_eq(store_duration(store, "bench-a", "selftest", NULL), -1); /* reading is free */
    kill(holder, SIGKILL);
    cr_assert_eq(waitpid(holder, NULL, 0), holder);
    record(store, "b", VERDICT_PASS, 5);
    cr_assert_eq(store_duration(store, "bench-a", "selftest", NULL), 5);
    store_close(store);
}

Test(store, a_writer_killed_in_the_middle_leaves_no_trace)
{
    if (engine_conf())
        cr_skip_test("what only a file has");
    struct store *store = open_store(true);
    pid_t holder;

    record(store, "b", VERDICT_PASS, 5);
    store_close(store);
    holder = start_holder();
    kill(holder, SIGKILL);
    cr_assert_eq(waitpid(holder, NULL, 0), holder);
    store = open_store(true);
    record(store, "b", VERDICT_PASS, 7);
    store_close(store);
    expect_answer("SELECT count(*) FROM runs", "2");
    expect_answer("SELECT count(*) FROM runs WHERE lab = 'half'", "0");
    expect_answer("PRAGMA integrity_check", "ok");
}

Test(store, a_process_killed_while_it_records_leaves_whole_runs)
{
    for (int round = 0; round < 5; round++) {
        struct store *store = NULL;
        int ready[2];
        char byte;
        cr_assert_eq(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            struct sample run;
            if (store_open(engine_conf(), state, true, &store, NULL) < 0 ||
                write(ready[1], "x", 1) != 1)
                _exit(1);
            for (;;)
                store_record(store, sample(&run, "b", VERDICT_PASS, 1), NULL);
        }
        close(ready[1]);
        cr_assert_eq(read(ready[0], &byte, 1), 1);
        usleep(1000 + 1700 * (useconds_t)round); /* a different moment each time */
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        close(ready[0]);
        store = open_store(true);
        record(store, "b", VERDICT_PASS, 1);
        store_close(store);
        expect_answer("PRAGMA integrity_check", "ok");
        expect_answer("SELECT (SELECT count(*) FROM runs) - (SELECT count(*) FROM cases)", "0");
    }
}

Test(store, a_failed_record_leaves_nothing_and_the_store_usable)
{
    struct store *store = open_store(true);
    struct sample run;
    struct err err;

    sample(&run, "b", VERDICT_PASS, 5);
    run.test_case.name = NULL; /* refused by the schema after the run and the job went in */
    cr_assert_eq(store_record(store, &run.run, &err), -ERR_IO);
    cr_assert(strcasestr(err.message, "NOT NULL") || strstr(err.message, "not-null"), "%s",
              err.message);
    expect_answer("SELECT count(*) FROM runs", "0");
    record(store, "b", VERDICT_PASS, 7);
    cr_assert_eq(store_duration(store, "bench-a", "selftest", NULL), 7);
    store_close(store);
}

/* ---- quarantine ---------------------------------------------------------------------------- */

Test(store, a_board_in_quarantine_keeps_its_first_reason)
{
    struct store *store = open_store(true);
    struct store_quarantine found;
    struct err err;

    cr_expect_not(store_quarantined(store, "bench-a", "b", &found));
    cr_assert_eq(store_quarantine(store, "bench-a", "b", "no\x1b[1mtarget\nat all", 1000, &err), 0,
                 "%s", err.message);
    cr_assert_eq(store_quarantine(store, "bench-a", "b", "another", 2000, &err), 0);
    cr_assert(store_quarantined(store, "bench-a", "b", &found));
    cr_expect_eq(found.unix_s, 1000);
    cr_expect_null(strpbrk(found.reason, "\x1b\n"), "%s", found.reason);
    cr_expect(strstr(found.reason, "target"), "%s", found.reason);
    cr_expect_not(store_quarantined(store, "bench-b", "b", &found), "each lab has its own");
    store_close(store);
}

Test(store, a_release_says_whether_there_was_something_to_release)
{
    struct store *store = open_store(true);
    struct store_quarantine found;
    bool was = true;

    cr_assert_eq(store_release(store, "bench-a", "b", &was, NULL), 0);
    cr_expect_not(was);
    cr_assert_eq(store_quarantine(store, "bench-a", "b", "no target", 1000, NULL), 0);
    cr_assert_eq(store_release(store, "bench-a", "b", &was, NULL), 0);
    cr_expect(was);
    cr_expect_not(store_quarantined(store, "bench-a", "b", &found));
    store_close(store);
}

Test(store, the_last_start_of_a_test_on_a_board)
{
    struct store *store = open_store(true);
    struct sample run;

    cr_expect_eq(store_last_start_us(store, "bench-a", "b", "selftest"), 0);
    sample(&run, "b", VERDICT_PASS, 5);
    run.job.started_unix_us = 77;
    cr_assert_eq(store_record(store, &run.run, NULL), 0);
    cr_expect_eq(store_last_start_us(store, "bench-a", "b", "selftest"), 77);
    cr_expect_eq(store_last_start_us(store, "bench-a", "c", "selftest"), 0);
    cr_expect_eq(store_last_start_us(store, "bench-a", "b", "other"), 0);
    store_close(store);
}
