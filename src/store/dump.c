/* SPDX-License-Identifier: MIT */
#include "store/dump.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "store/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXACT_MAX (INT64_C(1) << 53) /* what any reader of JSON has exactly */
#define PENDING_MAX ((size_t)1 << 20)
#define PENDING_FULL ((size_t)1 << 16)

const struct dump_table dump_tables[DUMP_TABLES + 1] = {
    {"totals", "lab,board,verdict,jobs,took_us", "sssii", "lab, board, verdict"},
    {"names", "id,suite,name,seen_day", "issi", "id"},
    {"runs", "id,lab,verdict,started_us,took_us,repository,sha,ref,describe,url", "issiisssss",
     "id"},
    {"jobs",
     "id,run_id,lab,board,test,image_file,image_sha256,image_build_id,verdict,reason,blame,"
     "started_us,at_us,took_us,flash_us,test_us,attempt,last,passed,failed,errors,skipped,flaky",
     "iisssssssssiiiiiiiiiiii", "id"},
    {"cases", "job_id,name_id,seq,result,duration_us", "iiiii", "job_id, name_id, seq"},
    {"quarantine", "lab,board,reason,since_us,image", "sssis", "lab, board"},
    {"events", "at_us,lab,board,kind,text", "issss", "id"},
    {"carried", "lab,board,image_sha256,image_file,since_us", "ssssi", "lab, board"},
    {"watched",
     "lab,board,image,image_sha256,tag,asset,flashed_us,failed,failures,retry_us,reason,aside,"
     "verdict",
     "ssssssisiisss", "lab, board"},
    {"attempts",
     "lab,board,tool,probe,image,image_sha256,tag,asset,golden,started_us,took_us,exit_code,"
     "verdict,reason,wrote,run_id",
     "ssssssssiiiissii", "id"},
    {"rigged",
     "lab,board,slot,path,image_sha256,image_file,started_us,took_us,outcome,step,reason,identity",
     "ssisssiissss", "id"},
    {"pools", "name,kind", "ss", "name"},
    {"pool_ranges", "pool,prefix,digits,first,last,next", "ssiiii", "id"},
    {"identities", "pool,kind,value,state,board,drawn_us,since_us,note", "sssssiis", "id"},
    {NULL, NULL, NULL, NULL},
};

static void write_number(struct json_out *out, int64_t value)
{
    char text[32];

    if (value < EXACT_MAX && value > -EXACT_MAX) {
        json_int(out, value);
        return;
    }
    snprintf(text, sizeof text, "%" PRId64, value);
    json_string(out, text);
}

static void write_row(struct json_out *out, struct statement *row, const char *kinds)
{
    json_array(out);
    for (int i = 0; kinds[i]; i++) {
        if (statement_null(row, i))
            json_null(out);
        else if (kinds[i] == 's')
            json_string(out, statement_text(row, i));
        else
            write_number(out, statement_int(row, i));
    }
    json_array_end(out);
}

struct writing {
    struct store *store;
    int fd;
    const char *name;
    struct buf pending;
    uint64_t rows;
    struct err *err;
};

static int flush(struct writing *writing)
{
    int rc = fs_write_all(writing->fd, writing->pending.data, writing->pending.size, writing->name,
                          writing->err);

    buf_clear(&writing->pending);
    return rc;
}

/* A document of its own a line. */
static int end_line(struct writing *writing, struct json_out *out)
{
    int rc = json_end(out, writing->err);

    if (rc == 0)
        rc = buf_add(&writing->pending, out->pending.data, out->pending.size);
    json_done(out);
    return rc == 0 && writing->pending.size > PENDING_FULL ? flush(writing) : rc;
}

static int write_head(struct writing *writing, const struct dump_table *table)
{
    cleanup_strv struct strv names = {0};
    struct json_out out;

    strv_split(&names, table->columns, ',');
    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "table", table->name);
    json_key(&out, "columns");
    json_array(&out);
    for (size_t i = 0; i < names.count; i++)
        json_string(&out, names.items[i]);
    json_array_end(&out);
    json_object_end(&out);
    return end_line(writing, &out);
}

static int write_count(struct writing *writing, const char *key, int64_t value)
{
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_int(&out, key, value);
    json_object_end(&out);
    return end_line(writing, &out);
}

