/* SPDX-License-Identifier: MIT */
/* A dump into a store: each table with its own idea of what is there already. */
#include "base/arena.h"
#include "base/str.h"
#include "store/dump.h"
#include "store/parts.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX ((size_t)50000000) /* that others point to: their numbers are kept meanwhile */

/* Numbers of the file and the store's own, by the former, which only grow. */
struct pair {
    int64_t theirs, ours; /* ours 0: it was there before */
};
struct pairs {
    struct pair *items;
    size_t count, room;
};

struct name {
    int64_t id;
    const char *suite, *name;
};

enum { TOTALS, NAMES, RUNS, JOBS, CASES, QUARANTINE, EVENTS, CARRIED, WATCHED, ATTEMPTS, RIGGED };
enum { POOLS = RIGGED + 1, POOL_RANGES, IDENTITIES };

struct loading {
    struct store *store;
    struct statement *statements[DUMP_TABLES], *find_run, *find_job, *count;
    struct pairs runs, known_runs, jobs; /* known_runs: ours of all */
    struct name *names;
    size_t name_count, name_room;
    struct arena arena;
    struct strv labs; /* whose totals came as a whole */
    uint64_t rows;
};

static void loading_done(struct loading *loading)
{
    for (size_t i = 0; i < DUMP_TABLES; i++)
        statement_free(loading->statements[i]);
    statement_free(loading->find_run);
    statement_free(loading->find_job);
    statement_free(loading->count);
    free(loading->runs.items);
    free(loading->known_runs.items);
    free(loading->jobs.items);
    free(loading->names);
    strv_done(&loading->labs);
    arena_done(&loading->arena);
}

