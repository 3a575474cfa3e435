/* SPDX-License-Identifier: MIT
 *
 * pool_value: how an identity is written, and what a range of them is.
 *
 *     02:00:00:00:10:00                          a MAC address; 02-00-... and 020000001000 are the same
 *     02:00:00:00:10:00-02:00:00:00:1f:ff        4096 of them
 *     HIL-2026-0001-HIL-2026-0999                serial numbers: same text before the last digits
 *
 * Pure functions.
 */
#ifndef HIL_STORE_POOL_VALUE_H
#define HIL_STORE_POOL_VALUE_H

#include "base/err.h"

#include <stdint.h>

enum pool_kind { POOL_MAC, POOL_SERIAL, POOL_KEY, POOL_KINDS };
extern const char *const pool_kind_names[POOL_KINDS + 1]; /* "mac" "serial" "key", NULL */

#define POOL_VALUE_MAX 1024 /* bytes */
#define POOL_DIGITS_MAX 18

struct pool_span { /* FIRST-LAST */
    char prefix[POOL_VALUE_MAX + 1];
    int digits; /* of the number behind the prefix, with leading zeroes; 0: of a MAC address */
    int64_t first, last;
};

/* The one way to write it, malloc'ed. NULL, with -ERR_USAGE's words: it is none of that kind. */
char *pool_value(enum pool_kind kind, const char *text, struct err *err);
/* 1: a range; 0: it is none, and may be a value; -ERR_USAGE: one that cannot be. */
int pool_span_parse(enum pool_kind kind, const char *text, struct pool_span *ret, struct err *err);
char *pool_span_value(const struct pool_span *span, int64_t at); /* the caller frees */
/* "sha256:1f3a9c04" of what should not be seen on a screen, else the value; the caller frees. */
char *pool_value_shown(enum pool_kind kind, const char *value);

#endif
