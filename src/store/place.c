/* SPDX-License-Identifier: MIT */
#include "store/place.h"

#include "store/keeper_parts.h"

#include <stdlib.h>

#define ASK_MS 2000 /* between two questions to the server, where nobody tells anything */

struct place {
    struct leases_conf conf;
    char *at; /* conf.place */
    struct leases *leases;
    struct leases_seat seat;
    int64_t ask_ns, renew_ns;
    char *who;
};

int place_take(const struct lab *lab, const char *runtime_dir, const char *board,
               const struct holder *holder, struct place **ret, struct err *err)
{
    struct place *place;
    int rc;

    *ret = NULL;
    if (!lab->store.url)
        return 0;
    place = xcalloc(1, sizeof *place);
    place->at = keeper_place(runtime_dir);
    place->conf = (struct leases_conf){
        .url = lab->store.url, .lab = lab->name, .place = place->at, .ttl_ms = lab->store.lease_ms};
    keeper_seat(holder, &place->seat);
    strv_add(&place->seat.boards, board);
    rc = leases_open(&place->conf, &place->leases, err);
    if (rc == 0)
        rc = leases_queue(place->leases, &place->seat, err);
    if (rc == 0)
        *ret = place;
    else
        place_hand_over(place);
    return rc;
}

/* Who has it, or is before us; NULL: nobody. */
static int ask_who(struct place *place, char **ret, struct err *err)
{
    struct leases_row *rows = NULL;
    size_t count = 0;
    int rc = leases_is_first(place->leases, &place->seat, err);

    *ret = NULL;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = leases_look(place->leases, &place->seat.boards, &rows, &count, err);
    if (rc == 0 && count && rows[0].left_ms) {
        cleanup_free char *name = holder_describe(&rows[0].holder);
        *ret = xasprintf("held by %s", name);
    } else if (rc == 0) {
        *ret = xstrdup("held by others who wait");
    }
    leases_rows_free(rows, count);
    return rc;
}

static int ask(struct place *place, struct err *err)
{
    int64_t now_ns = ctx_now_ns();
    int rc = 0;

    if (now_ns >= place->renew_ns) {
        rc = leases_wait_on(place->leases, &place->seat.rows, err);
        place->renew_ns = now_ns + place->conf.ttl_ms * 1000000 / 4;
    }
    free(place->who);
    place->who = NULL;
    if (rc == 0)
        rc = ask_who(place, &place->who, err);
    place->ask_ns = now_ns + ASK_MS * INT64_C(1000000);
    return rc;
}

int place_look(struct place *place, int64_t ms, const struct ctx *ctx, char **ret_who,
               struct err *err)
{
    struct ctx nap = ctx_narrow(ctx, ms);
    char *news = NULL;
    int rc = 0;

    *ret_who = NULL;
    if (place->who) {
        rc = leases_news(place->leases, &nap, &news, err);
        if (rc == 0 && leases_is_told(&place->seat, news))
            place->ask_ns = 0;
        free(news);
        if (rc == -ERR_TIMEOUT)
            rc = ctx_check(ctx, err);
    }
    if (rc == 0 && ctx_now_ns() >= place->ask_ns)
        rc = ask(place, err);
    if (rc == 0)
        *ret_who = xstrdup(place->who);
    return rc;
}

char *place_number(const struct place *place)
{
    return xstrdup(place->seat.rows.items[0]);
}

void place_hand_over(struct place *place)
{
    if (!place)
        return;
    leases_close(place->leases);
    leases_seat_done(&place->seat);
    free(place->at);
    free(place->who);
    free(place);
}

void place_leave(struct place *place)
{
    if (place)
        leases_unqueue(place->leases, &place->seat, NULL);
    place_hand_over(place);
}
