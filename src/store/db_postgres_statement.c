/* SPDX-License-Identifier: MIT
 *
 * Statements: what runs more than once is prepared, rows that are added go as arrays.
 */
#include "store/db_postgres.h"

#include "base/str.h"
#include "store/db_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PARAMETERS_MAX 32
#define STALE_BYTES 2048
/* Type numbers, from the catalog's pg_type.dat. */
#define TYPE_BOOL 16
#define TYPE_INT8 20
#define TYPE_TEXT 25
#define TYPE_TEXTS 1009 /* arrays of the two */
#define TYPE_INT8S 1016

struct postgres_statement {
    struct statement statement;
    char *sql, *values[PARAMETERS_MAX];
    Oid types[PARAMETERS_MAX];
    int count;
    unsigned runs, epoch; /* epoch 0: prepared nowhere */
    char name[16];
    PGresult *answer; /* NULL: not run */
    int row;
    struct db_rows *rows; /* NULL: it is run for one row */
};

static struct postgres_db *of(const struct db *db)
{
    return (struct postgres_db *)(uintptr_t)db;
}

static struct postgres_statement *one(struct statement *statement)
{
    return (struct postgres_statement *)statement;
}

int postgres_prepare(struct db *db, const char *sql, struct statement **ret, struct err *err)
{
    struct postgres_statement *new = xcalloc(1, sizeof *new);
    cleanup_free char *of_rows = db_rows_of_arrays(sql);

    (void)err; /* the server reads it when it runs */
    new->statement.db = db;
    new->sql = postgres_sql(of_rows ? of_rows : sql);
    new->rows = of_rows ? db_rows_new() : NULL;
    *ret = &new->statement;
    return 0;
}

static void postgres_reset(struct statement *statement)
{
    struct postgres_statement *this = one(statement);

    of(statement->db)->pq.clear(this->answer);
    this->answer = NULL;
}

static void postgres_free(struct statement *statement)
{
    struct postgres_db *pg = of(statement->db);
    struct postgres_statement *this = one(statement);

    postgres_reset(statement);
    if (pg->connection && this->epoch == pg->epoch)
        buf_addf(&pg->stale, "DEALLOCATE %s;", this->name);
    for (int i = 0; i < PARAMETERS_MAX; i++)
        free(this->values[i]);
    db_rows_free(this->rows);
    free(this->sql);
    free(this);
}

static void bind(struct statement *statement, int at, char *value, Oid type)
{
    struct postgres_statement *this = one(statement);

    if (at < 1 || at > PARAMETERS_MAX)
        abort();                           /* the program's own mistake */
    for (int i = this->count; i < at; i++) /* a number that is left out must have a type, too */
        this->types[i] = TYPE_TEXT;
    free(this->values[at - 1]);
    this->values[at - 1] = value;
    this->types[at - 1] = type;
    this->count = at > this->count ? at : this->count;
}

static void postgres_bind_text(struct statement *statement, int at, char *text)
{
    bind(statement, at, text, TYPE_TEXT);
}

/* Of the type that the SQL casts it to. */
static void postgres_bind_array(struct statement *statement, int at, char *list)
{
    bind(statement, at, list, 0);
}

static void postgres_bind_int(struct statement *statement, int at, int64_t value)
{
    bind(statement, at, xasprintf("%" PRId64, value), TYPE_INT8);
}

/* Many with one question: most connections end before there are many. */
static int free_stale(struct postgres_db *pg, struct err *err)
{
    int rc = pg->stale.size < STALE_BYTES ? 0 : postgres_ask(pg, pg->stale.data, err);

    if (pg->stale.size >= STALE_BYTES)
        buf_clear(&pg->stale);
    return rc;
}

