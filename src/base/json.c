/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/fs.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FLUSH_SIZE 65536
#define MEMORY_MAX ((size_t)256 << 20) /* of a document that is collected, not written */
#define DECIMALS_MAX 17                /* more says nothing about a double */

/* ---- reading ------------------------------------------------------------------------------- */

static int broken(const char *what, size_t offset, const char *why, struct err *err)
{
    return err_set(err, ERR_DATA, "%s: offset %zu: %s", what, offset, why);
}

/* cJSON recurses as deep as its input says, takes control characters inside strings, and hands out
 * "a\u0000b" as a C string that ends after the a. None of that reaches it. */
static int check_text(const char *bytes, size_t count, const char *what, bool *ret_unfinished,
                      struct err *err)
{
    bool in_string = false;
    size_t depth = 0;

    for (size_t i = 0; i < count; i++) {
        char byte = bytes[i];
        if (in_string && byte == '\\') {
            if (count - i >= 6 && str_starts(bytes + i, "\\u0000"))
                return broken(what, i, "a string holds a NUL", err);
            i++;
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (in_string) {
            if ((unsigned char)byte < 0x20)
                return broken(what, i, "control character in a string", err);
        } else if ((unsigned char)byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') {
            return broken(what, i, "control character", err);
        } else if (byte == '{' || byte == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return broken(what, i, "nested too deep", err);
        } else if ((byte == '}' || byte == ']') && depth) {
            depth--;
        }
    }
    if (in_string)
        return broken(what, count, "ends too early", err);
    *ret_unfinished = depth;
    return 0;
}

int json_parse(const char *bytes, size_t count, size_t max, const char *what, cJSON **ret,
               struct err *err)
{
    const char *end = NULL;
    bool unfinished = false;
    cJSON *tree;
    size_t offset;
    int rc;

    if (count > max)
        return err_set(err, ERR_LIMIT, "%s: larger than %zu bytes", what, max);
    if (!count)
        return err_set(err, ERR_DATA, "%s: empty, not JSON", what);
    rc = check_text(bytes, count, what, &unfinished, err);
    if (rc < 0)
        return rc;
    tree = cJSON_ParseWithLengthOpts(bytes, count, &end, false);
    offset = end ? (size_t)(end - bytes) : 0;
    if (!tree && unfinished && offset + 1 >= count)
        return broken(what, count, "ends too early", err);
    if (!tree)
        return broken(what, offset, "not JSON", err);
    while (offset < count && strchr(" \t\r\n", bytes[offset]))
        offset++;
    if (offset < count) {
        cJSON_Delete(tree);
        return broken(what, offset, "something follows the document", err);
    }
    *ret = tree;
    return 0;
}

const char *json_get_string(const cJSON *object, const char *name, const char *fallback)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(member) ? member->valuestring : fallback;
}

int64_t json_get_int(const cJSON *object, const char *name, int64_t fallback)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    double value = cJSON_IsNumber(member) ? member->valuedouble : NAN;

    /* 2^63 is the first double that does not fit; NaN fails every comparison */
    if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0) ||
        value != trunc(value))
        return fallback;
    return (int64_t)value;
}

bool json_get_bool(const cJSON *object, const char *name, bool fallback)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsBool(member) ? cJSON_IsTrue(member) : fallback;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void fail(struct json_out *out, int sys_errno)
{
    if (!out->failed_errno)
        out->failed_errno = sys_errno ? sys_errno : EIO;
}

static void flush(struct json_out *out)
{
    struct err why;

    if (!out->failed_errno && out->pending.size &&
        fs_write_all(out->fd, out->pending.data, out->pending.size, "", &why) < 0)
        fail(out, why.sys_errno);
    buf_clear(&out->pending);
}

static void put(struct json_out *out, const char *bytes, size_t count)
{
    while (count && !out->failed_errno) {
        size_t part = count < FLUSH_SIZE ? count : FLUSH_SIZE;
        if (out->fd >= 0 && out->pending.size + part > FLUSH_SIZE)
            flush(out);
        if (buf_add(&out->pending, bytes, part) < 0)
            fail(out, EFBIG);
        bytes += part;
        count -= part;
    }
}

static void puts_text(struct json_out *out, const char *text)
{
    put(out, text, strlen(text));
}

static void new_line(struct json_out *out)
{
    if (!out->indent)
        return;
    puts_text(out, "\n");
    for (int i = 0; i < out->depth * out->indent; i++)
        puts_text(out, " ");
}

/* What stands before a value or a key: a comma unless it is the first, and its place on the page.
 */
static void begin_item(struct json_out *out)
{
    if (out->after_key) {
        out->after_key = false;
        return;
    }
    if (!out->depth)
        return;
    if (!out->first[out->depth])
        puts_text(out, ",");
    out->first[out->depth] = false;
    new_line(out);
}

static void open_level(struct json_out *out, const char *bracket)
{
    begin_item(out);
    puts_text(out, bracket);
    if (out->depth + 1 >= (int)ARRAY_SIZE(out->first)) {
        fail(out, E2BIG);
        return;
    }
    out->first[++out->depth] = true;
}

