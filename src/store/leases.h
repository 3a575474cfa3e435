/* SPDX-License-Identifier: MIT
 *
 * leases: the rows by which several hosts share the boards of one lab, in PostgreSQL.
 *
 *     leases_open(&conf, &leases, err)
 *     leases_take(leases, &seat, &index, &fence, err)      1: ours; 0: it is not our turn
 *     leases_renew(leases, &marks, err)                    in time, or it is anybody's
 *     leases_drop(leases, "nucleo-3", fence, err)
 *
 * A row is one board's: who has it, until when, and a number (`fence`) that grows by one whenever
 * it is given. All times are the server's, and no host's clock is ever asked: a host knows by its
 * own lapse of time since it last asked how long it is safe. A row that has expired and that nobody
 * was given can be renewed still.
 *
 * Who waits has a row a board, too (one with all of its boards would make each take read all of
 * those). First are those of the better rank; of one rank the party (a
 * repository, or a user at a desk) that was given this board the longest time ago; of one party who
 * came first. Rows of those who died expire. Whoever makes a board free tells its first waiter, by
 * its number.
 *
 * Each call is one short transaction or a few, of LEASES_ANSWER_MS at most; errors are db.h's. One
 * thread at a time. What is made of all this: claim.h.
 */
#ifndef HIL_STORE_LEASES_H
#define HIL_STORE_LEASES_H

#include "base/ctx.h"
#include "base/str.h"
#include "board/holder.h"

#define LEASES_ANSWER_MS 5000

struct leases;
struct store;

struct leases_conf {
    const char *url, *lab;
    const char *place; /* of this host and no other: what its kernel's locks mean something for */
    int64_t ttl_ms;
    const struct ctx *ctx; /* no call waits longer than it lets it; NULL: than LEASES_ANSWER_MS */
};
int leases_open(const struct leases_conf *conf, struct leases **ret, struct err *err); /* borrows */
void leases_close(struct leases *leases); /* NULL is fine; the rows stay until they expire */

struct leases_seat { /* who wants one of these boards */
    struct strv boards;
    enum holder_rank rank;
    char *party;
    char *record;     /* holder_to_json() */
    struct strv rows; /* numbers of its rows among those who wait; none: it does not wait */
};
int leases_take(struct leases *leases, const struct leases_seat *seat, size_t *ret_index,
                int64_t *ret_fence, struct err *err);
/* 1: leases_take() would give it one now; 0: not. */
int leases_is_first(struct leases *leases, const struct leases_seat *seat, struct err *err);
/* Joins those who wait, and fills seat->rows. */
int leases_queue(struct leases *leases, struct leases_seat *seat, struct err *err);
int leases_unqueue(struct leases *leases, const struct leases_seat *seat, struct err *err);
/* Keeps who waits alive. `rows`: of all seats. */
int leases_wait_on(struct leases *leases, const struct strv *rows, struct err *err);

struct leases_mark {
    const char *board;
    int64_t fence;
    bool kept; /* by leases_renew(): it is ours for another ttl; else it is lost */
};
int leases_renew(struct leases *leases, struct leases_mark *marks, size_t count, struct err *err);
/* Lets it go, where it is ours; or the one of a holder of this place that is known to be dead. */
int leases_drop(struct leases *leases, const char *board, int64_t fence, struct err *err);

struct leases_row {
    char *board;
    int64_t fence;
    int64_t left_ms;      /* until it expires; 0: free */
    bool is_here;         /* its holder is of this place, */
    bool is_fresh;        /* and was given it a moment ago: it may have no kernel lock yet */
    struct holder holder; /* since: by the server's clock */
    size_t waiting;
};
#define LEASES_COUNTED 4
/* Rows of those boards, by their names; who waits is counted for the first LEASES_COUNTED of them:
 * more is told to nobody, and a crowd that waits for hundreds of boards looks often. */
int leases_look(struct leases *leases, const struct strv *boards, struct leases_row **ret,
                size_t *ret_count, struct err *err);
/* Of all boards that the lab ever shared, asked for on a store's connection, which is a
 * server's. */
int leases_look_by(struct store *store, const char *lab, const char *place, struct leases_row **ret,
                   size_t *ret_count, struct err *err);
void leases_rows_free(struct leases_row *rows, size_t count);

/* The number that a waiter was told, as it came with db_wait(): one of `seat`'s? */
bool leases_is_told(const struct leases_seat *seat, const char *news);
int leases_news(struct leases *leases, const struct ctx *ctx, char **ret, struct err *err);
void leases_seat_done(struct leases_seat *seat);

#endif
