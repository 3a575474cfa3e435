/* SPDX-License-Identifier: MIT */
#include "store/db_postgres.h"
#include "store/db_sqlite.h"

#include "engine.h"

#include "base/str.h"
#include "made.h"
#include "store/db.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Test(postgres_sql, says_it_in_the_other_words)
{
    static const struct {
        const char *sqlite, *postgres;
    } rows[] = {
        {"SELECT 1", "SELECT 1"},
        {"a = ? AND b = ?", "a = $1 AND b = $2"},
        {"?2 < a AND ?12 > a AND ?2 > 0", "$2 < a AND $12 > a AND $2 > 0"},
        {"x = '?' AND y = 'ifnull(' AND z = ?", "x = '?' AND y = 'ifnull(' AND z = $1"},
        {"x = 'it''s ?' AND z = ?", "x = 'it''s ?' AND z = $1"},
        {"WHERE lab IS ? AND b = ?", "WHERE (lab = $1 OR (lab IS NULL AND $1 IS NULL)) AND b = $2"},
        {"WHERE j.lab IS ?3", "WHERE (j.lab = $3 OR (j.lab IS NULL AND $3 IS NULL))"},
        {"lab IS NULL OR lab IS NOT NULL", "lab IS NULL OR lab IS NOT NULL"},
        {"ifnull(sum(a), 0)", "coalesce(sum(a), 0)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *said = postgres_sql(rows[i].sqlite);
        cr_expect_str_eq(said, rows[i].postgres, "%s: %s", rows[i].sqlite, said);
    }
}

Test(postgres_sql, the_schemas_have_one_version)
{
    int newest = 0;

    for (const struct postgres_migration *each = postgres_migrations; each->sql; each++) {
        cr_expect_gt(each->version, newest);
        newest = each->version;
    }
    cr_expect_eq(newest, sqlite_newest, "as in schema_sqlite.c; both change together");
}

Test(postgres_errors, what_cannot_be_reached_is_named_without_its_password)
{
    static const struct {
        const char *url;
        int rc;
        const char *says;
    } rows[] = {
        {"postgresql://hil:sesame@/lab?host=/nowhere", -ERR_GONE, "PostgreSQL lab on /nowhere: "},
        {"postgresql:///lab?host=/nowhere&password=sesame", -ERR_GONE, "PostgreSQL lab on"},
        {"postgresql://hil:sesame@[/lab", -ERR_CONFIG, "url is none that libpq reads"},
        {"postgresql:///lab?sesame=1", -ERR_CONFIG, "url is none that libpq reads"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct db *db = NULL;
        struct err err = {0};
        cr_expect_eq(db_open_server(rows[i].url, true, NULL, &db, &err), rows[i].rc, "%s",
                     rows[i].url);
        cr_expect(strstr(err.message, rows[i].says), "%s", err.message);
        cr_expect_null(strstr(err.message, "sesame"), "%s", err.message);
        cr_expect_null(db);
    }
}

/* ---- on a server, where tests/with-postgres runs this ---------------------------------------- */

static const struct store_conf *conf;

static void enter(void)
{
    conf = engine_conf();
}

TestSuite(postgres, .init = enter, .fini = engine_leave);

#define NEEDS_SERVER                                             \
    do {                                                         \
        if (!conf)                                               \
            cr_skip_test("needs a server: tests/with-postgres"); \
    } while (0)

Test(postgres, who_only_reads_makes_no_schema)
{
    struct store *store = NULL;
    struct err err;

    NEEDS_SERVER;
    cr_assert_eq(store_open(conf, "/nowhere", false, &store, &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "no run was recorded yet"), "%s", err.message);
    cleanup_free char *there = engine_ask(NULL, "SELECT to_regclass('runs')::text");
    cr_expect_str_eq(there, "NULL");
}

Test(postgres, a_newer_schema_is_refused)
{
    struct store *store = NULL;
    struct err err;

    NEEDS_SERVER;
    cr_assert_eq(store_open(conf, "/nowhere", true, &store, &err), 0, "%s", err.message);
    store_close(store);
    engine_execute(NULL, "UPDATE hil_schema SET version = 99");
    cr_assert_eq(store_open(conf, "/nowhere", true, &store, &err), -ERR_DATA);
    cr_expect(strstr(err.message, "its schema is 99"), "%s", err.message);
}

static pid_t start(void (*work)(void))
{
    pid_t child = fork();

    if (child == 0) {
        work();
        _exit(0);
    }
    return child;
}

static void open_once(void)
{
    struct store *store = NULL;
    struct err err;

    if (store_open(conf, "/nowhere", true, &store, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        _exit(1);
    }
    store_close(store);
}

Test(postgres, of_many_hosts_one_makes_the_schema)
{
    pid_t children[8];
    int status;

    NEEDS_SERVER;
    for (size_t i = 0; i < ARRAY_SIZE(children); i++)
        children[i] = start(open_once);
    for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_expect_eq(status, 0);
    }
    cleanup_free char *rows = engine_ask(NULL, "SELECT count(*) FROM hil_schema");
    cr_expect_str_eq(rows, "1");
}

static void cut_connections(void)
{
    cleanup_free char *sql =
        xasprintf("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                  " WHERE application_name = 't_%d'"
                  " AND pid <> pg_backend_pid()",
                  (int)getpid());

    engine_execute(NULL, sql);
}

Test(postgres, a_connection_that_was_cut_is_made_anew)
{
    struct store *store = NULL;
    struct store_last last;
    struct err err;

    NEEDS_SERVER;
    cr_assert_eq(store_open(conf, "/nowhere", true, &store, &err), 0, "%s", err.message);
    made_simple(store, MADE_BEGAN, "a", "1", "x:pass");
    cr_assert(store_last(store, "bench", "a", &last)); /* twice: it is prepared, then */
    cr_assert(store_last(store, "bench", "a", &last));
    cut_connections();
    cr_expect(store_last(store, "bench", "a", &last), "prepared again");
    cut_connections();
    made_simple(store, MADE_BEGAN + MADE_HOUR, "a", "1", "x:fail");
    cr_expect(store_last(store, "bench", "a", &last));
    cr_expect_eq(last.verdict, VERDICT_FAIL);
    store_close(store);
}

Test(postgres, a_transaction_that_was_cut_leaves_nothing)
{
    struct db *db = NULL;
    struct err err;
    int rc;

    NEEDS_SERVER;
    cr_assert_eq(db_open_server(conf->url, true, NULL, &db, &err), 0, "%s", err.message);
    cr_assert_eq(db_begin(db, DB_WRITES, &err), 0, "%s", err.message);
    rc = db_execute(db, "INSERT INTO pools (name, kind) VALUES ('half', 'mac')", &err);
    cr_assert_eq(rc, 0, "%s", err.message);
    cut_connections();
    rc = db_execute(db, "INSERT INTO pools (name, kind) VALUES ('other', 'mac')", &err);
    cr_expect_eq(rc, -ERR_GONE, "%d", rc);
    cr_expect_eq(db_end(db, 0, &err), -ERR_GONE, "what was half is never committed");
    cr_assert_eq(db_begin(db, DB_WRITES, &err), 0, "and it goes on: %s", err.message);
    cr_assert_eq(db_end(db, 0, &err), 0);
    db_close(db);
    cleanup_free char *left = engine_ask(NULL, "SELECT count(*) FROM pools");
    cr_expect_str_eq(left, "0");
}

Test(postgres, what_was_prepared_is_freed_though_not_at_once)
{
    struct db *db = NULL;
    struct err err;

    NEEDS_SERVER;
    cr_assert_eq(db_open_server(conf->url, true, NULL, &db, &err), 0, "%s", err.message);
    for (int i = 0; i < 500; i++) {
        struct statement *statement = NULL;
        cr_assert_eq(
            db_prepare(db, "SELECT count(*) FROM pg_prepared_statements", &statement, &err), 0);
        for (int run = 0; run < 2; run++) { /* the second time it is prepared */
            cr_assert_eq(statement_step(statement, &err), 1, "%s", err.message);
            cr_expect_leq(statement_int(statement, 0), 200);
            statement_reset(statement);
        }
        statement_free(statement);
    }
    db_close(db);
}

Test(postgres, a_quarantine_that_could_not_be_asked_for_is_no_all_clear)
{
    struct store *store = NULL;
    struct store_quarantine quarantine;
    struct err err;

    NEEDS_SERVER;
    cr_assert_eq(store_open(conf, "/nowhere", true, &store, &err), 0, "%s", err.message);
    cr_expect(!store_quarantined(store, "bench", "a", &quarantine) && !store_trouble(store));
    engine_execute(NULL, "DROP TABLE quarantine");
    cr_expect(!store_quarantined(store, "bench", "a", &quarantine));
    cr_assert(store_trouble(store));
    cr_expect(strstr(store_trouble(store)->message, "quarantine"), "%s",
              store_trouble(store)->message);
    store_close(store);
}
