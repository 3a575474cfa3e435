/* SPDX-License-Identifier: MIT
 *
 * hook: what a webhook's delivery says, once it is known who says it.
 *
 *     hook_signed(secret, size, bytes, count, header)    over the raw body, before it is looked into
 *     hook_is_new(&memory, delivery)                     a delivery is taken once
 *     hook_read("release", bytes, count, &event, err)
 *     hook_wakes(&event, conf)
 *
 * Nothing blocks. One thread at a time for a memory.
 */
#ifndef HIL_SERVE_HOOK_H
#define HIL_SERVE_HOOK_H

#include "serve/watch_conf.h"

#define HOOK_BODY_MAX ((size_t)4 << 20)
#define HOOK_TEXT_MAX 256
#define HOOK_REMEMBERED 4096

/* "sha256=" and 64 digits, the HMAC-SHA256 of the bytes (FIPS 198-1); compared in constant time. */
bool hook_signed(const void *secret, size_t size, const void *bytes, size_t count,
                 const char *header);

struct hook_memory { /* the last deliveries; zeroed is empty */
    char *ids[HOOK_REMEMBERED];
    size_t next;
};
/* An id is at most 64 letters, digits and '-'. */
bool hook_id_ok(const char *id);
/* False: it is known; true: it is from now on. */
bool hook_is_new(struct hook_memory *memory, const char *id);
void hook_memory_done(struct hook_memory *memory);

enum hook_kind {
    HOOK_NOTHING,  /* an event that means nothing to us */
    HOOK_RELEASE,  /* something about a release changed */
    HOOK_RUN,      /* a workflow run succeeded */
    HOOK_DISPATCH, /* somebody wants us to look */
};
struct hook_event { /* plain bytes: it goes through a socket */
    enum hook_kind kind;
    char repo[HOOK_TEXT_MAX];   /* "owner/name" */
    char branch[HOOK_TEXT_MAX]; /* of a run, else "" */
};
/* `name` is X-GitHub-Event. -ERR_DATA: it is no such event. */
int hook_read(const char *name, const char *bytes, size_t count, struct hook_event *ret,
              struct err *err);
bool hook_wakes(const struct hook_event *event, const struct watch_conf *conf);

#endif
