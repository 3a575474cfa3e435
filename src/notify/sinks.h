/* SPDX-License-Identifier: MIT
 *
 * sinks: who is told what: `notify:` of lab.yaml, checked.
 *
 *     notify:
 *       - slack: {url-file: slack.url}
 *       - webhook: {url: 'https://ops.example.org/hil', secret-file: hmac.key}
 *         on: [quarantine, pool-low]
 *         boards: [stm32f4]
 *       - email: {server: 'smtps://mail.example.org', from: lab@example.org, to: [a@example.org]}
 *       - command: {run: [./bell.sh]}
 *
 * Secrets stand in files or in the environment, and in lab.yaml only where somebody wants that.
 * A kind of sink is one file and one row (kind.h). The lab is borrowed; nothing blocks.
 */
#ifndef HIL_NOTIFY_SINKS_H
#define HIL_NOTIFY_SINKS_H

#include "base/str.h"
#include "conf/lab.h"
#include "notify/notice.h"

struct sink_kind;

struct sink {
    char *name; /* the kind's where none is given; unique */
    const struct sink_kind *kind;
    struct strv on;     /* as written */
    unsigned kinds;     /* 1 << NOTICE_FAIL | ... */
    struct strv boards; /* selectors; none: all, and what is about no board */
    int64_t every_ms;   /* between two messages: what happens meanwhile is folded into one */
    int64_t retry_ms;   /* the first pause after a failure; doubled each time */
    void *conf;         /* the kind's own */
    const char *dir;    /* that relative files begin at */
};

struct sinks {
    const struct lab *lab;
    struct sink *items;
    size_t count;
    char *dir; /* of lab.yaml */
};
/* Mistakes go to `diags`. A lab without `notify:` has no sinks. */
void sinks_read(const struct lab *lab, struct sinks *ret, struct diags *diags);
void sinks_done(struct sinks *sinks); /* zeroed is fine */
const struct sink *sinks_find(const struct sinks *sinks, const char *name);

/* Whether the sink wants such notices of this board (NULL: of the lab as a whole). */
bool sink_wants(const struct sink *sink, enum notice_kind kind);
bool sink_has_board(const struct sinks *sinks, const struct sink *sink, const char *board);
/* Whether all that it needs to send is there: secrets that can be read, a program. What is not
 * names no secret. *ret_exposed, owned: a secret's file that everybody on this host can read; else
 * NULL. */
int sink_ready(const struct sink *sink, char **ret_exposed, struct err *err);

#endif
