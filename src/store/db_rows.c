/* SPDX-License-Identifier: MIT */
#include "store/db_rows.h"

#include "base/buf.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define SQL_MAX 65536 /* bytes of one statement, which is this program's own */
#define COLUMNS_MAX 32
#define FULL_BYTES (size_t)(1 << 20)
#define COLUMN_MAX (size_t)(1 << 26) /* far more than FULL_BYTES and one more text */

/* ---- SQL ------------------------------------------------------------------------------------- */

static const char word[] = "rows(";

static char *expand(const char *sql, bool arrays)
{
    const char *at = strstr(sql, word), *end = at ? strchr(at, ')') : NULL;
    cleanup_buf struct buf out = BUF_INIT(SQL_MAX);
    cleanup_strv struct strv names = {0};

    if (!end)
        return NULL;
    cleanup_free char *list = xstrndup(at + strlen(word), (size_t)(end - at) - strlen(word));
    strv_split(&names, list, ',');
    buf_add(&out, sql, (size_t)(at - sql));
    buf_adds(&out, arrays ? "unnest(" : "(SELECT ");
    for (size_t i = 0; i < names.count; i++)
        buf_addf(&out, "%s?%zu%s%s", i ? ", " : "", i + 1, arrays ? "" : " AS ",
                 arrays ? "" : names.items[i] + strspn(names.items[i], " "));
    buf_adds(&out, ") AS r");
    if (arrays)
        buf_addf(&out, "(%s)", list);
    buf_adds(&out, end + 1);
    return xstrdup(out.data);
}

char *db_rows_of_one(const char *sql)
{
    return expand(sql, false);
}

char *db_rows_of_arrays(const char *sql)
{
    return expand(sql, true);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

struct db_rows {
    struct buf columns[COLUMNS_MAX];
    bool is_number[COLUMNS_MAX];
    int count; /* columns; 0: no row yet */
    size_t bytes;
};

struct db_rows *db_rows_new(void)
{
    struct db_rows *rows = xcalloc(1, sizeof *rows);

    for (int i = 0; i < COLUMNS_MAX; i++)
        rows->columns[i] = (struct buf)BUF_INIT(COLUMN_MAX);
    return rows;
}

void db_rows_clear(struct db_rows *rows)
{
    for (int i = 0; i < COLUMNS_MAX; i++) {
        buf_clear(&rows->columns[i]);
        rows->is_number[i] = false;
    }
    rows->count = 0;
    rows->bytes = 0;
}

void db_rows_free(struct db_rows *rows)
{
    for (int i = 0; rows && i < COLUMNS_MAX; i++)
        buf_done(&rows->columns[i]);
    free(rows);
}

void db_rows_quote(struct buf *out, const char *text)
{
    buf_add(out, "\"", 1);
    for (size_t plain; *text; text += plain) {
        plain = strcspn(text, "\"\\");
        buf_add(out, text, plain);
        if (text[plain]) {
            buf_add(out, "\\", 1);
            buf_add(out, text + plain++, 1);
        }
    }
    buf_add(out, "\"", 1);
}

void db_rows_add(struct db_rows *rows, char *const *values, const bool *is_text, int columns)
{
    rows->bytes = 0;
    for (int i = 0; i < columns && i < COLUMNS_MAX; i++) {
        struct buf *column = &rows->columns[i];
        buf_add(column, rows->count ? "," : "{", 1);
        if (!values[i])
            buf_adds(column, "NULL");
        else if (is_text[i])
            db_rows_quote(column, values[i]);
        else
            buf_adds(column, values[i]);
        rows->is_number[i] |= values[i] && !is_text[i];
        rows->bytes += column->size;
    }
    rows->count = columns;
}

bool db_rows_full(const struct db_rows *rows)
{
    return rows->bytes > FULL_BYTES;
}

int db_rows_columns(const struct db_rows *rows)
{
    return rows->count;
}

char *db_rows_array(const struct db_rows *rows, int column, bool *ret_is_number)
{
    *ret_is_number = rows->is_number[column];
    return xasprintf("%s}", rows->columns[column].data);
}
