/* SPDX-License-Identifier: MIT
 *
 * page: the lab on one web page: the service of `hil serve`.
 *
 *     leases, store, runs' files, other services' files → what is news → frames → viewers
 *
 * It costs a run nothing: runs are other processes and write what they always write. While nobody
 * looks, nothing is read. The loop is one thread, libmicrohttpd inside it; the store is asked on
 * another (asker.h), and what else may block (a board's reset, a look for its devices) is a child.
 * SIGHUP reads lab.yaml again; one that is wrong is told, and the old one stays.
 *
 * Starts the guardian: must be called before any thread. Blocks until SIGINT or SIGTERM, and then
 * for up to three seconds.
 */
#ifndef HIL_SERVE_PAGE_PAGE_H
#define HIL_SERVE_PAGE_PAGE_H

#include "base/err.h"
#include "base/str.h"

#include <stdio.h>

#define PAGE_LISTEN "127.0.0.1:8320"

struct page_request {
    const char *version;
    const char *lab;        /* what --lab says; NULL: look in the usual places */
    const char *listen;     /* "ADDRESS:PORT" */
    const char *token_file; /* NULL: who can connect may see */
    const struct strv *hosts;
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain HTTP */
    bool control;                   /* viewers may reset, switch and release boards */
    const char *const *services;    /* names to run beside it, NULL-terminated */
    const char *github_token_file;  /* for those that ask GitHub; may be NULL */
    FILE *out;                      /* lines for people */
};
/* -ERR_CANCELLED: a signal ended it. */
int page_run(const struct page_request *request, struct err *err);

#endif
