/* SPDX-License-Identifier: MIT
 *
 * json: reading with limits (cJSON), and writing as a stream of flat memory.
 *
 * The writer puts commas and escapes itself; strings are cleaned to valid UTF-8 on the way
 * (base/text). `indent` 0 writes one line, as events.jsonl needs. Errors of the descriptor are
 * remembered and returned by json_end(). Not thread-safe; blocks as long as the file does.
 */
#ifndef HIL_BASE_JSON_H
#define HIL_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

/* Parses `count` bytes, at most `max`, nested at most JSON_DEPTH_MAX deep; -ERR_DATA says at which
 * offset it broke. The caller frees with cJSON_Delete(). `what` names the text in the message. */
int json_parse(const char *bytes, size_t count, size_t max, const char *what, cJSON **ret,
               struct err *err);
/* Members by name, or the fallback where missing or of another type. Borrowed from `object`. */
const char *json_get_string(const cJSON *object, const char *name, const char *fallback);
int64_t json_get_int(const cJSON *object, const char *name, int64_t fallback);
bool json_get_bool(const cJSON *object, const char *name, bool fallback);

struct json_out {
    struct buf pending;
    int fd;
    int indent;
    int depth;
    bool first[JSON_DEPTH_MAX + 2]; /* no member yet at this depth */
    bool after_key;
    int failed_errno;
};

void json_begin(struct json_out *out, int fd, int indent); /* fd -1: collect in `pending` only */
void json_object(struct json_out *out);
void json_object_end(struct json_out *out);
void json_array(struct json_out *out);
void json_array_end(struct json_out *out);
void json_key(struct json_out *out, const char *name);
void json_string(struct json_out *out, const char *text); /* NULL writes null */
void json_bytes(struct json_out *out, const char *bytes, size_t count);
void json_int(struct json_out *out, int64_t value);
void json_double(struct json_out *out, double value, int decimals);
void json_bool(struct json_out *out, bool value);
void json_null(struct json_out *out);
void json_raw(struct json_out *out, const char *json); /* a value that is JSON already, as it is */
/* The most common: a key with its value. */
void json_kv_string(struct json_out *out, const char *name, const char *text);
void json_kv_int(struct json_out *out, const char *name, int64_t value);
void json_kv_bool(struct json_out *out, const char *name, bool value);
/* A list of strings; `items` ends with NULL, and NULL is none. */
void json_kv_strings(struct json_out *out, const char *name, const char *const *items);
void json_kv_strv(struct json_out *out, const char *name, const struct strv *items);
/* Ends the document with a newline, flushes to fd, returns the first error met. */
int json_end(struct json_out *out, struct err *err);
void json_done(struct json_out *out); /* frees; harmless after json_end() */

#endif
