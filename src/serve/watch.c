/* SPDX-License-Identifier: MIT */
#include "serve/watch.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/str.h"
#include "notify/notifier.h"
#include "remote/servers.h"
#include "serve/loop.h"
#include "serve/service_lock.h"
#include "serve/watch_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define HOURS_MS 20000 /* between two looks at the clock */
#define STORE_MS 30000 /* after the store could not be had */
#define IDLE_MS 3600000

/* ---- deciding -------------------------------------------------------------------------------- */

static int know(const struct watch *watch, struct store *store, const struct post *post,
                struct store_watched *ret, struct err *err)
{
    if (store)
        return store_watched(store, watch->lab->name, post->board->name,
                             ctx_unix_us() - WATCH_DAY_US, ret, err);
    *ret = (struct store_watched){0}; /* a dry run in a lab without history */
    char **const texts[] = {&ret->image,  &ret->failed,     &ret->aside,
                            &ret->reason, &ret->quarantine, &ret->quarantine_for};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        *texts[i] = xstrdup("");
    return 0;
}

static bool is_busy(const struct watch *watch, const struct post *post)
{
    return watch_busy(watch, HAND_BOARD, post->board->name);
}

static int decide(struct watch *watch, struct store *store, struct post *post, struct err *err)
{
    struct watch_rules rules = watch_conf_rules(post->follow->conf);
    struct store_watched known;
    int64_t now = ctx_unix_us();
    int rc;

    if (post->tried || !post->follow->newest.tag || is_busy(watch, post))
        return 0;
    post->decided = false;
    if (!post->file) {
        watch_tell_post(watch, post, JOURNAL_ERR, "%s", post->why);
        return 0;
    }
    rc = know(watch, store, post, &known, err);
    if (rc == 0) {
        post->action = watch_decide(&known, post->image, &rules, now, window_minute(now / 1000000),
                                    &post->until_us);
        post->decided = true;
        post->verdict = known.verdict;
        watch_tell_decision(watch, post, &known);
    }
    store_watched_done(&known);
    return rc;
}

/* The store is closed again before anybody forks: SQLite's handles do not live through that. */
static int decide_all(struct watch *watch, struct err *err)
{
    struct store *store = NULL;
    bool dry = watch->request->dry_run;
    int rc = store_open(&watch->lab->store, watch->state_dir, !dry, &store, err);

    if (rc == -ERR_NOT_FOUND && dry)
        rc = 0;
    for (size_t i = 0; i < watch->post_count && rc == 0; i++)
        rc = decide(watch, store, &watch->posts[i], err);
    store_close(store);
    return rc < 0 ? err_wrap(err, "nothing is flashed without a memory of it") : 0;
}

/* ---- acting ---------------------------------------------------------------------------------- */

static struct parcel *parcel_of(struct watch *watch, const struct post *post)
{
    cleanup_free char *place = newest_place(post->file, post->follow->conf, watch->files_dir);
    struct parcel *parcel = NULL;

    for (size_t i = 0; i < watch->parcel_count && !parcel; i++)
        if (str_eq(watch->parcels[i].place, place))
            parcel = &watch->parcels[i];
    if (!parcel) {
        watch->parcels = xrealloc(watch->parcels, watch->parcel_count + 1, sizeof *watch->parcels);
        parcel = &watch->parcels[watch->parcel_count++];
        *parcel = (struct parcel){.place = xstrdup(place)};
    }
    parcel->follow = post->follow;
    parcel->file = post->file;
    return parcel;
}

static void later(int64_t *again_ns, int64_t at_ns)
{
    if (at_ns > *again_ns)
        *again_ns = at_ns;
}

static void give_up(struct post *post, const char *why)
{
    free(post->text);
    post->text = xstrdup(why);
    post->tried = post->deferred = true;
    post->verdict = VERDICT_INFRA;
}

