/* SPDX-License-Identifier: MIT
 *
 * identities: MAC addresses, serial numbers and keys that are each given to one board, and never
 * again.
 *
 *     store_pool_import(store, "macs", POOL_MAC, &items, &counts, err)
 *     store_pool_draw(store, wishes, count, board, now_us, drawn, err)       before anything is written
 *     store_pool_mark(store, drawn, count, IDENTITY_WRITTEN, now_us, err)    the board may have it
 *     store_pool_mark(store, drawn, count, IDENTITY_GIVEN, now_us, err)      it was read back
 *
 * A draw is one transaction that is on the disk when it returns, whatever the power does next. A
 * board that has one keeps it; one that was drawn and not given is that board's and nobody else's.
 * A value stands once for its kind, in whatever pool. Ranges are not unrolled: a block of 16
 * million addresses is a row. A store with keys in it is its user's alone to read. Who draws at the
 * same time waits, ten seconds at most. Blocking, threads: as store.
 */
#ifndef HIL_STORE_IDENTITIES_H
#define HIL_STORE_IDENTITIES_H

#include "base/str.h"
#include "store/pool_value.h"
#include "store/store.h"

enum identity_state {
    IDENTITY_FREE,
    IDENTITY_DRAWN,   /* in doubt: nobody knows whether the board has it */
    IDENTITY_WRITTEN, /* in doubt likewise: it should have it */
    IDENTITY_GIVEN,
    IDENTITY_RETIRED, /* never to be given (again) */
    IDENTITY_STATES
};
extern const char *const identity_state_names[IDENTITY_STATES + 1]; /* "free" "drawn" ... NULL */

struct store_identity {
    int64_t id; /* 0: of a range, not drawn yet */
    enum pool_kind kind;
    enum identity_state state;
    char *value, *pool, *board, *note; /* owned; board and note may be NULL */
    int64_t drawn_us, since_us;        /* drawn_us 0: never */
};
void store_identity_done(struct store_identity *identity);

struct pool_imported {
    uint64_t added, known; /* known: was there already */
};
/* Each item is a value, or with `ranges` FIRST-LAST. All of them or none. -ERR_USAGE: no such value
 * of that kind; the pool is of another kind; the range overlaps another. */
int store_pool_import(struct store *store, const char *pool, enum pool_kind kind,
                      const struct strv *items, bool ranges, struct pool_imported *ret,
                      struct err *err);

struct pool_wish {
    const char *pool;
    const char
        *value; /* handed in from outside, as a key is: the board gets just this; NULL: the next */
};
/* One for each wish: the board's own where it has one. -ERR_NOT_FOUND: no such pool, or none left
 * in it; -ERR_REFUSED: the value handed in is another board's. The caller calls
 * store_identity_done(). */
int store_pool_draw(struct store *store, const struct pool_wish *wishes, size_t count,
                    const char *board, int64_t now_us, struct store_identity *ret, struct err *err);
/* The board's, without drawing: false where it has none. */
bool store_pool_of_board(struct store *store, const char *pool, const char *board,
                         struct store_identity *ret);
/* What is given stays given. */
int store_pool_mark(struct store *store, const struct store_identity *identities, size_t count,
                    enum identity_state state, int64_t now_us, struct err *err);
/* Never given (again); `reason` may be NULL. -ERR_NOT_FOUND: the pool has no such value. */
int store_pool_retire(struct store *store, const char *pool, const char *value, const char *reason,
                      int64_t now_us, struct err *err);

struct store_pool {
    char *name;
    enum pool_kind kind;
    uint64_t free, in_doubt, given, retired;
};
/* All pools, by name; the caller calls store_pools_done(). */
int store_pools(struct store *store, struct store_pool **ret, size_t *ret_count, struct err *err);
void store_pools_done(struct store_pool *pools, size_t count);
/* Every identity that has a row (of ranges: those that were drawn), by board, then in order of
 * import; NULL: of all pools. `take` may keep nothing of it. */
int store_identities(struct store *store, const char *pool,
                     void (*take)(void *arg, const struct store_identity *identity), void *arg,
                     struct err *err);
struct pool_range {
    char *first, *last, *next; /* next NULL: used up */
};
int store_pool_ranges(struct store *store, const char *pool,
                      void (*take)(void *arg, const struct pool_range *range), void *arg,
                      struct err *err);

#endif
