/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/str.h"
#include "result/name_map.h"
#include "store/parts.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

struct inserts {
    struct statement *run, *job, *total;
    struct statement *name, *test_case;                       /* of a server: many at once */
    struct statement *find_name, *new_name, *seen, *one_case; /* of a file */
    struct statement *find_job; /* where only what is missing is wanted; else NULL */
    struct name_map named;      /* what was said of in this run; keys are in the arena */
    struct arena arena;
};

static void inserts_done(struct inserts *inserts)
{
    statement_free(inserts->run);
    statement_free(inserts->job);
    statement_free(inserts->test_case);
    statement_free(inserts->name);
    statement_free(inserts->find_name);
    statement_free(inserts->new_name);
    statement_free(inserts->seen);
    statement_free(inserts->one_case);
    statement_free(inserts->find_job);
    statement_free(inserts->total);
    name_map_done(&inserts->named);
    arena_done(&inserts->arena);
}

static int prepare_inserts(struct store *store, struct inserts *ret, struct err *err)
{
    const struct {
        struct statement **statement;
        const char *sql;
    } all[] = {
        {&ret->run, "INSERT INTO runs (lab, verdict, started_us, took_us, repository, sha, ref,"
                    " describe, url) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
        {&ret->job,
         "INSERT INTO jobs (run_id, lab, board, test, image_file, image_sha256, image_build_id,"
         " verdict, reason, blame, started_us, at_us, took_us, flash_us, test_us, attempt, last,"
         " passed, failed, errors, skipped, flaky)"
         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
        {&ret->test_case, "INSERT INTO cases (job_id, name_id, seq, result, duration_us)"
                          " SELECT r.job, n.id, r.seq, r.result, nullif(r.took, -1)"
                          " FROM rows(job, suite, name, seq, result, took)"
                          " JOIN names n ON n.suite = r.suite AND n.name = r.name"},
        {&ret->name,
         "INSERT INTO names (suite, name, seen_day) SELECT r.suite, r.name, r.day"
         " FROM rows(suite, name, day) LEFT JOIN names n ON n.suite = r.suite AND n.name = r.name"
         " WHERE n.id IS NULL OR n.seen_day < r.day"
         " ON CONFLICT (suite, name) DO UPDATE SET seen_day = excluded.seen_day"},
        {&ret->one_case, "INSERT INTO cases (job_id, name_id, seq, result, duration_us)"
                         " VALUES (?, ?, ?, ?, nullif(?, -1))"},
        {&ret->find_name, "SELECT id, seen_day FROM names WHERE suite = ? AND name = ?"},
        {&ret->new_name, "INSERT INTO names (suite, name, seen_day) VALUES (?, ?, ?)"},
        {&ret->seen, "UPDATE names SET seen_day = ? WHERE id = ?"},
        {&ret->total, "INSERT INTO totals VALUES (ifnull(?, ''), ?, ?, 1, ?)"
                      " ON CONFLICT (lab, board, verdict) DO UPDATE"
                      " SET jobs = totals.jobs + 1, took_us = totals.took_us + excluded.took_us"},
    };
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(all) && rc == 0; i++)
        rc = db_prepare(store->db, all[i].sql, all[i].statement, err);
    return rc;
}

/* What is done with each case of a job, in their order. */
struct cases {
    struct store *store;
    struct inserts *inserts;
    int64_t job_id, day, seq;
    struct err *err;
};

static int each_case(struct cases *cases, const struct job_result *job,
                     int (*take)(struct cases *cases, const char *suite,
                                 const struct test_case *test_case))
{
    int rc = 0;

    cases->seq = 0;
    for (size_t i = 0; i < job->suite_count; i++)
        for (size_t j = 0; rc == 0 && j < job->suites[i].count; j++, cases->seq++)
            rc = take(cases, job->suites[i].name, &job->suites[i].cases[j]);
    return rc;
}

/* Names come again with each attempt and each run. What they are kept by is written at most once a
 * day. */
static int name_far(struct cases *cases, const char *suite, const struct test_case *test_case)
{
    struct inserts *inserts = cases->inserts;
    cleanup_free char *suite_name = store_clean(suite), *name = store_clean(test_case->name);
    cleanup_free char *key = xasprintf("%s\n%s", suite_name, name); /* as the database knows it */
    struct name_slot *slot = name_map_at(&inserts->named, key, strlen(key));

    if (slot->value)
        return 0;
    slot->name = arena_strdup(&inserts->arena, key);
    slot->value = 1;
    return store_add(inserts->name, cases->err, "ssi", suite_name, name, cases->day);
}

static int case_far(struct cases *cases, const char *suite, const struct test_case *test_case)
{
    return store_add(cases->inserts->test_case, cases->err, "issiii", cases->job_id, suite,
                     test_case->name, cases->seq, (int64_t)test_case->result,
                     test_case->duration_us);
}

static int record_cases_far(struct cases *cases, const struct job_result *job)
{
    int rc = each_case(cases, job, name_far);

    if (rc == 0)
        rc = statement_flush(cases->inserts->name, cases->err);
    if (rc == 0)
        rc = each_case(cases, job, case_far);
    return rc < 0 ? rc : statement_flush(cases->inserts->test_case, cases->err);
}

/* A file answers at once: a question a case costs less than to tell what was asked already. */
static int intern(struct cases *cases, const char *suite, const char *name, int64_t *ret_id)
{
    struct inserts *inserts = cases->inserts;
    int64_t seen = 0;
    int rc;

    store_bind_text(inserts->find_name, 1, suite);
    store_bind_text(inserts->find_name, 2, name);
    rc = statement_step(inserts->find_name, cases->err);
    if (rc == 1) {
        *ret_id = statement_int(inserts->find_name, 0);
        seen = statement_int(inserts->find_name, 1);
    }
    statement_reset(inserts->find_name);
    if (rc < 0)
        return rc;
    if (rc == 1)
        return seen < cases->day
                   ? store_insert(inserts->seen, cases->err, "ii", cases->day, *ret_id)
                   : 0;
    rc = store_insert(inserts->new_name, cases->err, "ssi", suite, name, cases->day);
    *ret_id = db_insert_id(cases->store->db);
    return rc;
}

static int case_near(struct cases *cases, const char *suite, const struct test_case *test_case)
{
    int64_t name_id = 0;
    int rc = intern(cases, suite, test_case->name, &name_id);

    return rc < 0
               ? rc
               : store_insert(cases->inserts->one_case, cases->err, "iiiii", cases->job_id, name_id,
                              cases->seq, (int64_t)test_case->result, test_case->duration_us);
}

static int record_cases(struct store *store, struct inserts *inserts, const struct job_result *job,
                        int64_t job_id, int64_t day, struct err *err)
{
    struct cases cases = {
        .store = store, .inserts = inserts, .job_id = job_id, .day = day, .err = err};

    return db_file(store->db) ? each_case(&cases, job, case_near) : record_cases_far(&cases, job);
}

/* What was tried when the board could not be flashed, and what of it helped. */
static int record_recovery(struct store *store, const char *lab, const struct job_result *job,
                           int64_t at_us, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(1024);

    if (!job->recovery_count)
        return 0;
    for (size_t i = 0; i < job->recovery_count; i++) {
        const struct recovery_try *step = &job->recovery[i];
        buf_addf(&text, "%s%s %s", i ? ", " : "", step->step,
                 step->why ? "did not help" : "helped");
    }
    return store_event(store, "recovery", lab, job->board, text.data, at_us, err);
}

static int record_one(struct store *store, struct inserts *inserts, const struct run_result *run,
                      const struct job_result *job, int64_t run_id, unsigned attempt, bool last,
                      struct err *err)
{
    struct test_counts counts = job_counts(job);
    int64_t at_us = job->started_unix_us ? job->started_unix_us : run->started_unix_us;
    int rc = 0;

    if (job->flash_us > 0)
        rc = store_carries(store, run->lab, job->board, job->test_us > 0 ? job->image.sha256 : NULL,
                           job->image.file, job->started_unix_us + job->took_us, err);
    if (rc == 0)
        rc = record_recovery(store, run->lab, job, at_us, err);
    if (rc == 0)
        rc = store_insert(
            inserts->job, err, "isssssssssiiiiiiiiiiii", run_id, run->lab, job->board, job->name,
            job->image.file, job->image.sha256, job->image.build_id, verdict_name(job->verdict),
            job->reason, job->blame == BLAME_NONE ? NULL : blame_name(job->blame),
            job->started_unix_us, at_us, job->took_us, job->flash_us, job->test_us,
            (int64_t)attempt, (int64_t)last, (int64_t)counts.pass, (int64_t)counts.fail,
            (int64_t)counts.error, (int64_t)counts.skip, (int64_t)counts.flaky);
    if (rc == 0)
        rc = record_cases(store, inserts, job, db_insert_id(store->db), at_us / DAY_US, err);
    return rc < 0 || !job->board ? rc
                                 : store_insert(inserts->total, err, "sssi", run->lab, job->board,
                                                verdict_name(job->verdict), job->took_us);
}

/* 1: it is there already. */
static int is_known(struct inserts *inserts, const struct job_result *job, int64_t run_id,
                    unsigned attempt, struct err *err)
{
    int rc;

    if (!inserts->find_job)
        return 0;
    statement_bind_int(inserts->find_job, 1, run_id);
    store_bind_text(inserts->find_job, 2, job->board);
    store_bind_text(inserts->find_job, 3, job->name);
    statement_bind_int(inserts->find_job, 4, job->started_unix_us);
    statement_bind_int(inserts->find_job, 5, attempt);
    rc = statement_step(inserts->find_job, err);
    statement_reset(inserts->find_job);
    return rc;
}

static int record_attempt(struct store *store, struct inserts *inserts,
                          const struct run_result *run, const struct job_result *job,
                          int64_t run_id, unsigned attempt, bool last, struct err *err)
{
    int rc = is_known(inserts, job, run_id, attempt, err);

    if (rc)
        return rc < 0 ? rc : 0;
    return record_one(store, inserts, run, job, run_id, attempt, last, err);
}

/* Each attempt is a row of its own: what a board did is remembered, whatever another made good. */
static int record_job(struct store *store, struct inserts *inserts, const struct run_result *run,
                      const struct job_result *job, int64_t run_id, struct err *err)
{
    unsigned attempt = 0;
    int rc = 0;

    for (size_t i = 0; i < job->earlier_count && rc == 0; i++)
        rc = record_attempt(store, inserts, run, job->earlier[i], run_id, ++attempt, false, err);
    return rc < 0 ? rc : record_attempt(store, inserts, run, job, run_id, ++attempt, true, err);
}

/* 1: one that is there, as it is now, gets what it has not yet. */
static int find_run(struct store *store, struct inserts *inserts, const struct run_result *run,
                    int64_t *ret_id, struct err *err)
{
    const struct run_origin *origin = &run->origin;
    cleanup_statement struct statement *find = NULL;
    int rc = db_prepare(store->db, STORE_FIND_RUN, &find, err);

    if (rc < 0)
        return rc;
    statement_bind_int(find, 1, run->started_unix_us);
    store_bind_text(find, 2, run->lab);
    store_bind_text(find, 3, origin->repository);
    store_bind_text(find, 4, origin->sha);
    store_bind_text(find, 5, origin->ref);
    store_bind_text(find, 6, origin->run_url);
    rc = statement_step(find, err);
    if (rc <= 0)
        return rc;
    *ret_id = statement_int(find, 0);
    rc = store_run(store, "UPDATE runs SET verdict = ?, took_us = ? WHERE id = ?", err, "sii",
                   verdict_name(run->verdict), run->took_us, *ret_id);
    if (rc == 0)
        rc = db_prepare(store->db, STORE_FIND_JOB, &inserts->find_job, err);
    return rc < 0 ? rc : 1;
}

static int record_locked(struct store *store, struct inserts *inserts, const struct run_result *run,
                         bool missing, struct err *err)
{
    const struct run_origin *origin = &run->origin;
    int64_t run_id = 0;
    int rc = missing ? find_run(store, inserts, run, &run_id, err) : 0;

    if (rc == 0) {
        rc = store_insert(inserts->run, err, "ssiisssss", run->lab, verdict_name(run->verdict),
                          run->started_unix_us, run->took_us, origin->repository, origin->sha,
                          origin->ref, origin->describe, origin->run_url);
        run_id = db_insert_id(store->db);
    }
    for (size_t i = 0; rc >= 0 && i < run->count; i++)
        rc = record_job(store, inserts, run, run->jobs[i], run_id, err);
    return rc < 0 ? rc : 0;
}

static int record(struct store *store, const struct run_result *run, bool missing, struct err *err)
{
    struct inserts inserts __attribute__((cleanup(inserts_done))) = {0};
    int rc = prepare_inserts(store, &inserts, err);

    if (rc == 0)
        rc = db_begin(store->db, DB_WRITES, err);
    return rc < 0 ? rc : db_end(store->db, record_locked(store, &inserts, run, missing, err), err);
}

int store_record(struct store *store, const struct run_result *run, struct err *err)
{
    return record(store, run, false, err);
}

int store_record_missing(struct store *store, const struct run_result *run, struct err *err)
{
    return record(store, run, true, err);
}

int store_event(struct store *store, const char *kind, const char *lab, const char *board,
                const char *text, int64_t unix_us, struct err *err)
{
    return store_run(store,
                     "INSERT INTO events (at_us, lab, board, kind, text) VALUES (?, ?, ?, ?, ?)",
                     err, "issss", unix_us, lab, board, kind, text ? text : "");
}
