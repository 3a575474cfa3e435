/* SPDX-License-Identifier: MIT
 *
 * rigged: what `hil rig` did with each board that was plugged in, and which boards are done.
 *
 *     store_rigged_begin(store, &try, &id, err)          before anything is written
 *     store_rigged_end(store, id, &try, err)             what came of it
 *     store_rigged_done(store, lab, board, sha256, ...)  was it done before, with this firmware?
 *
 * A board is its serial number. One whose record has no outcome was cut short by a SIGKILL or a
 * power cut. Blocking, threads: as store.
 */
#ifndef HIL_STORE_RIGGED_H
#define HIL_STORE_RIGGED_H

#include "store/store.h"

struct store_rigged { /* borrowed; NULL: not known */
    int64_t id;       /* set by store_rigged_each() */
    const char *lab, *board, *path, *image_sha256, *image_file;
    unsigned slot;
    int64_t started_us, took_us;
    const char *outcome; /* "done" "failed" "unplugged" "cancelled"; NULL: nobody wrote it down */
    const char *step;    /* what it was at */
    const char *reason, *identity;
};
int store_rigged_begin(struct store *store, const struct store_rigged *rigged, int64_t *ret_id,
                       struct err *err);
int store_rigged_end(struct store *store, int64_t id, const struct store_rigged *rigged,
                     struct err *err);
/* 1: it was, at *ret_us in slot *ret_slot; 0: it was not. */
int store_rigged_done(struct store *store, const char *lab, const char *board, const char *sha256,
                      int64_t *ret_us, unsigned *ret_slot, struct err *err);
/* Those that began at `since_us` or later, in order. `take` may keep nothing of it. */
int store_rigged_each(struct store *store, const char *lab, int64_t since_us,
                      void (*take)(void *arg, const struct store_rigged *rigged), void *arg,
                      struct err *err);

#endif