/* Its file first, then the board. */
static int bring(struct watch *watch, struct post *post, struct err *err)
{
    struct parcel *parcel = parcel_of(watch, post);

    if (parcel->path)
        return watch_flash(watch, post, parcel->path, false, err);
    if (watch_busy(watch, HAND_PARCEL, parcel->place))
        return 0;
    if (parcel->error && watch->request->once) {
        give_up(post, parcel->error);
        return 0;
    }
    if (!watch->request->once) /* a download asks GitHub, too */
        later(&parcel->again_ns, loop_after_ms(http_rest_ms(github_http(watch->github))) - 1);
    if (ctx_now_ns() < parcel->again_ns) {
        post->again_ns = parcel->again_ns;
        return 0;
    }
    return watch_fetch(watch, parcel, err);
}

static int act(struct watch *watch, struct post *post, struct err *err)
{
    if (!post->decided || post->tried || is_busy(watch, post) || watch->request->dry_run ||
        ctx_now_ns() < post->again_ns)
        return 0;
    if (post->action == WATCH_GOLDEN)
        return watch_flash(watch, post, post->follow->conf->golden, true, err);
    return post->action == WATCH_FLASH ? bring(watch, post, err) : 0;
}

static int act_on_all(struct watch *watch, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < watch->post_count && rc == 0; i++)
        rc = act(watch, &watch->posts[i], err);
    return rc;
}

/* ---- what nobody needs any more -------------------------------------------------------------- */

static bool is_needed(const struct watch *watch, const char *place)
{
    for (size_t i = 0; i < watch->post_count; i++) {
        const struct post *post = &watch->posts[i];
        if (!post->file) {
            if (!post->follow->newest.tag)
                return true; /* who knows */
            continue;
        }
        cleanup_free char *own = newest_place(post->file, post->follow->conf, watch->files_dir);
        if (str_eq(own, place))
            return true;
    }
    return false;
}

