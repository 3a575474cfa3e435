/* SPDX-License-Identifier: MIT
 *
 * One connection: asked, lost, and made anew.
 */
#include "store/db_postgres.h"

#include "base/ctx.h"
#include "base/str.h"
#include "base/text.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_MS 20000
#define SLACK_MS \
    5000 /* the server's own limit, postgres_set_limits(), comes first where it is alive */
#define WHY_MAX 512
#define SILENT_NS INT64_C(1000000000)

/* ---- what may go wrong ----------------------------------------------------------------------- */

int postgres_lost(struct postgres_db *pg, enum err_code code, const char *why, struct err *err)
{
    cleanup_free char *line =
        text_clean_dup(why ? why : pg->pq.errorMessage(pg->connection), WHY_MAX, TEXT_ONE_LINE);

    err_set(err, code, "%s: %s", pg->db.name, line);
    pg->pq.finish(pg->connection);
    pg->connection = NULL; /* a transaction lasts until it is ended: none goes on in another one */
    return -(int)code;
}

int postgres_unanswered(struct postgres_db *pg, int waited, struct err *err)
{
    if (waited == -ERR_CANCELLED)
        return postgres_lost(pg, ERR_CANCELLED, "cancelled", err);
    pg->silent_ns = ctx_now_ns() + SILENT_NS;
    return postgres_lost(pg, ERR_GONE, "the server does not answer", err);
}

/* What the server said, whose SQLSTATE is of its manual's appendix A. */
static int refused(const struct postgres_db *pg, const PGresult *answer, struct err *err)
{
    const char *state = pg->pq.resultErrorField(answer, PG_DIAG_SQLSTATE);
    const char *said = pg->pq.resultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
    cleanup_free char *why =
        text_clean_dup(said ? said : "no reason given", WHY_MAX, TEXT_ONE_LINE);

    if (!state)
        state = "";
    if (str_eq(state, "55P03") || str_eq(state, "40P01") || str_starts(state, "40001"))
        return err_set(err, ERR_BUSY, "%s: another host has held it for too long", pg->db.name);
    if (str_eq(state, "57014"))
        return err_set(err, ERR_TIMEOUT, "%s: %s", pg->db.name, why);
    if (str_eq(state, "42501"))
        return err_set(err, ERR_REFUSED, "%s: %s; docs/postgresql.md has what a role needs",
                       pg->db.name, why);
    return err_set(err, ERR_IO, "%s: %s", pg->db.name, why);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int wait_for_answer(struct postgres_db *pg, const struct ctx *ctx, struct err *err)
{
    for (;;) {
        int unsent = pg->pq.flush(pg->connection), got;
        if (unsent < 0)
            return postgres_lost(pg, ERR_GONE, NULL, err);
        if (!unsent && !pg->pq.isBusy(pg->connection))
            return 0;
        got = ctx_wait(ctx, pg->pq.socket(pg->connection),
                       (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)), NULL);
        if (got < 0)
            return postgres_unanswered(pg, got, err);
        if ((got & ~POLLOUT) && !pg->pq.consumeInput(pg->connection))
            return postgres_lost(pg, ERR_GONE, NULL, err);
    }
}

int postgres_answer(struct postgres_db *pg, int sent, PGresult **ret, struct err *err)
{
    struct ctx ctx = ctx_narrow(&pg->ctx, pg->answer_ms + SLACK_MS);
    PGresult *next;
    int rc = 0;

    *ret = NULL;
    if (!sent)
        return postgres_lost(pg, ERR_GONE, NULL, err);
    while ((rc = wait_for_answer(pg, &ctx, err)) == 0 &&
           (next = pg->pq.getResult(pg->connection))) {
        if (*ret && pg->pq.resultStatus(*ret) == PGRES_FATAL_ERROR) {
            pg->pq.clear(next);
            continue;
        }
        pg->pq.clear(*ret);
        *ret = next;
    }
    if (rc == 0 && pg->pq.status(pg->connection) != CONNECTION_OK)
        rc = postgres_lost(pg, ERR_GONE, NULL, err);
    else if (rc == 0 && !*ret)
        rc = postgres_lost(pg, ERR_GONE, "the server answered nothing", err);
    else if (rc == 0 && pg->pq.resultStatus(*ret) == PGRES_FATAL_ERROR)
        rc = refused(pg, *ret, err);
    if (rc == 0)
        pg->changes = strtoll(pg->pq.cmdTuples(*ret), NULL, 10);
    return rc;
}

int postgres_ask(struct postgres_db *pg, const char *sql, struct err *err)
{
    PGresult *answer;
    int rc = postgres_answer(pg, pg->pq.sendQuery(pg->connection, sql), &answer, err);

    pg->pq.clear(answer);
    return rc;
}

/* ---- the connection -------------------------------------------------------------------------- */

/* Of this host, for days: $TZ, or where /etc/localtime leads; NULL: it has none. Caller frees. */
static char *time_zone(void)
{
    static const char folder[] = "zoneinfo/";
    const char *zone = getenv("TZ"), *name;
    char link[256] = "";

    if (zone && *zone)
        return xstrdup(zone + (*zone == ':'));
    if (zone || readlink("/etc/localtime", link, sizeof link - 1) < 0)
        return xstrdup("UTC");
    name = strstr(link, folder);
    return name ? xstrdup(name + strlen(folder)) : NULL;
}

/* A host that stands still in a transaction would hold up all others. */
int postgres_set_limits(struct postgres_db *pg, struct err *err)
{
    cleanup_free char *zone = time_zone();
    cleanup_free char *limits =
        xasprintf("SET statement_timeout = %" PRId64 "; SET lock_timeout = %" PRId64
                  "; SET idle_in_transaction_session_timeout = '30s';"
                  "SET client_min_messages = warning",
                  pg->answer_ms, pg->answer_ms < LOCK_MS ? pg->answer_ms : LOCK_MS);
    const char *const values[] = {zone};
    const char *is = pg->pq.parameterStatus(pg->connection, "TimeZone");
    PGresult *answer = NULL;
    int rc = postgres_ask(pg, limits, err);

    if (rc == 0 && pg->channel)
        rc = postgres_listen_again(pg, err);
    if (rc < 0 || !zone || str_eq(zone, is))
        return rc;
    rc = postgres_answer(pg,
                         pg->pq.sendQueryParams(pg->connection,
                                                "SELECT set_config('TimeZone', $1::text, false)", 1,
                                                NULL, values, NULL, NULL, 0),
                         &answer, NULL);
    pg->pq.clear(answer);
    return rc == -ERR_GONE ? err_set(err, ERR_GONE, "%s: the connection was lost", pg->db.name) : 0;
}

int postgres_revive(struct postgres_db *pg, struct err *err)
{
    if (pg->in_transaction)
        return pg->connection ? 0
                              : err_set(err, ERR_GONE, "%s: the connection was lost", pg->db.name);
    while (pg->connection) { /* its last words, and then the end */
        struct pollfd news = {.fd = pg->pq.socket(pg->connection), .events = POLLIN};
        if (poll(&news, 1, 0) <= 0)
            return 0;
        if (!pg->pq.consumeInput(pg->connection))
            postgres_lost(pg, ERR_GONE, NULL, NULL);
        else
            pg->pq.isBusy(pg->connection);
    }
    if (ctx_now_ns() < pg->silent_ns) /* what was to be waited for was waited for */
        return err_set(err, ERR_GONE, "%s: the server does not answer", pg->db.name);
    return postgres_reach(pg, err);
}