static void close_level(struct json_out *out, const char *bracket)
{
    bool empty;

    if (!out->depth) {
        fail(out, EINVAL);
        return;
    }
    empty = out->first[out->depth--];
    if (!empty)
        new_line(out);
    puts_text(out, bracket);
}

static void quote_clean(struct json_out *out, const char *bytes, size_t count)
{
    size_t kept_from = 0;

    puts_text(out, "\"");
    for (size_t i = 0; i < count; i++) {
        char escape[2] = {'\\', bytes[i]};
        switch (bytes[i]) {
        case '"':
        case '\\':
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '\t':
            escape[1] = 't';
            break;
        default: /* text_clean() leaves no other control character */
            continue;
        }
        put(out, bytes + kept_from, i - kept_from);
        put(out, escape, 2);
        kept_from = i + 1;
    }
    put(out, bytes + kept_from, count - kept_from);
    puts_text(out, "\"");
}

static void quote(struct json_out *out, const char *bytes, size_t count)
{
    cleanup_buf struct buf clean = BUF_INIT(SIZE_MAX / 4);

    if (text_is_clean(bytes, count)) {
        quote_clean(out, bytes, count);
        return;
    }
    text_clean(&clean, bytes, count, 0);
    quote_clean(out, clean.data, clean.size);
}

void json_begin(struct json_out *out, int fd, int indent)
{
    *out = (struct json_out){
        .pending = BUF_INIT(fd < 0 ? MEMORY_MAX : FLUSH_SIZE), .fd = fd, .indent = indent};
}

void json_object(struct json_out *out)
{
    open_level(out, "{");
}

void json_object_end(struct json_out *out)
{
    close_level(out, "}");
}

void json_array(struct json_out *out)
{
    open_level(out, "[");
}

void json_array_end(struct json_out *out)
{
    close_level(out, "]");
}

void json_key(struct json_out *out, const char *name)
{
    begin_item(out);
    quote(out, name, strlen(name));
    puts_text(out, out->indent ? ": " : ":");
    out->after_key = true;
}

void json_bytes(struct json_out *out, const char *bytes, size_t count)
{
    begin_item(out);
    quote(out, bytes, count);
}

void json_string(struct json_out *out, const char *text)
{
    if (text)
        json_bytes(out, text, strlen(text));
    else
        json_null(out);
}

void json_int(struct json_out *out, int64_t value)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%" PRId64, value);
    begin_item(out);
    puts_text(out, digits);
}

void json_raw(struct json_out *out, const char *json)
{
    begin_item(out);
    puts_text(out, json);
}

void json_double(struct json_out *out, double value, int decimals)
{
    char text[400]; /* DBL_MAX has 309 digits before the point */
    size_t whole, point;

    if (!isfinite(value)) { /* RFC 8259, section 6: there is no such number */
        json_null(out);
        return;
    }
    if (decimals < 0 || decimals > DECIMALS_MAX)
        decimals = decimals < 0 ? 0 : DECIMALS_MAX;
    snprintf(text, sizeof text, "%.*f", decimals, value);
    begin_item(out);
    whole = strspn(text, "-0123456789");
    put(out, text, whole);
    if (!text[whole])
        return;
    point = strcspn(text + whole, "0123456789"); /* the locale's, of one byte or several */
    puts_text(out, ".");
    puts_text(out, text + whole + point);
}

void json_bool(struct json_out *out, bool value)
{
    begin_item(out);
    puts_text(out, value ? "true" : "false");
}

void json_null(struct json_out *out)
{
    begin_item(out);
    puts_text(out, "null");
}

void json_kv_string(struct json_out *out, const char *name, const char *text)
{
    json_key(out, name);
    json_string(out, text);
}

void json_kv_int(struct json_out *out, const char *name, int64_t value)
{
    json_key(out, name);
    json_int(out, value);
}

void json_kv_bool(struct json_out *out, const char *name, bool value)
{
    json_key(out, name);
    json_bool(out, value);
}

void json_kv_strings(struct json_out *out, const char *name, const char *const *items)
{
    json_key(out, name);
    json_array(out);
    for (; items && *items; items++)
        json_string(out, *items);
    json_array_end(out);
}

void json_kv_strv(struct json_out *out, const char *name, const struct strv *items)
{
    json_key(out, name);
    json_array(out);
    for (size_t i = 0; i < items->count; i++)
        json_string(out, items->items[i]);
    json_array_end(out);
}

int json_end(struct json_out *out, struct err *err)
{
    if (out->depth || out->after_key)
        fail(out, EINVAL);
    puts_text(out, "\n");
    if (out->fd >= 0) {
        flush(out);
        buf_done(&out->pending);
    }
    return out->failed_errno ? err_sys(err, out->failed_errno, "cannot write JSON") : 0;
}

void json_done(struct json_out *out)
{
    buf_done(&out->pending);
}
