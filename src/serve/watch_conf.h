/* SPDX-License-Identifier: MIT
 *
 * watch_conf: what is to be kept on which boards: `watch:` and `webhook:` of lab.yaml, checked.
 *
 *     watch_conf_read(lab, &plan, diags)             all of lab.yaml, every mistake with its place
 *     watch_conf_add(&plan, &conf, lab, err)         one from the command line instead
 *     watch_plan_done(&plan)
 *
 * A board belongs to one watch: two would take turns at it for ever. Nothing blocks for long; the
 * lab is borrowed.
 */
#ifndef HIL_SERVE_WATCH_CONF_H
#define HIL_SERVE_WATCH_CONF_H

#include "conf/lab.h"
#include "serve/decide.h"

#define WATCH_INTERVAL_MS 300000
#define WATCH_DAILY_LIMIT 20

struct watch_conf {
    char *repo;
    char *release; /* "latest", "pre", a tag or a pattern of tags; or: */
    char *artifact, *branch, *workflow;
    char *asset;         /* pattern; NULL: the only one that may be firmware */
    char *member;        /* pattern of what is in an archive; NULL: its one firmware file */
    struct strv boards;  /* selectors; none: the lab's only board */
    bool test;           /* run its tests, too */
    struct strv require; /* as written */
    unsigned proofs;     /* enum download_proof, or'ed */
    char *minisign;      /* key file */
    char *hours;
    char *golden; /* file; NULL: none */
    int64_t interval_ms;
    uint64_t daily_limit;
    struct window window;
    uint64_t at;                  /* of a raw binary; */
    bool has_at;                  /* said */
    const struct board_conf **on; /* the boards */
    size_t on_count;
};
/* The defaults; the caller, or the plan that it is added to, frees. */
struct watch_conf watch_conf_new(void);
void watch_conf_done(struct watch_conf *conf);

struct webhook_conf {
    char *listen;      /* "127.0.0.1:8321"; NULL: there is none */
    char *secret_file; /* relative to lab.yaml */
};

struct watch_plan {
    const struct lab *lab;
    struct watch_conf *items;
    size_t count;
    struct webhook_conf webhook;
};
/* Mistakes go to `diags`. A lab without `watch:` gives an empty plan. */
void watch_conf_read(const struct lab *lab, struct watch_plan *ret, struct diags *diags);
/* Takes over `conf`, also where it is refused (-ERR_USAGE). */
int watch_conf_add(struct watch_plan *plan, struct watch_conf *conf, const struct lab *lab,
                   struct err *err);
void watch_plan_done(struct watch_plan *plan);
/* "octo/firmware release latest"; the caller frees. */
char *watch_conf_name(const struct watch_conf *conf);
struct watch_rules watch_conf_rules(const struct watch_conf *conf);

#endif
