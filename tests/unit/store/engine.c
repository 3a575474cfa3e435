/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each test is a process of its own. */
static struct store_conf conf;

static PGresult *on_server(const char *url, const char *sql)
{
    PGconn *connection = PQconnectdb(url);
    PGresult *answer = PQexec(connection, sql);

    cr_assert(PQresultStatus(answer) == PGRES_TUPLES_OK ||
                  PQresultStatus(answer) == PGRES_COMMAND_OK,
              "%s: %s", sql, PQerrorMessage(connection));
    PQfinish(connection);
    return answer;
}

const struct store_conf *engine_conf(void)
{
    const char *server = getenv("HIL_TEST_POSTGRES");

    if (!server || conf.url)
        return server ? &conf : NULL;
    cleanup_free char *sql = xasprintf("CREATE SCHEMA t_%d", (int)getpid());
    PQclear(on_server(server, sql));
    conf.url = xasprintf("%s&options=-csearch_path%%3Dt_%d&application_name=t_%d", server,
                         (int)getpid(), (int)getpid());
    return &conf;
}

void engine_leave(void)
{
    const char *server = getenv("HIL_TEST_POSTGRES");
    cleanup_free char *sql = xasprintf("SET client_min_messages = warning;"
                                       " DROP SCHEMA IF EXISTS t_%d CASCADE",
                                       (int)getpid());

    if (server && conf.url)
        PQclear(on_server(server, sql));
    free(conf.url);
}

static char *ask_server(const char *sql)
{
    PGresult *answer;
    char *text;

    if (strstr(sql, "PRAGMA") || strstr(sql, "pragma_"))
        return NULL;
    answer = on_server(conf.url, sql);
    cr_assert_eq(PQresultStatus(answer), PGRES_TUPLES_OK, "%s", sql);
    text = xstrdup(!PQntuples(answer) || PQgetisnull(answer, 0, 0) ? "NULL"
                                                                   : PQgetvalue(answer, 0, 0));
    PQclear(answer);
    return text;
}

static sqlite3 *open_file(const char *file)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

char *engine_ask(const char *file, const char *sql)
{
    sqlite3_stmt *statement;
    const char *said;
    char *answer;
    sqlite3 *db;

    if (conf.url)
        return ask_server(sql);
    db = open_file(file);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    sqlite3_step(statement);
    said = (const char *)sqlite3_column_text(statement, 0);
    answer = xstrdup(said ? said : "NULL");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

void engine_execute(const char *file, const char *sql)
{
    sqlite3 *db;

    if (conf.url) {
        PQclear(on_server(conf.url, sql));
        return;
    }
    db = open_file(file);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}
