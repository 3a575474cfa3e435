/* SPDX-License-Identifier: MIT
 *
 * server: a connection to another host's hil, and hil's verbs done there.
 *
 *     server_open(conf, ctx, &server, err)     ssh, hello; hosts in turn
 *     server_do(server, &call, ctx, &code, err)         one verb, to its end
 *     server_close(server)                              what still runs there ends, its board rests
 *
 * Errors begin with "server pi1: ", and say what to do. What the verb itself says (its exit code,
 * its words) is no error here. A connection is one thread's; several threads have several. Blocks
 * until the verb has ended, the ctx is over (the verb is cancelled there, and has SERVER_END_MS to
 * end) or nothing is heard any more (link.h).
 */
#ifndef HIL_REMOTE_SERVER_H
#define HIL_REMOTE_SERVER_H

#include "base/ctx.h"
#include "conf/server.h"
#include "image/image.h"

#include <stdbool.h>

#define SERVER_END_MS 10000

struct server;

int server_open(const struct server_conf *conf, const struct ctx *ctx, struct server **ret,
                struct err *err);
void server_close(struct server *server);             /* NULL is fine */
const char *server_host(const struct server *server); /* the one that answered */
/* Why a login to it was broken off before the one that went well; NULL: none was. */
const char *server_trouble(const struct server *server);

struct server_call {
    const char *verb;
    struct strv args;
    const struct image *image; /* the last argument is this file; NULL: none */
    const char *out_option;    /* "--out": followed by a directory there; NULL: none is wanted */
    const char *dir;           /* where the files come that were left in it */
    const char *const *files;  /* the names that they may have; NULL-terminated */
    const char *const *follow; /* those that come while they grow; NULL: none */
    const char
        *keep; /* the key under which it outlives the link once it has begun; NULL: it does not */
    bool (*leave)(void *arg); /* a cancel is to leave it at work; NULL: it never is */
    const char *behalf;       /* for whom that is, for others to read; NULL: not said */
    int in_fd;                /* goes to its stdin; 0: it has none */
    /* What it prints, as it comes; must be quick. `errors`: on stderr. */
    void (*output)(void *arg, bool errors, const char *bytes, size_t count);
    void *arg;
};

/* 0: *ret_code is its exit code. */
int server_do(struct server *server, const struct server_call *call, const struct ctx *ctx,
              int *ret_code, struct err *err);

/* What a call with that key has left: into call->dir, as of one that has just ended. *ret_code: 0,
 * or one of kept.h. */
int server_collect(struct server *server, const struct server_call *call, const struct ctx *ctx,
                   int *ret_code, struct err *err);
/* It is not wanted any more. */
int server_forget(struct server *server, const char *key, const struct ctx *ctx, struct err *err);

#endif
