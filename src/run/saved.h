/* SPDX-License-Identifier: MIT
 *
 * saved: what job.json and run.json are read back with. They may be anybody's: every number has its
 * bounds, and nothing in them leads out of the run directory.
 */
#ifndef HIL_RUN_SAVED_H
#define HIL_RUN_SAVED_H

#include "base/arena.h"
#include "base/json.h"

#define SAVED_SCHEMA 1

/* What numbers may be: sums of them stay far from what overflows. */
#define SAVED_COUNT_MAX INT64_C(1000000000)
#define SAVED_BYTES_MAX (INT64_C(1) << 50)
#define SAVED_SPAN_MAX_US INT64_C(1000000000000000)   /* 31 years */
#define SAVED_UNIX_MAX_US INT64_C(253402300799000000) /* the end of 9999 */

/* An object of this version's schema, the caller's to free with cJSON_Delete(); else -ERR_DATA, or
 * the errors of fs_read(), and *ret is NULL. */
int saved_read(const char *path, cJSON **ret, struct err *err);

/* The strings of a list; NULL-terminated, and what is no string is left out. */
const char **saved_strings(struct arena *arena, const cJSON *list);
const char *saved_string(struct arena *arena, const cJSON *object, const char *name); /* or NULL */

struct saved_reader { /* where to say so when a number is none */
    const char *path;
    struct err *err;
    int rc; /* of the first mistake */
};
/* 0 to `max`; 0 where it is none of these. */
int64_t saved_number(struct saved_reader *reader, const cJSON *object, const char *name,
                     int64_t max);

/* A job's directory as such a file names it must lie below the run directory: no part of it is
 * empty or begins with a dot. */
bool saved_lies_below(const char *dir);

#endif
