/* SPDX-License-Identifier: MIT */
#include "store/db_engine.h"

#include <stdlib.h>

void db_close(struct db *db)
{
    if (!db)
        return;
    db->engine->close(db);
    free(db->name);
    free(db);
}

const char *db_name(const struct db *db)
{
    return db->name;
}

const char *db_file(const struct db *db)
{
    return db->is_file ? db->name : NULL;
}

int db_begin(struct db *db, enum db_use use, struct err *err)
{
    return db->engine->begin(db, use, err);
}

int db_end(struct db *db, int rc, struct err *err)
{
    if (rc == 0)
        rc = db_execute(db, "COMMIT", err);
    if (rc < 0)
        db_execute(db, "ROLLBACK", NULL);
    return rc;
}

int db_set_durable(struct db *db, bool durable, struct err *err)
{
    return db->engine->set_durable(db, durable, err);
}

int db_used(struct db *db, uint64_t *ret, struct err *err)
{
    return db->engine->used(db, ret, err);
}

int db_compact(struct db *db, struct err *err)
{
    return db->engine->compact(db, err);
}

void db_within(struct db *db, const struct ctx *ctx)
{
    if (db->engine->within)
        db->engine->within(db, ctx);
}

void db_rest(struct db *db)
{
    if (db->engine->rest)
        db->engine->rest(db);
}

int db_hurry(struct db *db, int64_t answer_ms, struct err *err)
{
    return db->engine->hurry ? db->engine->hurry(db, answer_ms, err) : 0;
}

int db_listen(struct db *db, const char *channel, struct err *err)
{
    return db->engine->listen ? db->engine->listen(db, channel, err) : 0;
}

int db_wait(struct db *db, const struct ctx *ctx, char **ret, struct err *err)
{
    *ret = NULL;
    if (db->engine->wait)
        return db->engine->wait(db, ctx, ret, err);
    int rc = ctx_wait(ctx, -1, 0, err);
    return rc > 0 ? 0 : rc;
}

int db_execute(struct db *db, const char *sql, struct err *err)
{
    return db->engine->execute(db, sql, err);
}

int db_prepare(struct db *db, const char *sql, struct statement **ret, struct err *err)
{
    return db->engine->prepare(db, sql, ret, err);
}

void statement_free(struct statement *statement)
{
    if (statement)
        statement->db->engine->statements->free(statement);
}

void statement_bind_text(struct statement *statement, int at, char *text)
{
    statement->db->engine->statements->bind_text(statement, at, text);
}

void statement_bind_array(struct statement *statement, int at, char *list)
{
    statement->db->engine->statements->bind_array(statement, at, list);
}

void statement_bind_int(struct statement *statement, int at, int64_t value)
{
    statement->db->engine->statements->bind_int(statement, at, value);
}

int statement_step(struct statement *statement, struct err *err)
{
    return statement->db->engine->statements->step(statement, err);
}

void statement_reset(struct statement *statement)
{
    statement->db->engine->statements->reset(statement);
}

int statement_add(struct statement *statement, struct err *err)
{
    return statement->db->engine->statements->add(statement, err);
}

int statement_flush(struct statement *statement, struct err *err)
{
    return statement->db->engine->statements->flush(statement, err);
}

const char *statement_text(struct statement *statement, int column)
{
    return statement->db->engine->statements->text(statement, column);
}

int64_t statement_int(struct statement *statement, int column)
{
    return statement->db->engine->statements->number(statement, column);
}

bool statement_null(struct statement *statement, int column)
{
    return statement->db->engine->statements->null(statement, column);
}

int64_t db_changes(const struct db *db)
{
    return db->engine->changes(db);
}

int64_t db_insert_id(struct db *db)
{
    return db->engine->insert_id(db);
}
