/* SPDX-License-Identifier: MIT */
#include "base/rows.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)1 << 20)

static void flush(struct rows *rows)
{
    if (rows->rc == 0)
        rows->rc = fs_write_all(rows->fd, rows->line.data, rows->line.size, "output", &rows->err);
    buf_clear(&rows->line);
}

void rows_begin(struct rows *rows, enum rows_format format, int fd)
{
    *rows = (struct rows){.format = format, .line = BUF_INIT(LINE_MAX_BYTES), .fd = fd};
    if (format == ROWS_CSV)
        return;
    json_begin(&rows->json, fd, 2);
    json_object(&rows->json);
    json_kv_int(&rows->json, "schema", 1);
}

/* ---- lists and rows -------------------------------------------------------------------------- */

static void end_line(struct rows *rows)
{
    buf_adds(&rows->line, "\r\n"); /* RFC 4180, section 2 */
    flush(rows);
    rows->first = true;
}

void rows_list(struct rows *rows, const char *name)
{
    rows->columns = rows->first = true;
    if (rows->format == ROWS_CSV)
        return;
    json_key(&rows->json, name);
    json_array(&rows->json);
}

void rows_list_rows(struct rows *rows)
{
    rows->columns = false;
    if (rows->format == ROWS_CSV)
        end_line(rows);
}

void rows_row(struct rows *rows)
{
    if (rows->format == ROWS_JSON)
        json_object(&rows->json);
}

void rows_row_end(struct rows *rows)
{
    if (rows->format == ROWS_JSON)
        json_object_end(&rows->json);
    else
        end_line(rows);
}

void rows_list_end(struct rows *rows)
{
    if (rows->format == ROWS_JSON)
        json_array_end(&rows->json);
}

int rows_end(struct rows *rows, struct err *err)
{
    int rc = rows->rc;

    if (rc < 0 && err)
        *err = rows->err;
    if (rows->format == ROWS_JSON) {
        json_object_end(&rows->json);
        rc = json_end(&rows->json, err);
        json_done(&rows->json);
    }
    buf_done(&rows->line);
    return rc;
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* A cell that holds a separator, a quote or a line's end stands in quotes. */
static void add_cell(struct rows *rows, const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n");

    if (!rows->first)
        buf_adds(&rows->line, ",");
    rows->first = false;
    if (!quoted) {
        buf_adds(&rows->line, text);
        return;
    }
    buf_adds(&rows->line, "\"");
    for (const char *at = text; *at; at++)
        buf_add(&rows->line, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
    buf_adds(&rows->line, "\"");
}

/* True where the value is to be written to JSON; CSV's cell is done. */
static bool begin(struct rows *rows, const char *name, const char *cell)
{
    if (rows->format == ROWS_CSV) {
        add_cell(rows, rows->columns ? name : cell);
        return false;
    }
    if (!rows->columns)
        json_key(&rows->json, name);
    return !rows->columns;
}

void rows_string(struct rows *rows, const char *name, const char *text)
{
    cleanup_free char *clean = text ? text_clean_dup(text, LINE_MAX_BYTES / 4, 0) : NULL;

    if (begin(rows, name, clean ? clean : ""))
        json_string(&rows->json, clean);
}

void rows_int(struct rows *rows, const char *name, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, value);
    if (begin(rows, name, text))
        json_int(&rows->json, value);
}

void rows_bool(struct rows *rows, const char *name, bool value)
{
    if (begin(rows, name, value ? "true" : "false"))
        json_bool(&rows->json, value);
}

void rows_double(struct rows *rows, const char *name, double value, int decimals)
{
    char text[64];

    snprintf(text, sizeof text, "%.*f", decimals, value);
    if (begin(rows, name, text))
        json_double(&rows->json, value, decimals);
}

void rows_seconds(struct rows *rows, const char *name, int64_t us)
{
    if (us >= 0)
        rows_double(rows, name, (double)us / 1e6, 6);
    else if (begin(rows, name, ""))
        json_null(&rows->json);
}
