/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/str.h"
#include "store/dump.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536

struct dump_reader {
    int fd;
    const char *name;
    struct buf bytes; /* read and not yet looked at */
    size_t line;
    bool begun, ended;
    uint64_t rows;
    size_t table;                /* DUMP_TABLES: none yet, or one that is not known */
    int place[DUMP_COLUMNS_MAX]; /* of the file's columns in the table; -1: not known */
    size_t columns;
    int (*each)(void *arg, size_t table, const struct dump_value *values, struct err *err);
    void *arg;
    struct err *err;
};

static int broken(const struct dump_reader *reader, const char *why)
{
    return err_set(reader->err, ERR_DATA, "%s:%zu: %s", reader->name, reader->line, why);
}

static int column_of(const struct dump_table *table, const char *name)
{
    cleanup_strv struct strv names = {0};

    strv_split(&names, table->columns, ',');
    for (size_t i = 0; name && i < names.count; i++)
        if (str_eq(names.items[i], name))
            return (int)i;
    return -1;
}

static int take_head(struct dump_reader *reader, const cJSON *object)
{
    const char *name = json_get_string(object, "table", NULL);
    const cJSON *columns = cJSON_GetObjectItemCaseSensitive(object, "columns"), *column;

    if (!name || !cJSON_IsArray(columns))
        return broken(reader, "neither a row nor the beginning of a table");
    for (reader->table = 0; reader->table < DUMP_TABLES; reader->table++)
        if (str_eq(dump_tables[reader->table].name, name))
            break;
    reader->columns = 0;
    cJSON_ArrayForEach(column, columns)
    {
        if (reader->columns == DUMP_COLUMNS_MAX)
            return broken(reader, "too many columns");
        reader->place[reader->columns++] =
            reader->table < DUMP_TABLES
                ? column_of(&dump_tables[reader->table], cJSON_GetStringValue(column))
                : -1;
    }
    return 0;
}

/* Numbers that not every reader of JSON has exactly are texts. */
static bool take_number(const cJSON *item, int64_t *ret)
{
    const char *text = cJSON_GetStringValue(item);
    char *end;

    if (text) {
        errno = 0;
        *ret = strtoll(text, &end, 10);
        return end != text && !*end && !errno;
    }
    if (!cJSON_IsNumber(item) || fabs(item->valuedouble) > 9007199254740992.0 ||
        item->valuedouble != trunc(item->valuedouble))
        return false;
    *ret = (int64_t)item->valuedouble;
    return true;
}

static bool take_value(const cJSON *item, char kind, struct dump_value *ret)
{
    *ret = (struct dump_value){.null = cJSON_IsNull(item)};
    if (ret->null)
        return true;
    if (kind == 'i')
        return take_number(item, &ret->number);
    ret->text = cJSON_GetStringValue(item);
    return ret->text;
}

static int take_row(struct dump_reader *reader, const cJSON *array)
{
    struct dump_value values[DUMP_COLUMNS_MAX];
    const struct dump_table *table;
    const cJSON *item = array->child;

    reader->rows++;
    if (!reader->columns)
        return broken(reader, "a row before the beginning of its table");
    for (size_t i = 0; i < DUMP_COLUMNS_MAX; i++)
        values[i] = (struct dump_value){.null = true};
    if (reader->table == DUMP_TABLES)
        return 0; /* of a newer hil */
    table = &dump_tables[reader->table];
    for (size_t i = 0; i < reader->columns; i++, item = item->next) {
        int at = reader->place[i];
        if (!item)
            return broken(reader, "a row with too few values");
        if (at >= 0 && !take_value(item, table->kinds[at], &values[at]))
            return broken(reader, "a value of the wrong kind");
    }
    return item ? broken(reader, "a row with too many values")
                : reader->each(reader->arg, reader->table, values, reader->err);
}

static int take_json(struct dump_reader *reader, const cJSON *json)
{
    if (!reader->begun) {
        if (json_get_int(json, "hil-store", 0) != 1)
            return broken(reader, "this is no export of hil store, or one of a newer hil");
        reader->begun = true;
        return 0;
    }
    if (reader->ended)
        return broken(reader, "something after its end");
    if (cJSON_IsArray(json))
        return take_row(reader, json);
    if (!cJSON_HasObjectItem(json, "end"))
        return take_head(reader, json);
    reader->ended = true;
    return json_get_int(json, "end", -1) == (int64_t)reader->rows
               ? 0
               : broken(reader, "rows are missing");
}

static int take_line(struct dump_reader *reader, const char *bytes, size_t count)
{
    cleanup_free char *what = NULL;
    cJSON *json = NULL;
    int rc;

    reader->line++;
    what = xasprintf("%s:%zu", reader->name, reader->line);
    rc = json_parse(bytes, count, DUMP_LINE_MAX, what, &json, reader->err);
    if (rc == 0)
        rc = take_json(reader, json);
    cJSON_Delete(json);
    return rc;
}

static int take_lines(struct dump_reader *reader)
{
    size_t at = 0;
    char *end;
    int rc = 0;

    while (rc == 0 && (end = memchr(reader->bytes.data + at, '\n', reader->bytes.size - at))) {
        size_t length = (size_t)(end - reader->bytes.data) - at;
        rc = take_line(reader, reader->bytes.data + at, length);
        at += length + 1;
    }
    buf_drop_front(&reader->bytes, at);
    return rc;
}

static int read_all(struct dump_reader *reader)
{
    int rc = 0;

    while (rc == 0) {
        char *space = buf_space(&reader->bytes, PIECE);
        ssize_t got;
        if (!space)
            return broken(reader, "a line that is too long");
        got = read(reader->fd, space, PIECE);
        if (got < 0 && errno != EINTR)
            return err_sys(reader->err, errno, "%s", reader->name);
        if (got == 0)
            break;
        buf_grew(&reader->bytes, got > 0 ? (size_t)got : 0);
        rc = take_lines(reader);
    }
    if (rc == 0 && (reader->bytes.size || !reader->ended))
        return broken(reader, "it was cut short: the end is missing");
    return rc;
}

int dump_read(int fd, const char *name,
              int (*each)(void *arg, size_t table, const struct dump_value *values,
                          struct err *err),
              void *arg, struct err *err)
{
    struct dump_reader reader = {.fd = fd,
                                 .name = name,
                                 .bytes = BUF_INIT(DUMP_LINE_MAX + PIECE),
                                 .table = DUMP_TABLES,
                                 .each = each,
                                 .arg = arg,
                                 .err = err};
    int rc = read_all(&reader);

    buf_done(&reader.bytes);
    return rc;
}
