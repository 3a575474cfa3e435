/* SPDX-License-Identifier: MIT
 *
 * store: what the lab remembers between runs: SQLite in the state directory, or a PostgreSQL
 * database that several hosts share.
 *
 * A file has a write-ahead log, so readers and writers of several processes do not wait for each
 * other for long; an older schema is migrated. A store that cannot be opened must never stop a run:
 * callers warn and go on without. How long calls may block, and what their errors are: db.h. One
 * thread at a time for one handle.
 */
#ifndef HIL_STORE_STORE_H
#define HIL_STORE_STORE_H

#include "base/ctx.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/store.h"
#include "result/result.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* `conf` NULL, or without a url: the file below state_dir. -ERR_NOT_FOUND: nothing was remembered
 * yet, and `create` is false. */
int store_open(const struct store_conf *conf, const char *state_dir, bool create,
               struct store **ret, struct err *err);
/* The same, and no call on it waits for a server longer than `ctx` lets it. */
int store_open_within(const struct store_conf *conf, const char *state_dir, bool create,
                      const struct ctx *ctx, struct store **ret, struct err *err);
void store_close(struct store *store); /* NULL is fine */
/* From now on no call waits for a server longer than `ctx` lets it. NULL is fine. */
void store_within(struct store *store, const struct ctx *ctx);
/* Nothing will be asked for a while: a connection to a server is given up, and made anew when it is
 * needed. NULL is fine. */
void store_rest(struct store *store);
/* Why one of those calls that give no error, as store_quarantined(), found nothing although there
 * may be something; NULL: each has answered. */
const struct err *store_trouble(const struct store *store);
/* Remembers every job of the run and its cases' durations; one transaction. */
int store_record(struct store *store, const struct run_result *run, struct err *err);
/* The same of a run that may be there already, known by its lab, when it began and where it came
 * from: it gets those of the jobs that it has not, and its verdict and length as they are now. */
int store_record_missing(struct store *store, const struct run_result *run, struct err *err);
/* Something worth remembering of a board (NULL: of the lab); kinds are words: "recovery". */
int store_event(struct store *store, const char *kind, const char *lab, const char *board,
                const char *text, int64_t unix_us, struct err *err);
/* A firmware file was written onto a board; sha256 NULL: nobody knows what it has now.
 * store_record() does this for its jobs. What is older than what is known changes nothing. */
int store_carries(struct store *store, const char *lab, const char *board, const char *sha256,
                  const char *file, int64_t unix_us, struct err *err);
/* Microseconds that `test` took on its last good runs (median of five), -1: not known. Runs on
 * `boards` count before those elsewhere, which may be faster or slower; NULL: any board's do. */
int64_t store_duration(struct store *store, const char *lab, const char *test,
                       const struct strv *boards);
/* The last verdict on a board: false where there is none. */
struct store_last {
    enum verdict verdict;
    char test[64];
    int64_t unix_s;
};
bool store_last(struct store *store, const char *lab, const char *board, struct store_last *ret);
/* How many of a board's last runs, one after the other, the lab itself spoiled (infra), counted up
 * to `max`; *ret_unix_s is when the last of them ended. Those that never got the board, or were
 * cancelled, tell nothing of it and are passed over. */
unsigned store_infra_streak(struct store *store, const char *lab, const char *board, unsigned max,
                            int64_t *ret_unix_s);
/* When `test` last began on a board, in microseconds of Unix time; 0: never. */
int64_t store_last_start_us(struct store *store, const char *lab, const char *board,
                            const char *test);

/* ---- quarantine: boards that nothing is to be run on until somebody has looked ------------- */

struct store_quarantine {
    char reason[512]; /* one line */
    int64_t unix_s;   /* since when */
};
/* A board that is in quarantine already keeps its first reason. Going in and coming out are events,
 * too. */
int store_quarantine(struct store *store, const char *lab, const char *board, const char *reason,
                     int64_t unix_s, struct err *err);
bool store_quarantined(struct store *store, const char *lab, const char *board,
                       struct store_quarantine *ret);
/* *ret: it was in quarantine. */
int store_release(struct store *store, const char *lab, const char *board, bool *ret,
                  struct err *err);

#endif
