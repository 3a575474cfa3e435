/* SPDX-License-Identifier: MIT
 *
 * watched: what `hil watch` knows of each board: which image it carries, what failed, every
 * attempt.
 *
 *     store_watched(store, lab, board, since_us, &known, err)
 *     store_attempt_begin(store, &attempt, &id, err)          before anything is written
 *     store_attempt_end(store, id, &attempt, &known, err)     what came of it; one transaction
 *     store_watched_done(&known)
 *
 * An attempt counts as a flash from its beginning, so that a host that dies again and again in the
 * middle wears out no board. `image` names bytes by what GitHub says of them ("sha256:..."), before
 * they were fetched. Blocking, threads: as store.
 */
#ifndef HIL_STORE_WATCHED_H
#define HIL_STORE_WATCHED_H

#include "store/store.h"

struct store_watched {    /* texts are owned, never NULL, "" where there is none */
    char *image;          /* that the board carries */
    char *image_sha256;   /* of the firmware file in it */
    char *tag, *asset;    /* of it, for people */
    int64_t flashed_us;   /* when; 0: never */
    char *failed;         /* the image that did not do; */
    unsigned failures;    /* how often, one after the other */
    char *reason;         /* and why */
    int64_t retry_us;     /* not to be tried again before */
    char *aside;          /* why that image is not tried again */
    char *quarantine;     /* why the board is in quarantine, whoever put it there */
    char *quarantine_for; /* the image that hil watch gave it up with: another one lifts it */
    enum verdict verdict; /* of the last attempt */
    bool overwritten;     /* somebody else has put other firmware onto it since */
    bool known;           /* there is a record at all */
    /* Flashes since `since_us`, and when the first of them was. */
    uint64_t flashes;
    int64_t first_us;
};
int store_watched(struct store *store, const char *lab, const char *board, int64_t since_us,
                  struct store_watched *ret, struct err *err);
void store_watched_set(char **text, const char *value); /* NULL: "" */
void store_watched_done(struct store_watched *watched); /* zeroed is fine */

struct store_attempt { /* borrowed; NULL: not known */
    const char *lab, *board, *tool, *probe, *image, *image_sha256, *tag, *asset;
    bool golden;
    int64_t started_us, took_us;
    int exit_code;
    enum verdict verdict;
    const char *reason;
    bool wrote;  /* something was, or may have been */
    int64_t run; /* its tests were this run; 0: it was none */
};
int store_attempt_begin(struct store *store, const struct store_attempt *attempt, int64_t *ret_id,
                        struct err *err);
/* `after` goes in with it; with its quarantine the board, unless it is in already. */
int store_attempt_end(struct store *store, int64_t id, const struct store_attempt *attempt,
                      const struct store_watched *after, struct err *err);
/* The board's attempt that was begun and not ended, the last of them; 0: there is none. */
int64_t store_attempt_open(struct store *store, const char *lab, const char *board);
/* What failed is tried anew. -ERR_NOT_FOUND: nothing is known of the board. */
int store_watched_forget(struct store *store, const char *lab, const char *board, struct err *err);

/* The lab's boards on which hil watch does not try an image again, and why: two lists side by
 * side. */
void store_watched_aside(struct store *store, const char *lab, struct strv *ret_boards,
                         struct strv *ret_reasons);

struct store_job { /* what the last run on a board remembered of itself */
    char *reason;  /* NULL: none */
    bool flashed;  /* it came to flashing */
    bool took;     /* it had the board at all */
    int64_t run;
};
/* Of those that began since then. */
bool store_last_job(struct store *store, const char *lab, const char *board, int64_t since_us,
                    struct store_job *ret);
void store_job_done(struct store_job *job);

#endif
