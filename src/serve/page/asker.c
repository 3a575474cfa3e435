/* SPDX-License-Identifier: MIT */
#include "serve/page/asker.h"

#include "base/fs.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#define STUCK_MS 60000 /* beyond ASKER_MS */
#define CLOSE_MS 300
#define NS_PER_MS INT64_C(1000000)

struct asker {
    char *state_dir;
    struct ctx ctx;
    pthread_t thread;
    int fd; /* eventfd: there are answers */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* CLOCK_MONOTONIC */
    bool stops, ended;
    struct question *waiting, *answered;
    int64_t began_ns; /* the turn of the one that is asked; 0: none is */
    /* the thread's: */
    struct err away; /* why the database was, */
    int64_t away_ns; /* which is believed until then */
};

void question_free(struct question *question)
{
    if (!question)
        return;
    free(question->url);
    question->free(question);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static int ask_store(struct asker *asker, struct question *question, struct err *err)
{
    const struct store_conf conf = {.url = question->url};
    struct ctx ctx = ctx_narrow(&asker->ctx, ASKER_MS);
    struct store *store = NULL;
    int rc = store_open_within(&conf, asker->state_dir, false, &ctx, &store, err);

    if (rc == 0 || rc == -ERR_NOT_FOUND)
        rc = question->ask(question, store, err);
    if (rc == 0 && store && store_trouble(store)) {
        *err = *store_trouble(store);
        rc = -(int)err->code;
    }
    store_close(store);
    return rc;
}

static void answer(struct asker *asker, struct question *question)
{
    if (question->url && ctx_now_ns() < asker->away_ns) {
        question->err = asker->away;
        question->rc = -(int)question->err.code;
        return;
    }
    question->rc = ask_store(asker, question, &question->err);
    if (question->url && (question->rc == -ERR_GONE || question->rc == -ERR_TIMEOUT)) {
        asker->away = question->err;
        asker->away_ns = ctx_now_ns() + ASKER_AWAY_MS * NS_PER_MS;
    }
}

static void append(struct question **list, struct question *question)
{
    while (*list)
        list = &(*list)->next;
    question->next = NULL;
    *list = question;
}

/* NULL: no more. */
static struct question *next(struct asker *asker)
{
    struct question *question;

    pthread_mutex_lock(&asker->lock);
    while (!asker->stops && !asker->waiting)
        pthread_cond_wait(&asker->changed, &asker->lock);
    question = asker->stops ? NULL : asker->waiting;
    if (question)
        asker->waiting = question->next;
    asker->began_ns = question ? ctx_now_ns() : 0;
    pthread_mutex_unlock(&asker->lock);
    return question;
}

static void *work(void *arg)
{
    struct asker *asker = arg;
    struct question *question;

    while ((question = next(asker))) {
        answer(asker, question);
        pthread_mutex_lock(&asker->lock);
        append(&asker->answered, question);
        asker->began_ns = 0;
        pthread_mutex_unlock(&asker->lock);
        eventfd_write(asker->fd, 1);
    }
    pthread_mutex_lock(&asker->lock);
    asker->ended = true;
    pthread_cond_broadcast(&asker->changed);
    pthread_mutex_unlock(&asker->lock);
    return NULL;
}

/* ---- the loop -------------------------------------------------------------------------------- */

int asker_open(const char *state_dir, const struct ctx *ctx, struct asker **ret, struct err *err)
{
    struct asker *asker = xcalloc(1, sizeof *asker);
    pthread_condattr_t monotonic;

    *asker = (struct asker){.ctx = *ctx, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    pthread_mutex_init(&asker->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&asker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    asker->state_dir = xstrdup(state_dir);
    asker->ended = asker->fd < 0 || pthread_create(&asker->thread, NULL, work, asker) != 0;
    if (!asker->ended) {
        *ret = asker;
        return 0;
    }
    close_fd(&asker->fd);
    free(asker->state_dir);
    free(asker);
    return err_set(err, ERR_LIMIT, "no more threads or descriptors can be had");
}

int asker_fd(const struct asker *asker)
{
    return asker->fd;
}

void asker_put(struct asker *asker, struct question *question)
{
    pthread_mutex_lock(&asker->lock);
    if (question->first) {
        question->next = asker->waiting;
        asker->waiting = question;
    } else {
        append(&asker->waiting, question);
    }
    pthread_cond_broadcast(&asker->changed);
    pthread_mutex_unlock(&asker->lock);
}

struct question *asker_take(struct asker *asker)
{
    struct question *question;
    eventfd_t count;

    eventfd_read(asker->fd, &count);
    pthread_mutex_lock(&asker->lock);
    question = asker->answered;
    if (question)
        asker->answered = question->next;
    pthread_mutex_unlock(&asker->lock);
    return question;
}

bool asker_is_stuck(struct asker *asker)
{
    int64_t began_ns;

    pthread_mutex_lock(&asker->lock);
    began_ns = asker->began_ns;
    pthread_mutex_unlock(&asker->lock);
    return began_ns && ctx_now_ns() - began_ns > (ASKER_MS + STUCK_MS) * NS_PER_MS;
}

static bool ends_soon(struct asker *asker)
{
    int64_t until_ns = ctx_now_ns() + CLOSE_MS * NS_PER_MS;
    const struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    bool ended;

    pthread_mutex_lock(&asker->lock);
    asker->stops = true;
    pthread_cond_broadcast(&asker->changed);
    while (!asker->ended && pthread_cond_timedwait(&asker->changed, &asker->lock, &until) == 0)
        ;
    ended = asker->ended;
    pthread_mutex_unlock(&asker->lock);
    return ended;
}

static void free_all(struct question *list)
{
    for (struct question *after; list; list = after) {
        after = list->next;
        question_free(list);
    }
}

void asker_close(struct asker *asker)
{
    if (!asker || !ends_soon(asker))
        return;
    pthread_join(asker->thread, NULL);
    free_all(asker->waiting);
    free_all(asker->answered);
    pthread_cond_destroy(&asker->changed);
    pthread_mutex_destroy(&asker->lock);
    close_fd(&asker->fd);
    free(asker->state_dir);
    free(asker);
}