/* Pieces of a table by its first column, so that a server's answer fits into memory. */
#define PIECE 50000

static int write_piece(struct writing *writing, const struct dump_table *table, int64_t offset,
                       uint64_t *ret)
{
    cleanup_free char *sql = xasprintf("SELECT %s FROM %s ORDER BY %s LIMIT ? OFFSET ?",
                                       table->columns, table->name, table->order);
    cleanup_statement struct statement *rows = NULL;
    int rc = db_prepare(writing->store->db, sql, &rows, writing->err);

    *ret = 0;
    if (rc < 0)
        return rc;
    statement_bind_int(rows, 1, PIECE);
    statement_bind_int(rows, 2, offset);
    while (rc == 0 && (rc = statement_step(rows, writing->err)) == 1) {
        struct json_out out;
        json_begin(&out, -1, 0);
        write_row(&out, rows, table->kinds);
        ++*ret;
        rc = end_line(writing, &out);
    }
    return rc;
}

static int write_all(struct writing *writing)
{
    int rc = write_count(writing, "hil-store", 1);

    for (const struct dump_table *table = dump_tables; table->name && rc == 0; table++) {
        uint64_t piece = PIECE;
        rc = write_head(writing, table);
        for (int64_t offset = 0; rc == 0 && piece == PIECE; offset += PIECE) {
            rc = write_piece(writing, table, offset, &piece);
            writing->rows += piece;
        }
    }
    if (rc == 0)
        rc = write_count(writing, "end", (int64_t)writing->rows);
    return rc < 0 ? rc : flush(writing);
}

int store_export(struct store *store, int fd, const char *name, uint64_t *ret_rows, struct err *err)
{
    struct writing writing = {
        .store = store, .fd = fd, .name = name, .pending = BUF_INIT(PENDING_MAX), .err = err};
    int rc = db_begin(store->db, DB_READS, err);

    if (rc < 0)
        return rc;
    rc = write_all(&writing);
    db_end(store->db, -1, NULL); /* nothing was written */
    buf_done(&writing.pending);
    *ret_rows = writing.rows;
    return rc;
}

int store_rows(struct store *store, uint64_t *ret, struct err *err)
{
    int rc = 0;

    *ret = 0;
    for (const struct dump_table *table = dump_tables; table->name && rc >= 0; table++) {
        cleanup_free char *sql = xasprintf("SELECT count(*) FROM %s", table->name);
        cleanup_statement struct statement *count = NULL;
        rc = db_prepare(store->db, sql, &count, err);
        if (rc == 0)
            rc = statement_step(count, err);
        *ret += rc == 1 ? (uint64_t)statement_int(count, 0) : 0;
    }
    return rc < 0 ? rc : 0;
}

static int ask(struct store *store, const char *sql, int64_t *ret, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db, sql, &statement, err);

    if (rc == 0)
        rc = statement_step(statement, err);
    *ret = rc == 1 ? statement_int(statement, 0) : 0;
    return rc < 0 ? rc : 0;
}

int store_facts(struct store *store, struct store_facts *ret, struct err *err)
{
    bool file = db_file(store->db);
    int64_t schema = 0, bytes = 0, runs = 0, writable = 0;
    int rc;

    *ret = (struct store_facts){.place = db_name(store->db)};
    rc = store_rows(store, &ret->rows, err);
    if (rc == 0)
        rc = ask(store, "SELECT count(*) FROM runs", &runs, err);
    if (rc == 0)
        rc = ask(store, file ? "PRAGMA user_version" : "SELECT version FROM hil_schema", &schema,
                 err);
    if (rc == 0)
        rc = ask(store,
                 file ? "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
                      : "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c"
                        " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
                 &bytes, err);
    if (rc == 0 && !file)
        rc =
            ask(store,
                "SELECT CASE WHEN has_table_privilege('runs', 'INSERT') AND has_sequence_privilege("
                "pg_get_serial_sequence('runs', 'id'), 'USAGE') AND has_database_privilege("
                "current_database(), 'TEMPORARY') THEN 1 ELSE 0 END",
                &writable, err);
    ret->writable = file ? access(db_file(store->db), W_OK) == 0 : writable;
    ret->schema = (int)schema;
    ret->bytes = (uint64_t)bytes;
    ret->runs = (uint64_t)runs;
    return rc;
}
