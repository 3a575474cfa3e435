/* SPDX-License-Identifier: MIT
 *
 * crowd: what asking costs where many wait for many boards: bench/fleet's third inner part.
 *
 *     sim-crowd URL BOARDS WAITERS ROUNDS
 *
 * Every board is held, and every waiter would take any of them. Prints the median milliseconds of
 * each question that hil asks then, by its own code (store/leases.h), as a JSON object.
 */
#include "base/ctx.h"
#include "base/json.h"
#include "base/str.h"
#include "store/db.h"
#include "store/leases.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LAB "fleet-crowd"
#define PARTIES 40
#define TTL_MS 600000
#define ROUNDS_MAX 1000

struct crowd {
    struct leases *leases;
    struct store *store;
    struct leases_seat holder, waiter; /* the holder has all of them, the waiter came last */
    double ms[ROUNDS_MAX];
    int rounds;
};

static void check(int rc, const struct err *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "sim-crowd: %s\n", err->message);
    exit(1);
}

static struct leases_seat seat_of(int boards, int party)
{
    struct leases_seat seat = {.rank = RANK_CI, .party = xasprintf("octo/repo-%d", party)};

    seat.record = xasprintf("{\"pid\":4711,\"user\":\"%s\",\"host\":\"bench\"}", seat.party);
    for (int i = 0; i < boards; i++)
        strv_addf(&seat.boards, "board-%04d", i);
    return seat;
}

static void fill(struct crowd *crowd, int boards, int waiters)
{
    struct err err = {0};
    size_t index;
    int64_t fence;

    crowd->holder = seat_of(boards, PARTIES);
    for (int i = 0; i < boards; i++)
        check(leases_take(crowd->leases, &crowd->holder, &index, &fence, &err), &err);
    for (int i = 0; i < waiters; i++) {
        leases_seat_done(&crowd->waiter);
        crowd->waiter = seat_of(boards, i % PARTIES);
        check(leases_queue(crowd->leases, &crowd->waiter, &err), &err);
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

static void look(struct crowd *crowd)
{
    struct leases_row *rows;
    struct err err = {0};
    size_t count;

    check(leases_look(crowd->leases, &crowd->waiter.boards, &rows, &count, &err), &err);
    leases_rows_free(rows, count);
}

static void look_at_all(struct crowd *crowd)
{
    struct leases_row *rows;
    struct err err = {0};
    size_t count;

    check(leases_look_by(crowd->store, LAB, "here", &rows, &count, &err), &err);
    leases_rows_free(rows, count);
}

static void take(struct crowd *crowd)
{
    struct err err = {0};
    size_t index;
    int64_t fence;

    check(leases_take(crowd->leases, &crowd->waiter, &index, &fence, &err), &err);
}

/* One is let go: its first waiter is told, and the last one asks in vain. */
static void hand_over(struct crowd *crowd)
{
    struct err err = {0};

    check(leases_drop(crowd->leases, crowd->holder.boards.items[0], 1, &err), &err);
    take(crowd);
}

static void wait_on(struct crowd *crowd)
{
    struct err err = {0};

    check(leases_wait_on(crowd->leases, &crowd->waiter.rows, &err), &err);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void measure(struct crowd *crowd, const char *name, void (*ask)(struct crowd *crowd),
                    struct json_out *out)
{
    for (int i = 0; i < crowd->rounds; i++) {
        int64_t began_ns = ctx_now_ns();
        ask(crowd);
        crowd->ms[i] = (double)(ctx_now_ns() - began_ns) / 1e6;
    }
    qsort(crowd->ms, (size_t)crowd->rounds, sizeof *crowd->ms, by_size);
    json_key(out, name);
    json_double(out, crowd->ms[crowd->rounds / 2], 2);
}

int main(int argc, char **argv)
{
    struct leases_conf conf = {.lab = LAB, .place = "here", .ttl_ms = TTL_MS};
    struct store_conf store_conf = {.url = argc > 1 ? argv[1] : NULL};
    struct crowd crowd = {0};
    struct json_out out;
    struct err err = {0};

    if (argc != 5 || atoi(argv[4]) < 1 || atoi(argv[4]) > ROUNDS_MAX) {
        fprintf(stderr, "sim-crowd URL BOARDS WAITERS ROUNDS\n");
        return 2;
    }
    conf.url = argv[1];
    crowd.rounds = atoi(argv[4]);
    check(leases_open(&conf, &crowd.leases, &err), &err);
    check(store_open(&store_conf, "/nowhere", true, &crowd.store, &err), &err);
    fill(&crowd, atoi(argv[2]), atoi(argv[3]));
    json_begin(&out, STDOUT_FILENO, 0);
    json_object(&out);
    measure(&crowd, "look", look, &out);
    measure(&crowd, "look_at_all", look_at_all, &out);
    measure(&crowd, "take_none", take, &out);
    measure(&crowd, "hand_over", hand_over, &out);
    measure(&crowd, "wait_on", wait_on, &out);
    json_object_end(&out);
    check(json_end(&out, &err), &err);
    leases_seat_done(&crowd.holder);
    leases_seat_done(&crowd.waiter);
    leases_close(crowd.leases);
    store_close(crowd.store);
    return 0;
}
