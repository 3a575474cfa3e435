/* SPDX-License-Identifier: MIT
 *
 * A connection is made: host after host of the url, again where a server has no room yet, all of it
 * by one deadline.
 */
#include "store/db_postgres.h"

#include "base/str.h"
#include "base/text.h"

#include <ctype.h>
#include <poll.h>
#include <string.h>

#define AGAIN_MS 100 /* at first; then twice that, and so on */
#define WHY_MAX 512
#define STATE_SIZE 6 /* of an SQLSTATE */

/* ---- why not --------------------------------------------------------------------------------- */

/* A refused connection has its SQLSTATE in the message alone, where it is asked for:
 * "...:  53300: sorry, ...". *ret_said: what stands behind it, or all. */
static void read_state(const char *message, char state[STATE_SIZE], const char **ret_said)
{
    *state = '\0';
    *ret_said = message;
    for (const char *at = message; (at = strstr(at, ":  ")); at++) {
        size_t digits = 0;
        while (isupper((unsigned char)at[3 + digits]) || isdigit((unsigned char)at[3 + digits]))
            digits++;
        if (digits != STATE_SIZE - 1 || !str_starts(at + 3 + digits, ": "))
            continue;
        memcpy(state, at + 3, digits);
        state[digits] = '\0';
        *ret_said = at + 3 + digits + strlen(": ");
        return;
    }
}

/* -ERR_BUSY: it may have room in a moment. */
static int refused(struct postgres_db *pg, struct err *err)
{
    char state[STATE_SIZE];
    const char *said;

    read_state(pg->pq.errorMessage(pg->connection), state, &said);
    cleanup_free char *line = *state ? xstrndup(said, strcspn(said, "\n")) : xstrdup(said);
    cleanup_free char *clean = text_clean_dup(line, WHY_MAX, TEXT_ONE_LINE);
    bool full = str_eq(state, "53300"), starts = str_eq(state, "57P03");
    cleanup_free char *why =
        full ? xasprintf("%s; docs/postgresql.md says how large max_connections should be", clean)
             : xstrdup(clean);
    postgres_lost(pg, ERR_GONE, why, err);
    return full || starts ? -ERR_BUSY : -ERR_GONE;
}

/* ---- one host -------------------------------------------------------------------------------- */

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static const char *item(const struct strv *list, size_t at)
{
    return at < list->count ? list->items[at] : list->count == 1 ? list->items[0] : NULL;
}

/* What stands before the address is what it may say otherwise; behind it, which of its hosts. */
static int begin(struct postgres_db *pg, size_t host, struct err *err)
{
    static const char *const keys[] = {"tcp_user_timeout",
                                       "application_name",
                                       "dbname",
                                       "client_encoding",
                                       "host",
                                       "hostaddr",
                                       "port",
                                       NULL};
    const struct postgres_hosts *hosts = &pg->hosts;
    bool one = hosts->count > 1;
    const char *const values[] = {"30000",
                                  "hil",
                                  pg->url,
                                  "UTF8",
                                  one ? item(&hosts->names, host) : NULL,
                                  one ? item(&hosts->addresses, host) : NULL,
                                  one ? item(&hosts->ports, host) : NULL,
                                  NULL};

    pg->connection = pg->pq.connectStartParams(keys, values, 1);
    if (!pg->connection)
        return err_set(err, ERR_IO, "%s: no memory", pg->db.name);
    pg->pq.setErrorVerbosity(pg->connection, PQERRORS_VERBOSE);
    return 0;
}

/* Until it is there or refused. */
static int await(struct postgres_db *pg, const struct ctx *ctx, struct err *err)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    while (pg->pq.status(pg->connection) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
           next != PGRES_POLLING_FAILED) {
        short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        int rc = ctx_wait(ctx, pg->pq.socket(pg->connection), events, NULL);
        if (rc < 0)
            return postgres_unanswered(pg, rc, err);
        next = pg->pq.connectPoll(pg->connection);
    }
    if (pg->pq.status(pg->connection) != CONNECTION_OK)
        return refused(pg, err);
    pg->pq.setErrorVerbosity(pg->connection, PQERRORS_DEFAULT);
    pg->pq.setNoticeProcessor(pg->connection, ignore_notice, NULL);
    pg->pq.setnonblocking(pg->connection, 1);
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void split(struct strv *list, const char *text)
{
    if (text)
        strv_split(list, text, ',');
}

/* The hosts that libpq has found, also in the environment and in a service file. Waiting without
 * blocking it would stay with one that is silent, so where there are several each gets a turn. */
static void find_hosts(struct postgres_db *pg)
{
    struct postgres_hosts *hosts = &pg->hosts;
    PQconninfoOption *all = pg->pq.conninfo(pg->connection);

    for (PQconninfoOption *each = all; each && each->keyword; each++) {
        if (str_eq(each->keyword, "host"))
            split(&hosts->names, each->val);
        else if (str_eq(each->keyword, "hostaddr"))
            split(&hosts->addresses, each->val);
        else if (str_eq(each->keyword, "port"))
            split(&hosts->ports, each->val);
    }
    pg->pq.conninfoFree(all);
    hosts->count =
        hosts->names.count > hosts->addresses.count ? hosts->names.count : hosts->addresses.count;
    if (!hosts->count)
        hosts->count = 1;
}

static int reach_host(struct postgres_db *pg, size_t host, const struct ctx *ctx, struct err *err)
{
    int rc = begin(pg, host, err);

    if (rc == 0 && !pg->hosts.count) {
        find_hosts(pg);
        if (pg->hosts.count > 1) {
            pg->pq.finish(pg->connection);
            rc = begin(pg, host, err);
        }
    }
    if (rc < 0)
        return rc;
    size_t left = pg->hosts.count > host ? pg->hosts.count - host : 1;
    struct ctx turn = ctx_narrow(ctx, ctx_left_ms(ctx) / (int64_t)left);
    return await(pg, &turn, err);
}

/* -ERR_BUSY: one of them may have room in a moment. */
static int reach_any(struct postgres_db *pg, const struct ctx *ctx, struct err *err)
{
    bool busy = false;
    size_t host = 0;
    int rc;

    do {
        rc = reach_host(pg, host, ctx, err);
        busy = busy || rc == -ERR_BUSY;
    } while ((rc == -ERR_GONE || rc == -ERR_BUSY) && ++host < pg->hosts.count);
    return rc == -ERR_GONE && busy ? -ERR_BUSY : rc;
}

int postgres_reach(struct postgres_db *pg, struct err *err)
{
    const struct ctx life = pg->ctx;
    int64_t again_ms = AGAIN_MS;
    int rc;

    pg->ctx = ctx_narrow(&life, pg->reach_ms);
    while ((rc = reach_any(pg, &pg->ctx, err)) == -ERR_BUSY &&
           ctx_sleep(&pg->ctx, again_ms, NULL) == 0)
        again_ms *= 2;
    if (rc == -ERR_BUSY)
        rc = ctx_cancelled(&life) ? err_set(err, ERR_CANCELLED, "%s: cancelled", pg->db.name)
                                  : -ERR_GONE;
    if (rc == 0) {
        pg->epoch++;
        buf_clear(&pg->stale);
        rc = postgres_set_limits(pg, err);
    }
    pg->ctx = life;
    return rc;
}
