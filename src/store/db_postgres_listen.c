/* SPDX-License-Identifier: MIT
 *
 * News come between the answers of a connection, and stay in libpq until they are asked for.
 */
#include "store/db_postgres.h"

#include "base/str.h"

#include <poll.h>

#define NEWS_MAX 8000 /* bytes; a server passes on less */

int postgres_hurry(struct db *db, int64_t answer_ms, struct err *err)
{
    struct postgres_db *pg = (struct postgres_db *)db;

    pg->answer_ms = answer_ms;
    return pg->connection ? postgres_set_limits(pg, err) : 0;
}

int postgres_listen_again(struct postgres_db *pg, struct err *err)
{
    cleanup_free char *sql = xasprintf("LISTEN %s", pg->channel);

    return postgres_ask(pg, sql, err);
}

int postgres_listen(struct db *db, const char *channel, struct err *err)
{
    struct postgres_db *pg = (struct postgres_db *)db;
    bool connected = pg->connection;
    int rc;

    pg->channel = channel;
    rc = postgres_revive(pg, err);
    return rc == 0 && connected ? postgres_listen_again(pg, err) : rc;
}

/* Of the news that are here already. */
static char *take_news(struct postgres_db *pg)
{
    PGnotify *news = pg->pq.notifies(pg->connection);
    char *text = news ? xstrndup(news->extra, NEWS_MAX) : NULL;

    if (news)
        pg->pq.freemem(news);
    return text;
}

int postgres_wait(struct db *db, const struct ctx *ctx, char **ret, struct err *err)
{
    struct postgres_db *pg = (struct postgres_db *)db;
    int rc;

    if (!pg->connection)
        return err_set(err, ERR_GONE, "%s: the connection was lost", db->name);
    while (!(*ret = take_news(pg))) {
        rc = ctx_wait(ctx, pg->pq.socket(pg->connection), POLLIN, err);
        if (rc < 0)
            return rc;
        if (!pg->pq.consumeInput(pg->connection))
            return postgres_lost(pg, ERR_GONE, NULL, err);
    }
    return 0;
}
