/* SPDX-License-Identifier: MIT
 *
 * str: small helpers for C strings, string lists, and locals that free themselves.
 *
 * Strings returned are malloc'ed and belong to the caller. Where memory runs out the program aborts
 * with one line (every growing thing in hil has a ceiling long before that). Nothing here blocks.
 */
#ifndef HIL_BASE_STR_H
#define HIL_BASE_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Locals: `cleanup_free char *name = ...;` */
#define cleanup_free __attribute__((cleanup(free_pointer)))
#define cleanup_close __attribute__((cleanup(close_fd))) /* an int file descriptor, -1: none */
#define cleanup_strv __attribute__((cleanup(strv_done)))
void free_pointer(void *pointer_to_pointer);
void close_fd(int *fd); /* -1 is fine; *fd becomes -1 */
int take_fd(int *fd);   /* the descriptor, for somebody else to close: *fd becomes -1 */

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Allocation that cannot fail; sizes are checked for overflow. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *text);                 /* NULL gives NULL */
char *xstrndup(const char *text, size_t length); /* at most `length` bytes, up to the NUL */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
/* Shell-like pattern over a slash-separated path: * and ? stop at '/', "**" does not; a component
 * that is "**" stands for any number of components, none too. */
bool str_glob(const char *pattern, const char *path);
/* The candidate closest to `word` (edit distance, a swap being one, at most a third of the word's
 * length, rounded up), or NULL. */
const char *str_nearest(const char *word, const char *const *candidates, size_t count);
/* Appends " (did you mean 'NEAREST'?)" to the message, or `otherwise`, where none is near and it is
 * not NULL. Returns -err->code. */
int str_hint_nearest(const char *word, const char *const *candidates, size_t count,
                     const char *otherwise, struct err *err);

/* Whole-string parsers. `what` names the thing in the message: "--at: 'x' is not an address". */
int str_to_u64(const char *text, uint64_t max, const char *what, uint64_t *ret, struct err *err);
int str_to_size(const char *text, const char *what, uint64_t *ret, struct err *err); /* 512K 1M */
int str_to_ms(const char *text, const char *what, int64_t *ret,
              struct err *err); /* 250ms 30s 10m 7d 0 */
/* "1.5 s", "250 ms", "2 min 5 s" into `out`; returns out. */
const char *str_from_us(int64_t microseconds, char out[32]);

/* "2026-11-26 14:03", in the host's time zone, or the number where there is no such date. */
#define STR_TIME_SIZE 32
const char *str_local_time(int64_t unix_s, char out[STR_TIME_SIZE]);

/* A list of strings that owns them and is always NULL-terminated once it holds anything. */
struct strv {
    char **items;
    size_t count;
};
void strv_add(struct strv *list, const char *text); /* copies */
void strv_add_owned(struct strv *list, char *text); /* takes over */
void strv_addf(struct strv *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_split(struct strv *list, const char *text, char sep); /* appends; empty parts dropped */
bool strv_has(const struct strv *list, const char *text);
bool strv_equal(const struct strv *a, const struct strv *b);
void strv_done(struct strv *list); /* leaves an empty list */

#endif
