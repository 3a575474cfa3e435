/* SPDX-License-Identifier: MIT */
#include "store/claim.h"

#include "base/str.h"
#include "board/lease.h"
#include "store/keeper_parts.h"
#include "store/parts.h"

#include <stdatomic.h>
#include <stdlib.h>

struct claims {
    const struct lab *lab;
    const char *runtime_dir;
    struct keeper *keeper; /* NULL: the lab has no database */
    atomic_bool warned;
};

struct claim {
    struct hold *hold; /* NULL: no row */
    struct lease *lease;
};

static struct keeper_conf keeper_conf(const struct lab *lab, const char *runtime_dir)
{
    return (struct keeper_conf){.url = lab->store.url,
                                .lab = lab->name,
                                .runtime_dir = runtime_dir,
                                .ttl_ms = lab->store.lease_ms,
                                .local = lab->store.away == AWAY_LOCAL};
}

struct claims *claims_open(const struct lab *lab, const char *runtime_dir)
{
    struct claims *claims = xcalloc(1, sizeof *claims);
    struct keeper_conf conf = keeper_conf(lab, runtime_dir);

    claims->lab = lab;
    claims->runtime_dir = runtime_dir;
    claims->keeper = conf.url ? keeper_new(&conf) : NULL;
    return claims;
}

void claims_close(struct claims *claims)
{
    if (!claims)
        return;
    keeper_free(claims->keeper);
    free(claims);
}

static int take_lock(const struct claims *claims, const struct keeper_wish *wish,
                     const struct ctx *ctx, struct lease **ret, size_t *ret_index, struct err *err)
{
    return lease_take(claims->runtime_dir, claims->lab->name, wish->boards, wish->count, wish->self,
                      wish->wait, ctx, wish->waiting, wish->arg, ret, ret_index, err);
}

/* -ERR_LOST: the row was somebody else's by the time that we had the lock. */
static int take_both(struct claims *claims, const struct keeper_wish *wish, const struct ctx *ctx,
                     struct claim *claim, size_t *ret_index, struct err *err)
{
    struct keeper_wish one = *wish;
    size_t which;
    int rc = keeper_take(claims->keeper, wish, ctx, &claim->hold, ret_index, err);

    if (rc < 0)
        return rc;
    one.boards = &wish->boards[*ret_index];
    one.count = 1;
    rc = take_lock(claims, &one, ctx, &claim->lease, &which, err);
    if (rc == 0)
        rc = hold_check(claim->hold, true, ctx, err);
    if (rc == 0)
        return 0;
    lease_drop(claim->lease);
    hold_drop(claim->hold);
    *claim = (struct claim){0};
    return rc;
}

static char *warning(struct claims *claims, const struct err *why)
{
    return atomic_exchange(&claims->warned, true)
               ? NULL
               : xasprintf("%s; this host's boards are taken by this host's locks alone, as its "
                           "lab.yaml says",
                           why->message);
}

static int take(struct claims *claims, const struct keeper_wish *wish, const struct ctx *ctx,
                struct claim *claim, size_t *ret_index, char **ret_warning, struct err *err)
{
    struct err told = {0};
    int rc;

    if (!claims->keeper)
        return take_lock(claims, wish, ctx, &claim->lease, ret_index, err);
    do {
        rc = take_both(claims, wish, ctx, claim, ret_index, &told);
    } while (rc == -ERR_LOST && ctx_check(ctx, &told) == 0);
    if (rc == -ERR_GONE && claims->lab->store.away == AWAY_LOCAL) {
        *ret_warning = warning(claims, &told);
        return take_lock(claims, wish, ctx, &claim->lease, ret_index, err);
    }
    if (rc < 0 && err)
        *err = told;
    return rc < 0 ? -(int)told.code : 0;
}

int claim_take(struct claims *claims, const struct keeper_wish *wish, const struct ctx *ctx,
               struct claim **ret, size_t *ret_index, char **ret_warning, struct err *err)
{
    struct claim claim = {0};
    int rc;

    *ret_warning = NULL;
    rc = take(claims, wish, ctx, &claim, ret_index, ret_warning, err);
    if (rc < 0)
        return rc;
    *ret = xmalloc(sizeof **ret);
    **ret = claim;
    return 0;
}

const struct fence *claim_fence(const struct claim *claim)
{
    return claim->hold ? hold_fence(claim->hold) : NULL;
}

void claim_drop(struct claim *claim)
{
    if (!claim)
        return;
    lease_drop(claim->lease); /* the other way round: who is given the row finds the lock free */
    hold_drop(claim->hold);
    free(claim);
}

int claims_look(struct store *store, const char *lab, const char *runtime_dir,
                struct leases_row **ret, size_t *ret_count, struct err *err)
{
    cleanup_free char *place = NULL;

    *ret = NULL;
    *ret_count = 0;
    if (!store || db_file(store->db))
        return 0;
    place = keeper_place(runtime_dir);
    return leases_look_by(store, lab, place, ret, ret_count, err);
}