/* Only while nobody works, so that nothing is taken from under a flashing program. */
static void tidy(struct watch *watch)
{
    DIR *dir = watch->hand_count || watch->request->dry_run ? NULL : opendir(watch->files_dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        cleanup_free char *place = fs_join(watch->files_dir, entry->d_name);
        if (entry->d_name[0] != '.' && !is_needed(watch, place))
            fs_remove_tree(place);
    }
    if (!dir)
        return;
    closedir(dir);
    for (size_t i = watch->parcel_count; i-- > 0;) {
        struct parcel *parcel = &watch->parcels[i];
        if (is_needed(watch, parcel->place))
            continue;
        free(parcel->place);
        free(parcel->path);
        free(parcel->error);
        *parcel = watch->parcels[--watch->parcel_count];
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* When there is something to do, should nothing happen before. */
static int64_t due_ns(const struct watch *watch)
{
    int64_t due = loop_after_ms(IDLE_MS), now_us = ctx_unix_us();

    for (size_t i = 0; i < watch->follow_count && !watch->request->once; i++)
        loop_sooner(&due, watch->follows[i].next_ns);
    for (size_t i = 0; i < watch->post_count; i++) {
        const struct post *post = &watch->posts[i];
        if (!post->decided || is_busy(watch, post))
            continue;
        if (post->until_us)
            loop_sooner(&due, loop_after_ms((post->until_us - now_us) / 1000 + 1));
        if (post->action == WATCH_CLOSED)
            loop_sooner(&due, loop_after_ms(HOURS_MS));
        if ((post->action == WATCH_FLASH || post->action == WATCH_GOLDEN) &&
            post->again_ns > ctx_now_ns())
            loop_sooner(&due, post->again_ns);
    }
    if (watch_hook_misses(watch))
        loop_sooner(&due, watch->hook_again_ns);
    loop_sooner(&due, watch->away_ns);
    if (watch->notify.watchdog_ms)
        loop_sooner(&due, loop_after_ms(watch->notify.watchdog_ms / 2));
    return due;
}

static void reload(struct watch *watch)
{
    struct watch_line refused;
    struct err err = {0};

    notify_send(&watch->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
                (long long)(ctx_now_ns() / 1000));
    if (watch_load(watch, &err) < 0) {
        refused = watch_line(JOURNAL_ERR, "hil watch");
        refused.id = MESSAGE_ID_CONF_REFUSED;
        watch_tell(watch, refused, "lab.yaml is wrong, so the old one stays: %s", err.message);
        watch->away_ns = INT64_MAX;
    } else {
        watch_tell(watch, watch_line(JOURNAL_INFO, "hil watch"), "%s was read again",
                   watch->lab_path);
        if (watch_hook_open(watch, &err) < 0)
            watch_tell(watch, watch_line(JOURNAL_ERR, "webhook"), "%s", err.message);
    }
    notify_send(&watch->notify, "READY=1");
}

/* One time round: look, decide, act. */
static int turn(struct watch *watch, struct err *err)
{
    int rc;

    watch_look(watch);
    watch_reap(watch);
    rc = decide_all(watch, err);
    if (rc == 0)
        rc = act_on_all(watch, err);
    tidy(watch);
    return rc;
}

static void wait_for_news(struct watch *watch, int64_t until_ns)
{
    int64_t left_ns = until_ns - ctx_now_ns();
    struct ctx wait = ctx_narrow(&watch->ctx, left_ns > 0 ? (left_ns + 999999) / 1000000 : 0);

    ctx_wait(&wait, watch->epoll_fd, POLLIN, NULL);
    watch_reap(watch);
    watch_hook_take(watch);
    if (loop_drained(watch->reload_fd) || (!watch->request->once && ctx_now_ns() >= watch->away_ns))
        reload(watch);
}

static int run_once(struct watch *watch, enum verdict *ret, struct err *err)
{
    int rc = turn(watch, err);

    while (rc == 0 && watch->hand_count && !ctx_cancelled(&watch->ctx)) {
        wait_for_news(watch, loop_after_ms(IDLE_MS));
        rc = turn(watch, err);
    }
    if (rc == 0)
        rc = ctx_check(&watch->ctx, err);
    if (rc < 0)
        return rc;
    *ret = watch_verdict(watch);
    return watch->request->json ? watch_write_json(watch, watch->request->json_fd, err) : 0;
}

static int run_on(struct watch *watch, struct err *err)
{
    char last[ERR_MESSAGE_MAX] = "";

    notify_send(&watch->notify, "READY=1\nSTATUS=watching %zu boards", watch->post_count);
    while (!ctx_cancelled(&watch->ctx)) {
        struct err told = {0};
        bool bad = turn(watch, &told) < 0;
        int64_t due = due_ns(watch);
        if (bad && !str_eq(last, told.message))
            watch_tell(watch, watch_line(JOURNAL_ERR, "hil watch"), "%s", told.message);
        snprintf(last, sizeof last, "%s", bad ? told.message : "");
        if (bad)
            loop_sooner(&due, loop_after_ms(STORE_MS));
        else
            notify_alive(&watch->notify);
        watch_write_state(watch);
        spool_sender_turn(&watch->sender, watch->lab, watch->lab_path, watch->state_dir,
                          &watch->ctx, &due);
        wait_for_news(watch, due);
    }
    notify_send(&watch->notify, "STOPPING=1");
    return err_set(err, ERR_CANCELLED, "cancelled");
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int open_descriptors(struct watch *watch, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    bool once = watch->request->once;

    watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch->stop_fd = loop_stops();
    watch->reload_fd = once ? -1 : loop_reloads();
    if (watch->epoll_fd < 0 || watch->stop_fd < 0 || (!once && watch->reload_fd < 0))
        return err_set(err, ERR_LIMIT, "no more descriptors can be had");
    if (!once && epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, watch->reload_fd, &event) < 0)
        return err_sys(err, errno, "epoll");
    watch->ctx = ctx_root(once ? watch->request->cancel_fd : watch->stop_fd, NULL);
    return 0;
}

/* Of two services each would flash what the other has flashed already. */
static int lock(struct watch *watch, struct err *err)
{
    int rc = watch->request->dry_run ? 0 : fs_mkdirs(watch->files_dir, 0755, err);

    if (rc < 0 || watch->request->dry_run)
        return rc;
    return service_lock(watch->state_dir, "watch", watch->lab->name, &watch->ctx, &watch->lock_fd,
                        err);
}

static void note_github(void *arg, const char *text)
{
    watch_tell(arg, watch_line(JOURNAL_WARNING, "GitHub"), "%s", text);
}

static int open_github(struct watch *watch, struct err *err)
{
    const struct download_request *download = &watch->request->download;
    struct http_options options = {.version = download->version,
                                   .connect_ms = download->connect_ms,
                                   .stall_ms = download->stall_ms,
                                   .retries = watch->request->once ? download->retries : 0,
                                   .note = note_github,
                                   .arg = watch};

    return github_open(&watch->github, &options, download->token_file, err);
}

/* What an earlier one could not send is sent, and a mistake is told now rather than with the
 * news. */
static void look_at_notify(const struct watch *watch)
{
    struct err err;
    struct notifier *notifier = notifier_open(watch->lab, watch->state_dir, &err);

    if (err.code)
        watch_tell(watch, watch_line(JOURNAL_ERR, "notify"), "%s", err.message);
    notifier_close(notifier);
}

/* Nobody needs it to be there. */
static void name_state(struct watch *watch)
{
    cleanup_free char *dir = NULL;

    if (!watch->request->once && fs_runtime_dir(&dir, NULL) == 0)
        watch->state_path = fs_join(dir, "service-watch.json");
}

static int open_all(struct watch *watch, struct err *err)
{
    int rc = open_descriptors(watch, err);

    if (rc == 0)
        rc = watch_load(watch, err);
    if (rc == 0)
        watch->files_dir = xasprintf("%s/watch/files/%s", watch->state_dir, watch->lab->name);
    if (rc == 0)
        rc = lock(watch, err);
    if (rc == 0)
        rc = open_github(watch, err);
    if (rc == 0)
        rc = watch_hook_open(watch, err);
    if (rc == 0)
        name_state(watch);
    return rc;
}

static void close_all(struct watch *watch)
{
    watch_hook_close(watch);
    watch_dismiss(watch);
    spool_sender_end(&watch->sender);
    github_close(watch->github);
    watch_unload(watch);
    notify_close(&watch->notify);
    journal_close(&watch->journal);
    close_fd(&watch->epoll_fd);
    close_fd(&watch->stop_fd);
    close_fd(&watch->reload_fd);
    close_fd(&watch->lock_fd);
    if (watch->state_written)
        unlink(watch->state_path);
    free(watch->state_path);
    free(watch->state_written);
    free(watch->state_dir);
    free(watch->files_dir);
}

int watch_run(const struct watch_request *request, enum verdict *ret, struct err *err)
{
    struct watch watch = {.request = request,
                          .epoll_fd = -1,
                          .stop_fd = -1,
                          .reload_fd = -1,
                          .lock_fd = -1,
                          .hook.events_fd = -1,
                          .relay.events_fd = -1};
    int rc;

    watch.state_dir = fs_state_dir();
    notify_open(&watch.notify);
    journal_open(&watch.journal, fileno(request->out), JOURNAL_SOCKET);
    rc = open_all(&watch, err);
    if (rc == 0 && !request->dry_run)
        look_at_notify(&watch);
    if (rc == 0)
        rc = request->once ? run_once(&watch, ret, err) : run_on(&watch, err);
    close_all(&watch);
    return rc;
}

int watch_forget(const char *lab_option, const char *board, struct err *err)
{
    cleanup_free char *state_dir = fs_state_dir();
    cleanup_strv struct strv selectors = {0};
    const struct servers_wanted wanted = {.lab_option = lab_option, .selectors = &selectors};
    struct ctx ctx = ctx_root(-1, NULL);
    struct inventory inventory = {0};
    struct servers servers = {0};
    struct store *store = NULL;
    bool was = false;
    int rc;

    strv_add(&selectors, board);
    rc = servers_inventory(&wanted, &ctx, &inventory, &servers, err);
    servers_forget(&servers);

    if (rc == 0 && !lab_board(inventory.lab, board))
        rc =
            err_set(err, ERR_USAGE, "--forget: '%s' is no board of %s", board, inventory.lab->file);
    if (rc == 0)
        rc = store_open(&inventory.lab->store, state_dir, false, &store, err);
    if (rc == 0)
        rc = store_watched_forget(store, inventory.lab->name, lab_board(inventory.lab, board)->name,
                                  err);
    if (rc == 0)
        rc = store_release(store, inventory.lab->name, lab_board(inventory.lab, board)->name, &was,
                           err);
    store_close(store);
    inventory_close(&inventory);
    return err_named(rc, err);
}