/* What is not SQL of one row is below. `?` in the order of the table's columns (dump_tables). */
static const char *const inserts[DUMP_TABLES] = {
    [TOTALS] = "INSERT INTO totals (lab, board, verdict, jobs, took_us) VALUES (?, ?, ?, ?, ?)"
               " ON CONFLICT DO NOTHING",
    [NAMES] = "INSERT INTO names (suite, name, seen_day) SELECT r.suite, r.name, r.day"
              " FROM rows(suite, name, day) LEFT JOIN names n ON n.suite = r.suite"
              " AND n.name = r.name WHERE n.id IS NULL OR n.seen_day < r.day"
              " ON CONFLICT (suite, name) DO UPDATE SET seen_day = excluded.seen_day",
    [RUNS] = "INSERT INTO runs (lab, verdict, started_us, took_us, repository, sha, ref, describe,"
             " url) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [JOBS] = "INSERT INTO jobs (run_id, lab, board, test, image_file, image_sha256, image_build_id,"
             " verdict, reason, blame, started_us, at_us, took_us, flash_us, test_us, attempt,"
             " last, passed, failed, errors, skipped, flaky)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [CASES] = "INSERT INTO cases (job_id, name_id, seq, result, duration_us)"
              " SELECT r.job, n.id, r.seq, r.result, nullif(r.took, -1)"
              " FROM rows(job, suite, name, seq, result, took)"
              " JOIN names n ON n.suite = r.suite AND n.name = r.name",
    /* One whose beginning is told of was released since. */
    [QUARANTINE] = "INSERT INTO quarantine (lab, board, reason, since_us, image)"
                   " SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM events"
                   " WHERE at_us = ?4 AND lab = ?1 AND board = ?2 AND kind = 'quarantine')"
                   " ON CONFLICT DO NOTHING",
    [EVENTS] = "INSERT INTO events (at_us, lab, board, kind, text) SELECT ?1, ?2, ?3, ?4, ?5"
               " WHERE NOT EXISTS (SELECT 1 FROM events WHERE at_us = ?1 AND lab IS ?2"
               " AND board IS ?3 AND kind = ?4 AND text = ?5)",
    [CARRIED] = "INSERT INTO carried (lab, board, image_sha256, image_file, since_us)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (lab, board) DO UPDATE"
                " SET image_sha256 = excluded.image_sha256, image_file = excluded.image_file,"
                " since_us = excluded.since_us WHERE carried.since_us < excluded.since_us",
    [WATCHED] = "INSERT INTO watched (lab, board, image, image_sha256, tag, asset, flashed_us,"
                " failed, failures, retry_us, reason, aside, verdict)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (lab, board) DO UPDATE"
                " SET image = excluded.image, image_sha256 = excluded.image_sha256,"
                " tag = excluded.tag, asset = excluded.asset, flashed_us = excluded.flashed_us,"
                " failed = excluded.failed, failures = excluded.failures,"
                " retry_us = excluded.retry_us, reason = excluded.reason, aside = excluded.aside,"
                " verdict = excluded.verdict WHERE watched.flashed_us < excluded.flashed_us",
    [ATTEMPTS] = "INSERT INTO attempts (lab, board, tool, probe, image, image_sha256, tag, asset,"
                 " golden, started_us, took_us, exit_code, verdict, reason, wrote, run_id)"
                 " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, CAST(?12 AS INTEGER), ?13,"
                 " ?14, ?15, CAST(?16 AS INTEGER) WHERE NOT EXISTS (SELECT 1 FROM attempts"
                 " WHERE lab = ?1 AND board = ?2 AND started_us = ?10)",
    [RIGGED] = "INSERT INTO rigged (lab, board, slot, path, image_sha256, image_file, started_us,"
               " took_us, outcome, step, reason, identity)"
               " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE NOT EXISTS"
               " (SELECT 1 FROM rigged WHERE lab = ?1 AND slot = ?3 AND started_us = ?7)",
    [POOLS] = "INSERT INTO pools (name, kind) VALUES (?, ?) ON CONFLICT DO NOTHING",
    [POOL_RANGES] = "INSERT INTO pool_ranges (pool, prefix, digits, first, last, next)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
    [IDENTITIES] = "INSERT INTO identities (pool, kind, value, state, board, drawn_us, since_us,"
                   " note) VALUES (?, ?, ?, ?, ?, CAST(? AS INTEGER), ?, ?) ON CONFLICT DO NOTHING",
};

/* ---- numbers --------------------------------------------------------------------------------- */

static int remember(struct pairs *pairs, int64_t theirs, int64_t ours, struct err *err)
{
    if (pairs->count && pairs->items[pairs->count - 1].theirs >= theirs)
        return err_set(err, ERR_DATA, "the numbers of its rows do not grow");
    if (pairs->count == ROWS_MAX)
        return err_set(err, ERR_LIMIT, "more rows than one import takes");
    if (pairs->count == pairs->room) {
        pairs->room = pairs->room ? pairs->room * 2 : 256;
        pairs->items = xrealloc(pairs->items, pairs->room, sizeof *pairs->items);
    }
    pairs->items[pairs->count++] = (struct pair){theirs, ours};
    return 0;
}

static int compare(const void *id, const void *pair)
{
    int64_t left = *(const int64_t *)id, right = ((const struct pair *)pair)->theirs;

    return (left > right) - (left < right);
}

static const struct pair *find(const struct pairs *pairs, int64_t theirs)
{
    return pairs->count
               ? bsearch(&theirs, pairs->items, pairs->count, sizeof *pairs->items, compare)
               : NULL;
}

static int compare_name(const void *id, const void *name)
{
    int64_t left = *(const int64_t *)id, right = ((const struct name *)name)->id;

    return (left > right) - (left < right);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void bind(struct statement *statement, int at, const struct dump_value *value)
{
    if (value->null || value->text)
        store_bind_text(statement, at, value->text);
    else
        statement_bind_int(statement, at, value->number);
}

static int run_row(struct loading *loading, size_t table, const struct dump_value *values,
                   size_t from, struct err *err)
{
    struct statement *statement = loading->statements[table];
    size_t count = strlen(dump_tables[table].kinds);
    int rc;

    for (size_t i = from; i < count; i++)
        bind(statement, (int)(i - from) + 1, &values[i]);
    rc = statement_step(statement, err);
    statement_reset(statement);
    if (rc < 0)
        return rc;
    loading->rows += (uint64_t)db_changes(loading->store->db);
    return 0;
}

/* Those of a lab that is new here come as they are, with what was forgotten since. */
static int load_total(struct loading *loading, const struct dump_value *values, struct err *err)
{
    const char *lab = values[0].text ? values[0].text : "";
    int rc;

    if (strv_has(&loading->labs, lab))
        return run_row(loading, TOTALS, values, 0, err);
    store_bind_text(loading->count, 1, lab);
    rc = statement_step(loading->count, err);
    if (rc == 1 && !statement_int(loading->count, 0))
        strv_add(&loading->labs, lab);
    statement_reset(loading->count);
    if (rc < 0 || !strv_has(&loading->labs, lab))
        return rc < 0 ? rc : 0;
    return run_row(loading, TOTALS, values, 0, err);
}

static int load_name(struct loading *loading, const struct dump_value *values, struct err *err)
{
    int64_t id = values[0].number;
    cleanup_free char *suite = store_clean(values[1].text), *name = store_clean(values[2].text);

    if (!suite || !name ||
        (loading->name_count && loading->names[loading->name_count - 1].id >= id))
        return err_set(err, ERR_DATA, "names without a number or a text");
    if (loading->name_count == ROWS_MAX)
        return err_set(err, ERR_LIMIT, "more names than one import takes");
    if (loading->name_count == loading->name_room) {
        loading->name_room = loading->name_room ? loading->name_room * 2 : 256;
        loading->names = xrealloc(loading->names, loading->name_room, sizeof *loading->names);
    }
    loading->names[loading->name_count++] = (struct name){id, arena_strdup(&loading->arena, suite),
                                                          arena_strdup(&loading->arena, name)};
    return store_add(loading->statements[NAMES], err, "ssi", suite, name, values[3].number);
}

static int find_run(struct loading *loading, const struct dump_value *values, int64_t *ret,
                    struct err *err)
{
    static const int columns[] = {3, 1, 5, 6, 7, 9};
    int rc;

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        bind(loading->find_run, (int)i + 1, &values[columns[i]]);
    rc = statement_step(loading->find_run, err);
    *ret = rc == 1 ? statement_int(loading->find_run, 0) : 0;
    statement_reset(loading->find_run);
    return rc < 0 ? rc : 0;
}

static int load_run(struct loading *loading, const struct dump_value *values, struct err *err)
{
    int64_t ours = 0, known;
    int rc = find_run(loading, values, &known, err);

    if (rc == 0 && known) {
        /* Of one that went on after it had been told the longer is the later word. */
        rc = store_run(loading->store,
                       "UPDATE runs SET verdict = ?2, took_us = ?3 WHERE id = ?1 AND took_us < ?3",
                       err, "isi", known, values[2].text, values[4].number);
    } else if (rc == 0) {
        rc = run_row(loading, RUNS, values, 1, err);
        ours = rc == 0 ? db_insert_id(loading->store->db) : 0;
    }
    if (rc == 0)
        rc = remember(&loading->runs, values[0].number, ours, err);
    return rc < 0 ? rc : remember(&loading->known_runs, values[0].number, ours ? ours : known, err);
}

static int count_job(struct loading *loading, const struct dump_value *values, struct err *err)
{
    const char *lab = values[2].text ? values[2].text : "";

    if (values[3].null || strv_has(&loading->labs, lab))
        return 0;
    return store_run(loading->store,
                     "INSERT INTO totals VALUES (?, ?, ?, 1, ?) ON CONFLICT (lab, board, verdict)"
                     " DO UPDATE SET jobs = totals.jobs + 1,"
                     " took_us = totals.took_us + excluded.took_us",
                     err, "sssi", lab, values[3].text, values[8].text, values[13].number);
}

/* 1: a run that was there before has this job, too. */
static int has_job(struct loading *loading, int64_t run_id, const struct dump_value *values,
                   struct err *err)
{
    static const int columns[] = {3, 4, 11, 16};
    int rc;

    statement_bind_int(loading->find_job, 1, run_id);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        bind(loading->find_job, (int)i + 2, &values[columns[i]]);
    rc = statement_step(loading->find_job, err);
    statement_reset(loading->find_job);
    return rc;
}

static int load_job(struct loading *loading, const struct dump_value *values, struct err *err)
{
    const struct pair *run = find(&loading->runs, values[1].number);
    const struct pair *known = find(&loading->known_runs, values[1].number);
    struct dump_value mine[DUMP_COLUMNS_MAX];
    int64_t ours = 0;
    int rc;

    if (!run || !known)
        return err_set(err, ERR_DATA, "a job of a run that is not there");
    rc = run->ours ? 0 : has_job(loading, known->ours, values, err);
    if (rc == 0) {
        memcpy(mine, values, sizeof mine);
        mine[1].number = known->ours;
        rc = run_row(loading, JOBS, mine, 1, err);
        ours = rc == 0 ? db_insert_id(loading->store->db) : 0;
        if (rc == 0)
            rc = count_job(loading, values, err);
    }
    return rc < 0 ? rc : remember(&loading->jobs, values[0].number, ours, err);
}

static int load_case(struct loading *loading, const struct dump_value *values, struct err *err)
{
    const struct pair *job = find(&loading->jobs, values[0].number);
    const struct name *name = loading->name_count
                                  ? bsearch(&values[1].number, loading->names, loading->name_count,
                                            sizeof *loading->names, compare_name)
                                  : NULL;

    if (!job || !name)
        return err_set(err, ERR_DATA, "a case of a job or a name that is not there");
    if (!job->ours)
        return 0;
    loading->rows++;
    return store_add(loading->statements[CASES], err, "issiii", job->ours, name->suite, name->name,
                     values[2].number, values[3].number,
                     values[4].null ? INT64_C(-1) : values[4].number);
}

static int load_attempt(struct loading *loading, const struct dump_value *values, struct err *err)
{
    const struct pair *run = values[15].null ? NULL : find(&loading->known_runs, values[15].number);
    struct dump_value mine[DUMP_COLUMNS_MAX];

    memcpy(mine, values, sizeof mine);
    mine[15] = (struct dump_value){.null = !run, .number = run ? run->ours : 0};
    return run_row(loading, ATTEMPTS, mine, 0, err);
}

/* ---- pools ----------------------------------------------------------------------------------- */

/* 1 with a number of the only row, 0: there is none. */
static int ask(struct loading *loading, const char *sql, const struct dump_value *values,
               size_t count, int64_t *ret, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(loading->store->db, sql, &statement, err);

    for (size_t i = 0; i < count && rc == 0; i++)
        bind(statement, (int)i + 1, &values[i]);
    if (rc == 0)
        rc = statement_step(statement, err);
    *ret = rc == 1 ? statement_int(statement, 0) : 0;
    return rc;
}

static int load_pool(struct loading *loading, const struct dump_value *values, struct err *err)
{
    int64_t other;
    int rc =
        ask(loading, "SELECT 1 FROM pools WHERE name = ? AND kind <> ?", values, 2, &other, err);

    if (rc == 1)
        return err_set(err, ERR_DATA, "pool %s is of another kind here than %s", values[0].text,
                       values[1].text);
    return rc < 0 ? rc : run_row(loading, POOLS, values, 0, err);
}

static int load_range(struct loading *loading, const struct dump_value *values, struct err *err)
{
    int64_t id;
    int rc = ask(loading,
                 "SELECT id FROM pool_ranges WHERE pool = ?1 AND prefix = ?2 AND digits = ?3"
                 " AND first = ?4 AND last = ?5",
                 values, 5, &id, err);

    if (rc == 1)
        return store_run(loading->store,
                         "UPDATE pool_ranges SET next = ?1 WHERE id = ?2 AND next < ?1", err, "ii",
                         values[5].number, id);
    if (rc == 0)
        rc = ask(loading,
                 "SELECT id FROM pool_ranges WHERE prefix = ?2 AND digits = ?3 AND first <= ?5"
                 " AND last >= ?4 AND ?1 IS NOT NULL",
                 values, 5, &id, err);
    if (rc == 1)
        return err_set(err, ERR_DATA,
                       "a range of pool %s overlaps one that is here, so that both would give the"
                       " same values; hil pool show has them",
                       values[0].text);
    return rc < 0 ? rc : run_row(loading, POOL_RANGES, values, 0, err);
}

/* Given here and free there is given. Given to two is for a person to decide. */
static int load_identity(struct loading *loading, const struct dump_value *values, struct err *err)
{
    int64_t there, rank;
    int rc = ask(loading,
                 "SELECT CASE WHEN state = ?4 AND board IS ?5 AND pool = ?1 THEN 1"
                 " WHEN ?4 = 'free' THEN 1 WHEN state = 'free' AND pool = ?1 THEN 2"
                 " WHEN board IS ?5 AND pool = ?1 THEN 3 ELSE 0 END"
                 " FROM identities WHERE kind = ?2 AND value = ?3",
                 values, 5, &rank, err);

    if (rc < 0 || (rc == 1 && rank == 1))
        return rc < 0 ? rc : 0;
    if (rc == 1 && rank)
        return store_run(loading->store,
                         "UPDATE identities SET state = ?3, board = ?4, drawn_us = ?5,"
                         " since_us = ?6 WHERE kind = ?1 AND value = ?2 AND since_us <= ?6",
                         err, "ssssii", values[1].text, values[2].text, values[3].text,
                         values[4].text, values[5].number, values[6].number);
    if (rc == 0 && !values[4].null && !str_eq(values[3].text, "retired")) {
        rc = ask(loading,
                 "SELECT id FROM identities WHERE pool = ?1 AND board = ?5 AND state <> 'retired'"
                 " AND ?2 IS NOT NULL AND ?3 IS NOT NULL AND ?4 IS NOT NULL",
                 values, 5, &there, err);
    }
    if (rc == 1)
        return err_set(err, ERR_DATA,
                       "pool %s: what was given to board %s there was given otherwise here;"
                       " hil pool show has both",
                       values[0].text, values[4].text ? values[4].text : "-");
    return rc < 0 ? rc : run_row(loading, IDENTITIES, values, 0, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* What was gathered must be there before what points to it. */
static int load_row(void *arg, size_t table, const struct dump_value *values, struct err *err)
{
    struct loading *loading = arg;
    int rc = table == NAMES ? 0 : statement_flush(loading->statements[NAMES], err);

    if (rc < 0)
        return rc;
    switch (table) {
    case TOTALS:
        return load_total(loading, values, err);
    case NAMES:
        return load_name(loading, values, err);
    case RUNS:
        return load_run(loading, values, err);
    case JOBS:
        return load_job(loading, values, err);
    case CASES:
        return load_case(loading, values, err);
    case ATTEMPTS:
        return load_attempt(loading, values, err);
    case POOLS:
        return load_pool(loading, values, err);
    case POOL_RANGES:
        return load_range(loading, values, err);
    case IDENTITIES:
        return load_identity(loading, values, err);
    }
    return run_row(loading, table, values, 0, err);
}

static int prepare(struct loading *loading, struct err *err)
{
    struct db *db = loading->store->db;
    int rc = db_prepare(db, "SELECT count(*) FROM totals WHERE lab = ?", &loading->count, err);

    if (rc == 0)
        rc = db_prepare(db, STORE_FIND_RUN, &loading->find_run, err);
    if (rc == 0)
        rc = db_prepare(db, STORE_FIND_JOB, &loading->find_job, err);
    for (size_t i = 0; i < DUMP_TABLES && rc == 0; i++)
        rc = db_prepare(db, inserts[i], &loading->statements[i], err);
    return rc;
}

int store_import(struct store *store, int fd, const char *name, uint64_t *ret_rows, struct err *err)
{
    struct loading loading __attribute__((cleanup(loading_done))) = {.store = store};
    int rc = prepare(&loading, err);

    if (rc == 0)
        rc = db_begin(store->db, DB_WRITES, err);
    if (rc < 0)
        return rc;
    rc = dump_read(fd, name, load_row, &loading, err);
    if (rc == 0)
        rc = statement_flush(loading.statements[NAMES], err);
    if (rc == 0)
        rc = statement_flush(loading.statements[CASES], err);
    rc = db_end(store->db, rc, err);
    *ret_rows = loading.rows;
    return rc;
}
