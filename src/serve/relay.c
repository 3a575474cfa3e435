/* SPDX-License-Identifier: MIT */
#include "serve/relay.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "source/github_api.h"
#include "store/news.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_MS 10000 /* after the database was lost */
#define NAME_BYTES 8   /* of a service's name, drawn anew whenever it starts */

static const char *const kinds[] = {
    [HOOK_RELEASE] = "release", [HOOK_RUN] = "run", [HOOK_DISPATCH] = "dispatch"};

/* ---- the text ------------------------------------------------------------------------------ */

char *relay_write(const char *lab, const char *from, const struct hook_event *event)
{
    struct json_out json;

    json_begin(&json, -1, 0);
    json_object(&json);
    json_kv_string(&json, "lab", lab);
    json_kv_string(&json, "from", from);
    json_kv_string(&json, "kind", kinds[event->kind]);
    json_kv_string(&json, "repository", event->repo);
    json_kv_string(&json, "branch", event->branch);
    json_object_end(&json);
    json_end(&json, NULL);
    return buf_steal(&json.pending);
}

static enum hook_kind read_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i] && str_eq(kinds[i], name))
            return (enum hook_kind)i;
    return HOOK_NOTHING;
}

static bool take_text(const cJSON *tree, const char *name, char ret[HOOK_TEXT_MAX])
{
    const char *text = json_get_string(tree, name, NULL);
    size_t length = text ? strlen(text) : HOOK_TEXT_MAX;

    if (length >= HOOK_TEXT_MAX)
        return false;
    memcpy(ret, text, length + 1);
    return true;
}

bool relay_read(const char *text, const char *lab, const char *self, struct hook_event *ret)
{
    cJSON *tree = NULL;
    bool good;

    *ret = (struct hook_event){.kind = HOOK_NOTHING};
    if (json_parse(text, strlen(text), NEWS_MAX, "news", &tree, NULL) < 0)
        return false;
    good = str_eq(json_get_string(tree, "lab", NULL), lab) &&
           !str_eq(json_get_string(tree, "from", self), self) &&
           take_text(tree, "repository", ret->repo) && take_text(tree, "branch", ret->branch) &&
           github_repo_ok(ret->repo);
    ret->kind = good ? read_kind(json_get_string(tree, "kind", "")) : HOOK_NOTHING;
    cJSON_Delete(tree);
    return ret->kind != HOOK_NOTHING;
}

/* ---- in the process that listens ----------------------------------------------------------- */

struct ear {
    const struct lab *lab;
    int events_fd, cancel_fd;
    char self[2 * NAME_BYTES + 1];
};

static bool take_event(int fd, struct hook_event *ret)
{
    if (recv(fd, ret, sizeof *ret, MSG_DONTWAIT) != (ssize_t)sizeof *ret)
        return false;
    ret->repo[HOOK_TEXT_MAX - 1] = ret->branch[HOOK_TEXT_MAX - 1] = '\0';
    return true;
}

static int pass_on(const struct ear *ear, struct news *news, struct err *err)
{
    struct hook_event event;
    int rc = 0;

    while (rc == 0 && take_event(ear->events_fd, &event)) {
        cleanup_free char *text = relay_write(ear->lab->name, ear->self, &event);
        rc = news_tell(news, text, err);
    }
    return rc;
}

/* Both ways, until the service ends or the database is lost. */
static int listen_on(const struct ear *ear, struct news *news, const struct ctx *ctx,
                     struct err *err)
{
    const struct ctx cancel = ctx_root(ear->cancel_fd, NULL);
    int rc = 0;

    while (rc == 0 && !ctx_cancelled(&cancel)) {
        cleanup_free char *text = NULL;
        struct hook_event event;
        rc = news_wait(news, ctx, &text, err);
        if (rc == 0 && relay_read(text, ear->lab->name, ear->self, &event))
            (void)!send(ear->events_fd, &event, sizeof event, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (rc == -ERR_CANCELLED) /* the service has something to tell, or ends */
            rc = pass_on(ear, news, err);
    }
    return rc;
}

/* Readable for the service's news and for its end. */
static int both(const struct ear *ear)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};

    if (epoll_fd >= 0 && (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ear->events_fd, &event) < 0 ||
                          epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ear->cancel_fd, &event) < 0))
        close_fd(&epoll_fd);
    return epoll_fd;
}

static void listen_for(void *arg, struct worker_report *ret)
{
    struct ear *ear = arg;
    const struct ctx cancel = ctx_root(ear->cancel_fd, NULL);
    cleanup_close int both_fd = both(ear);
    const struct ctx ctx = ctx_root(both_fd, NULL);
    unsigned char name[NAME_BYTES] = {0};

    (void)ret;
    if (getrandom(name, sizeof name, 0) < 0 || both_fd < 0)
        return;
    hex_encode(name, sizeof name, ear->self);
    do {
        struct news *news = NULL;
        struct hook_event old;
        if (news_open(ear->lab->store.url, &news, NULL) == 0)
            listen_on(ear, news, &ctx, NULL);
        news_close(news);
        while (take_event(ear->events_fd, &old)) /* of a database that is away nobody hears it */
            ;
    } while (ctx_sleep(&cancel, AGAIN_MS, NULL) == 0);
}

/* ---- in the service ------------------------------------------------------------------------ */

int relay_open(struct relay *relay, const struct lab *lab, int cancel_fd, struct err *err)
{
    struct ear ear = {.lab = lab, .cancel_fd = cancel_fd};
    int ends[2], rc;

    *relay = (struct relay){.events_fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(err, errno, "relay: socketpair");
    ear.events_fd = ends[1];
    rc = worker_start(&relay->worker, listen_for, &ear, err);
    close(ends[1]);
    if (rc == 0)
        relay->events_fd = ends[0];
    else
        close(ends[0]);
    return rc;
}

void relay_tell(const struct relay *relay, const struct hook_event *event)
{
    if (relay->events_fd >= 0)
        (void)!send(relay->events_fd, event, sizeof *event, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool relay_next(struct relay *relay, struct hook_event *ret)
{
    return take_event(relay->events_fd, ret);
}

void relay_close(struct relay *relay, const struct ctx *ctx)
{
    struct worker_report report;

    if (relay->events_fd < 0)
        return;
    worker_cancel(&relay->worker);
    worker_end(&relay->worker, ctx, &report);
    close_fd(&relay->events_fd);
}
