/* SPDX-License-Identifier: MIT
 *
 * news: short texts that the hosts of one database tell each other, PostgreSQL's alone.
 *
 *     news_open(url, &news, err)
 *     news_tell(news, "...", err)           to all that listen now, ourselves too
 *     news_wait(news, ctx, &text, err)      the next one
 *
 * Nothing is kept: who does not listen, or whose connection breaks, hears nothing of it. A
 * connection that was lost is made anew by news_wait(). Texts are at most NEWS_MAX bytes, and
 * anybody who may use the database may send any. Errors are db.h's. One thread at a time.
 */
#ifndef HIL_STORE_NEWS_H
#define HIL_STORE_NEWS_H

#include "base/ctx.h"

#define NEWS_MAX 4000

struct news;

int news_open(const char *url, struct news **ret, struct err *err);
void news_close(struct news *news); /* NULL is fine */
int news_tell(struct news *news, const char *text, struct err *err);
/* As db_wait(). Caller frees the text. */
int news_wait(struct news *news, const struct ctx *ctx, char **ret, struct err *err);

#endif