/* What runs more than once is prepared the second time. */
static int prepare_here(struct postgres_db *pg, struct postgres_statement *this, struct err *err)
{
    PGresult *answer;
    int rc;

    if (this->runs++ == 0 || this->epoch == pg->epoch)
        return 0;
    rc = free_stale(pg, err);
    if (rc < 0)
        return rc;
    snprintf(this->name, sizeof this->name, "hil%u", ++pg->prepared);
    rc = postgres_answer(
        pg, pg->pq.sendPrepare(pg->connection, this->name, this->sql, this->count, this->types),
        &answer, err);
    pg->pq.clear(answer);
    this->epoch = rc == 0 ? pg->epoch : 0;
    return rc;
}

static int run(struct statement *statement, struct err *err)
{
    struct postgres_db *pg = of(statement->db);
    struct postgres_statement *this = one(statement);
    const char *const *values = (const char *const *)this->values;
    int rc = postgres_revive(pg, err), sent;

    if (rc == 0)
        rc = prepare_here(pg, this, err);
    if (rc < 0)
        return rc;
    sent = this->epoch == pg->epoch ? pg->pq.sendQueryPrepared(pg->connection, this->name,
                                                               this->count, values, NULL, NULL, 0)
                                    : pg->pq.sendQueryParams(pg->connection, this->sql, this->count,
                                                             this->types, values, NULL, NULL, 0);
    rc = postgres_answer(pg, sent, &this->answer, err);
    if (rc < 0)
        postgres_reset(statement);
    this->row = -1;
    return rc;
}

/* An answer is here as a whole, so others may be asked for between its rows. */
static int postgres_step(struct statement *statement, struct err *err)
{
    struct postgres_db *pg = of(statement->db);
    struct postgres_statement *this = one(statement);
    int rc = this->answer ? 0 : run(statement, err);

    if (rc < 0)
        return rc;
    return ++this->row < pg->pq.ntuples(this->answer);
}

static int postgres_flush(struct statement *statement, struct err *err)
{
    struct postgres_statement *this = one(statement);
    int rc, columns = db_rows_columns(this->rows);
    bool is_number;

    for (int i = 0; i < columns; i++) {
        char *array = db_rows_array(this->rows, i, &is_number);
        bind(statement, i + 1, array, is_number ? TYPE_INT8S : TYPE_TEXTS);
    }
    db_rows_clear(this->rows);
    rc = columns ? run(statement, err) : 0;
    postgres_reset(statement);
    return rc;
}

static int postgres_add(struct statement *statement, struct err *err)
{
    struct postgres_statement *this = one(statement);
    bool is_text[PARAMETERS_MAX];

    for (int i = 0; i < this->count; i++)
        is_text[i] = this->types[i] == TYPE_TEXT;
    db_rows_add(this->rows, this->values, is_text, this->count);
    return db_rows_full(this->rows) ? postgres_flush(statement, err) : 0;
}

static bool postgres_null(struct statement *statement, int column)
{
    struct postgres_statement *this = one(statement);

    return of(statement->db)->pq.getisnull(this->answer, this->row, column);
}

static const char *postgres_text(struct statement *statement, int column)
{
    struct postgres_statement *this = one(statement);

    return postgres_null(statement, column)
               ? NULL
               : of(statement->db)->pq.getvalue(this->answer, this->row, column);
}

static int64_t postgres_number(struct statement *statement, int column)
{
    const char *text = postgres_text(statement, column);

    if (!text)
        return 0;
    if (of(statement->db)->pq.ftype(one(statement)->answer, column) == TYPE_BOOL)
        return *text == 't';
    return strtoll(text, NULL, 10); /* sums of int8 are numeric, and whole */
}

const struct statement_engine postgres_statements = {
    .free = postgres_free,
    .bind_text = postgres_bind_text,
    .bind_array = postgres_bind_array,
    .bind_int = postgres_bind_int,
    .step = postgres_step,
    .reset = postgres_reset,
    .add = postgres_add,
    .flush = postgres_flush,
    .text = postgres_text,
    .number = postgres_number,
    .null = postgres_null,
};
