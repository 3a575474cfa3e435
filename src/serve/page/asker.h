/* SPDX-License-Identifier: MIT
 *
 * asker: asks the store in the page's place, on a thread of its own: a database may take its time,
 * and the page's loop has none.
 *
 *     asker_open(state_dir, &ctx, &asker, err)    asker_fd(asker): readable when there are answers
 *     asker_put(asker, question)                  the asker's, until it comes back by
 *     while ((question = asker_take(asker))) ...  answered or not: question->rc
 *     asker_close(asker)
 *
 * A question has ASKER_MS from its turn on. A database that did not answer is left alone for
 * ASKER_AWAY_MS: what is asked meanwhile gets the same error at once. All functions are the loop's
 * and never block, but for the last one: it waits for a moment, as only a resolver that is asked
 * for the database's address cannot be interrupted; then the thread is left to the end of the
 * process.
 */
#ifndef HIL_SERVE_PAGE_ASKER_H
#define HIL_SERVE_PAGE_ASKER_H

#include "base/ctx.h"
#include "store/store.h"

#define ASKER_MS 30000
#define ASKER_AWAY_MS 5000

struct asker;

struct question { /* the head of what is asked; both functions take it by this */
    struct question *next;
    /* On the thread. `store` NULL: nothing was remembered yet. */
    int (*ask)(struct question *question, struct store *store, struct err *err);
    void (*free)(struct question *question);
    char *url;  /* the store's; NULL: a file; the asker frees it */
    bool first; /* before others that wait */
    int rc;
    struct err err;
};

int asker_open(const char *state_dir, const struct ctx *ctx, struct asker **ret, struct err *err);
int asker_fd(const struct asker *asker);
void asker_put(struct asker *asker, struct question *question);
/* NULL: there is none. To be freed by question_free(). */
struct question *asker_take(struct asker *asker);
/* What is asked has been over its time for so long that no answer will ever come. */
bool asker_is_stuck(struct asker *asker);
void asker_close(struct asker *asker); /* NULL is fine; the ctx is cancelled before */

void question_free(struct question *question); /* NULL is fine */

#endif
