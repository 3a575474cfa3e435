/* SPDX-License-Identifier: MIT
 *
 * access: who may see the page, and who may have something done.
 *
 *     access_host_ok     the Host header names us: no page of another site, whose name an attacker's
 *                        resolver turned to our address, gets an answer (DNS rebinding)
 *     access_is_known    the bearer token, or the cookie that a login with it gave
 *     access_origin_ok   a POST comes from our own page
 *     access_key_ok      and from one that could read it (the key is in what viewers are sent)
 *
 * Secrets are compared in constant time. Pure functions of the headers, any bytes; NULL: the header
 * is not there.
 */
#ifndef HIL_SERVE_PAGE_ACCESS_H
#define HIL_SERVE_PAGE_ACCESS_H

#include "base/err.h"
#include "base/str.h"

#define ACCESS_TOKEN_MIN 16 /* characters: fewer can be guessed */
#define ACCESS_TOKEN_MAX 1024
#define ACCESS_KEY_SIZE 65

struct access {
    char *token; /* NULL: everybody may see */
    struct strv hosts;
    char cookie[ACCESS_KEY_SIZE]; /* what one who knows the token is given */
    char key[ACCESS_KEY_SIZE];    /* new with each start */
    bool tls;
};
/* `token_file` and `hosts` may be NULL. This host's own name is one of the hosts. */
int access_open(struct access *access, const char *token_file, const struct strv *hosts, bool tls,
                struct err *err);
void access_done(struct access *access);

/* An address in digits, localhost, or one of the hosts; the port does not matter. */
bool access_host_ok(const struct access *access, const char *host);
bool access_token_ok(const struct access *access, const char *token);
bool access_is_known(const struct access *access, const char *authorization, const char *cookie);
/* A browser sends Origin with each POST; others need not. Of a form on a page whose referrer policy
 * is no-referrer that is "null", as a stranger's may be, and Sec-Fetch-Site tells which. */
bool access_origin_ok(const struct access *access, const char *origin, const char *host,
                      const char *fetch_site);
bool access_key_ok(const struct access *access, const char *key);
/* The value of `token` in a form (application/x-www-form-urlencoded); NULL: there is none. The
 * caller frees. */
char *access_form_token(const char *body, size_t count);

#endif
