/* SPDX-License-Identifier: MIT */
#include "store/news.h"

#include "base/str.h"
#include "store/db.h"
#include "store/parts.h"

#include <stdlib.h>
#include <string.h>

#define CHANNEL "hil_news"
#define ANSWER_MS 5000

struct news {
    struct db *db;
    bool lost; /* the connection, since the last wait */
};

int news_open(const char *url, struct news **ret, struct err *err)
{
    struct db *db = NULL;
    int rc = db_open_server(url, true, NULL, &db, err);

    if (rc == 0)
        rc = db_hurry(db, ANSWER_MS, err);
    if (rc == 0)
        rc = db_listen(db, CHANNEL, err);
    if (rc < 0) {
        db_close(db);
        return rc;
    }
    *ret = xmalloc(sizeof **ret);
    **ret = (struct news){.db = db};
    return 0;
}

void news_close(struct news *news)
{
    if (!news)
        return;
    db_close(news->db);
    free(news);
}

int news_tell(struct news *news, const char *text, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = strlen(text) > NEWS_MAX
                 ? err_set(err, ERR_LIMIT, "news of more than %d bytes", NEWS_MAX)
                 : db_prepare(news->db, "SELECT pg_notify('" CHANNEL "', ?)", &statement, err);

    if (rc < 0)
        return rc;
    statement_bind_text(statement, 1, xstrdup(text));
    rc = statement_step(statement, err);
    return rc < 0 ? rc : 0;
}

int news_wait(struct news *news, const struct ctx *ctx, char **ret, struct err *err)
{
    int rc = news->lost ? db_listen(news->db, CHANNEL, err) : 0;

    news->lost = rc < 0;
    if (rc == 0)
        rc = db_wait(news->db, ctx, ret, err);
    news->lost |= rc == -ERR_GONE;
    return rc;
}
