/* SPDX-License-Identifier: MIT
 *
 * notice: one thing that happened and that somebody may want to hear of.
 *
 * All strings are borrowed; title and text may hold what a board printed. A notice waits on disk as
 * one JSON object: notice_write() makes it, notice_read() takes it back. Nothing here blocks.
 */
#ifndef HIL_NOTIFY_NOTICE_H
#define HIL_NOTIFY_NOTICE_H

#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

enum notice_kind {
    NOTICE_PASS, /* a run ended so, or a health check */
    NOTICE_FAIL,
    NOTICE_INFRA,
    NOTICE_QUARANTINE, /* a board goes into quarantine, */
    NOTICE_RELEASE,    /* and comes out of it */
    NOTICE_WATCH,      /* hil watch has put an image onto a board, or has failed to */
    NOTICE_RIG,        /* a board on a rig failed, or a shift is over */
    NOTICE_POOL_LOW,   /* a pool of identities runs dry */
    NOTICE_TEST,       /* hil notify --test */
    NOTICE_KINDS
};
extern const char *const notice_kind_names[NOTICE_KINDS + 1]; /* NULL-terminated */

struct notice {
    enum notice_kind kind;
    const char *lab;
    const char *const *boards; /* that it is about, NULL-terminated; NULL: the lab */
    const char *title;         /* one line; says the lab and the board */
    const char *text;          /* more lines; NULL: none */
    const char *url;           /* where to look; NULL: nowhere */
    int64_t unix_us;           /* when */
    uint64_t dropped;          /* notices before it that the queue had no room for */
};

#define NOTICE_MAX ((size_t)64 << 10) /* bytes on disk */

void notice_write(struct json_out *out, const struct notice *notice); /* as an object */

struct notice_read { /* owns what the notice borrows */
    struct notice notice;
    cJSON *json;
    const char **boards;
};
/* -ERR_DATA: it is none. */
int notice_read(const char *bytes, size_t count, struct notice_read *ret, struct err *err);
void notice_read_done(struct notice_read *read); /* zeroed is fine */

#endif
