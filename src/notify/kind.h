/* SPDX-License-Identifier: MIT
 *
 * kind: what a kind of sink brings: its fields in lab.yaml, and how a message gets there.
 *
 * A new one is a file with a `const struct sink_kind` and a row in sinks.c.
 */
#ifndef HIL_NOTIFY_KIND_H
#define HIL_NOTIFY_KIND_H

#include "base/ctx.h"
#include "conf/field.h"
#include "notify/message.h"
#include "notify/sinks.h"

struct sink_kind {
    const char *name;
    const char *help;
    const struct field *rows;
    size_t size;                /* of its struct */
    void (*preset)(void *conf); /* NULL: all zero */
    void (*check)(const void *conf, const struct yaml_node *node, struct diags *diags);
    /* 0: it is there. Else *ret_wait_ms is how long the other side wants to be left alone, 0 where
     * it says nothing. Messages name no secret. Blocks until the ctx is over. */
    int (*deliver)(const struct sink *sink, const struct message *message, const char *version,
                   const struct ctx *ctx, int64_t *ret_wait_ms, struct err *err);
    const char *(*where)(const void *conf); /* for people, without secrets; borrowed */
    const struct secret_row *secrets;       /* in the conf; ends with no name; NULL: none */
    /* What else must be there; NULL: nothing. */
    int (*ready)(const struct sink *sink, struct err *err);
};
extern const struct sink_kind sink_slack, sink_webhook, sink_email, sink_command;
extern const struct sink_kind *const sink_kinds[]; /* NULL-terminated */

/* A secret: in one of `NAME`, `NAME-file`, `NAME-env`. */
struct secret_conf {
    char *value, *file, *env;
};
struct secret_row {
    const char *name;
    size_t offset;
};
#define SECRET_MAX 4096
#define SECRET_FILE_HELP \
    "the file that holds it; relative to lab.yaml, else in $CREDENTIALS_DIRECTORY"
#define SECRET_ENV_HELP "the environment variable that holds it"
bool secret_given(const struct secret_conf *secret);
void secret_check(const struct secret_conf *secret, const char *name, bool required,
                  const struct yaml_node *node, struct diags *diags);
/* Without the line's end; *ret NULL: none is given. The caller frees with secret_free(). */
int secret_read(const struct secret_conf *secret, const char *name, const char *dir, char **ret,
                struct err *err);
void secret_free(char *secret); /* wipes it */
/* The file that it is in, where everybody on this host can read that; else NULL. The caller
 * frees. */
char *secret_exposed(const struct secret_conf *secret, const char *dir);
#define cleanup_secret __attribute__((cleanup(secret_free_pointer)))
void secret_free_pointer(char **secret);

#endif
