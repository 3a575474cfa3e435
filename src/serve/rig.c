/* SPDX-License-Identifier: MIT */
#include "serve/rig.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/str.h"
#include "serve/loop.h"
#include "serve/rig_parts.h"
#include "serve/service_lock.h"
#include "store/rigged.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define AWAY_MS 1000 /* between two looks at a board that left the bus */
#define IDLE_MS 3600000

/* ---- slots ----------------------------------------------------------------------------------- */

static struct rig_slot *find_slot(struct rig *rig, const char *path)
{
    for (size_t i = 0; i < rig->slot_count; i++)
        if (!strcmp(rig->slots[i].device.path, path))
            return &rig->slots[i];
    return NULL;
}

static struct rig_slot *add_slot(struct rig *rig, const char *path)
{
    struct rig_slot *slot = &rig->slots[rig->slot_count];

    if (rig->slot_count == RIG_SLOTS_MAX)
        return NULL;
    *slot = (struct rig_slot){.number = (unsigned)++rig->slot_count, .percent = -1};
    snprintf(slot->device.path, sizeof slot->device.path, "%s", path);
    slot->since_us = ctx_now_ns() / 1000;
    return slot;
}

static void add_fixed_slots(struct rig *rig)
{
    for (size_t i = 0; i < rig->setup.conf.slots.count; i++)
        if (!find_slot(rig, rig->setup.conf.slots.items[i]))
            add_slot(rig, rig->setup.conf.slots.items[i]);
}

/* ---- what happens ---------------------------------------------------------------------------- */

/* The store is closed again before anybody forks: SQLite's handles do not live through that. */
static struct rig_event look_up(struct rig *rig, const struct rig_slot *slot, char text[128])
{
    struct store *store = NULL;
    struct rig_event event = {.kind = RIG_KNOWN};
    int64_t when_us = 0;
    unsigned number = 0;
    struct err err = {0};
    char when[STR_TIME_SIZE];
    int rc =
        store_open_within(&rig->setup.lab->store, rig->state_dir, true, &rig->ctx, &store, &err);

    if (rc == 0 && *slot->device.serial && !rig->request->again)
        rc = store_rigged_done(store, rig->setup.lab->name, slot->device.serial,
                               rig->setup.plan.images[0]->sha256, &when_us, &number, &err);
    store_close(store);
    if (rc < 0) {
        snprintf(text, 128, "nothing is flashed without a memory of it: %.80s", err.message);
        return (struct rig_event){.kind = RIG_REFUSED, .text = text};
    }
    event.seen = rc == 1;
    snprintf(text, 128, "done %s in slot %u", str_local_time(when_us / 1000000, when), number);
    event.text = text;
    return event;
}

static void begin(struct rig *rig, struct rig_slot *slot)
{
    const struct rig_slot *twin = rig_slots_twin(rig->slots, rig->slot_count, slot);
    struct rig_event event;
    char text[128];

    slot->order = ++rig->counts.boards;
    for (size_t i = 0; i < rig->slot_count; i++) {
        struct rig_slot *other = &rig->slots[i];
        if (other != slot && *slot->device.serial &&
            !strcmp(other->device.serial, slot->device.serial))
            rig_happens(rig, other, (struct rig_event){.kind = RIG_MOVED});
    }
    event = look_up(rig, slot, text);
    if (twin) {
        snprintf(text, sizeof text, "slot %u has a board with the same serial number",
                 twin->number);
        event = (struct rig_event){.kind = RIG_REFUSED, .text = text};
    }
    rig_happens(rig, slot, event);
}

static void count(struct rig *rig, const struct rig_slot *slot)
{
    struct rig_counts *counts = &rig->counts;

    switch (slot->state) {
    case RIG_DONE:
        counts->done++;
        rig_notice_pools(rig);
        break;
    case RIG_FAILED:
        counts->failed++;
        rig_notice_failed(rig, slot);
        rig_notice_pools(rig); /* it may have been drawn */
        break;
    case RIG_UNPLUGGED:
        counts->unplugged++;
        break;
    case RIG_SEEN:
        counts->seen++;
        return;
    default:
        return;
    }
    if (rig->setup.conf.beep && rig->request->term.live && !rig->request->quiet)
        fputs("\a", rig->request->term.out);
    rig_call(rig, slot);
}

void rig_happens(struct rig *rig, struct rig_slot *slot, struct rig_event event)
{
    unsigned todo;

    event.now_us = ctx_now_ns() / 1000;
    todo = rig_slot_take(slot, &event);
    if (todo & RIG_CANCEL)
        rig_cancel(rig, slot);
    if (todo & RIG_TELL && !ctx_cancelled(&rig->ctx)) {
        rig_tell_slot(rig, slot);
        count(rig, slot);
    }
    if (todo & RIG_LOOK_UP)
        begin(rig, slot);
    if (todo || event.kind == RIG_STEP || event.kind == RIG_GOT)
        rig->stale = rig->unpublished = true;
}

static void take_device(const struct hotplug_change *change, struct rig_device *ret)
{
    *ret = (struct rig_device){
        .address = change->address, .vendor = change->vendor, .product = change->product};
    snprintf(ret->path, sizeof ret->path, "%s", change->path);
    snprintf(ret->hub, sizeof ret->hub, "%s", change->hub ? change->hub : "");
    snprintf(ret->controller, sizeof ret->controller, "%s",
             change->controller ? change->controller : "");
    snprintf(ret->serial, sizeof ret->serial, "%s", change->serial ? change->serial : "");
}

static int take_changes(struct rig *rig, struct err *err)
{
    struct hotplug_change change;
    int rc;

    while ((rc = hotplug_next(rig->hotplug, &change, err)) == 1) {
        struct rig_event event = {.kind = change.plugged ? RIG_PLUGGED : RIG_PULLED};
        struct rig_slot *slot = find_slot(rig, change.path);
        take_device(&change, &event.device);
        event.device.matches = rig_conf_matches(&rig->setup.conf, &event.device);
        if (!slot && change.plugged && event.device.matches)
            slot = add_slot(rig, change.path);
        if (slot)
            rig_happens(rig, slot, event);
    }
    return rc;
}

static void pass_time(struct rig *rig)
{
    for (size_t i = 0; i < rig->slot_count; i++) {
        struct rig_slot *slot = &rig->slots[i];
        bool has_left = slot->busy && slot->away_us, has_come = !slot->busy && slot->present;
        if (has_left || has_come)
            rig_happens(rig, slot, (struct rig_event){.kind = RIG_TIME});
    }
}

static size_t count_busy(const struct rig *rig)
{
    size_t busy = 0;

    for (size_t i = 0; i < rig->slot_count; i++)
        busy += rig->slots[i].busy;
    return busy;
}

/* Not more than are wanted. */
static bool takes_more(const struct rig *rig)
{
    return !rig->request->count || rig->counts.done + count_busy(rig) < rig->request->count;
}

static void start_all(struct rig *rig)
{
    struct rig_slot *slot;

    while (takes_more(rig) &&
           (slot = rig_slots_next(rig->slots, rig->slot_count, &rig->setup.conf.limits))) {
        struct err err = {0};
        if (rig_start(rig, slot, &err) == 0)
            rig_happens(rig, slot, (struct rig_event){.kind = RIG_STARTED});
        else
            rig_happens(rig, slot, (struct rig_event){.kind = RIG_REFUSED, .text = err.message});
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void reload(struct rig *rig)
{
    struct err err = {0};

    notify_send(&rig->notify, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(ctx_now_ns() / 1000));
    if (rig_load(rig, &err) < 0)
        rig_tell_refused(rig, &err);
    else
        rig_say(rig, NULL, "%s was read again: %s", rig->setup.lab_path,
                rig->setup.plan.images[0]->name);
    add_fixed_slots(rig);
    notify_send(&rig->notify, "READY=1");
}

static bool is_over(const struct rig *rig)
{
    const struct rig_request *request = rig->request;

    if (ctx_cancelled(&rig->ctx))
        return true;
    if (rig->hand_count)
        return false;
    return (request->once && !rig_slots_count(rig->slots, rig->slot_count, RIG_WAITING)) ||
           (request->count && rig->counts.done >= request->count);
}

static bool is_in_vain(const struct rig *rig)
{
    return rig->request->once && !rig->counts.boards;
}

static void wait_for_news(struct rig *rig, int64_t due_ns)
{
    int64_t left_ns = due_ns - ctx_now_ns();
    struct ctx wait = ctx_narrow(&rig->ctx, left_ns > 0 ? (left_ns + 999999) / 1000000 : 0);

    ctx_wait(&wait, rig->epoll_fd, POLLIN, NULL);
}

static int64_t due_ns(const struct rig *rig)
{
    int64_t due = loop_after_ms(IDLE_MS);

    for (size_t i = 0; i < rig->slot_count; i++)
        if (rig->slots[i].busy && rig->slots[i].away_us)
            loop_sooner(&due, loop_after_ms(AWAY_MS));
    if (rig->notify.watchdog_ms)
        loop_sooner(&due, loop_after_ms(rig->notify.watchdog_ms / 2));
    return due;
}

static int run(struct rig *rig, struct err *err)
{
    int rc = 0;

    notify_send(&rig->notify, "READY=1\nSTATUS=boards are flashed as they are plugged in");
    rig_notice_pools(rig);
    while (rc == 0) {
        int64_t due;
        rc = take_changes(rig, err);
        rig_reap(rig);
        pass_time(rig);
        if (rc == 0)
            start_all(rig);
        if (is_in_vain(rig))
            rig_say(rig, NULL, "nothing that matches is plugged in; hil discover shows what is");
        due = due_ns(rig);
        loop_sooner(&due, rig_show(rig));
        spool_sender_turn(&rig->sender, rig->setup.lab, rig->setup.lab_path, rig->state_dir,
                          &rig->ctx, &due);
        notify_alive(&rig->notify);
        if (rc < 0 || is_over(rig))
            break;
        wait_for_news(rig, due);
        if (loop_drained(rig->reload_fd))
            reload(rig);
    }
    notify_send(&rig->notify, "STOPPING=1");
    return rc;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int open_descriptors(struct rig *rig, struct err *err)
{

    rig->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    rig->stop_fd = loop_stops();
    rig->reload_fd = loop_reloads();
    if (rig->epoll_fd < 0 || rig->stop_fd < 0 || rig->reload_fd < 0)
        return err_set(err, ERR_LIMIT, "no more descriptors can be had");
    rig->ctx = ctx_root(rig->stop_fd, NULL);
    return 0;
}

static int watch_descriptors(struct rig *rig, struct err *err)
{
    const int fds[] = {rig->reload_fd, hotplug_fd(rig->hotplug)};
    struct epoll_event event = {.events = EPOLLIN};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        if (epoll_ctl(rig->epoll_fd, EPOLL_CTL_ADD, fds[i], &event) < 0)
            return err_sys(err, errno, "epoll");
    return 0;
}

static int open_all(struct rig *rig, struct err *err)
{
    int rc = open_descriptors(rig, err);

    if (rc == 0)
        rc = fs_runtime_dir(&rig->runtime_dir, err);
    if (rc == 0)
        rc = rig_load(rig, err);
    if (rc == 0)
        rc = service_lock(rig->state_dir, "rig", rig->setup.lab->name, &rig->ctx, &rig->lock_fd,
                          err);
    if (rc == 0)
        rc = hotplug_open(&rig->hotplug, err);
    if (rc == 0)
        rc = watch_descriptors(rig, err);
    if (rc == 0)
        add_fixed_slots(rig);
    return rc;
}

static void close_all(struct rig *rig)
{
    hotplug_close(rig->hotplug);
    spool_sender_end(&rig->sender);
    rig_setup_done(&rig->setup);
    notify_close(&rig->notify);
    journal_close(&rig->journal);
    close_fd(&rig->epoll_fd);
    close_fd(&rig->stop_fd);
    close_fd(&rig->reload_fd);
    close_fd(&rig->lock_fd);
    buf_done(&rig->said);
    free(rig->slots);
    free(rig->state_dir);
    free(rig->runtime_dir);
}

/* ---- the whole ------------------------------------------------------------------------------- */

int rig_run(const struct rig_request *request, enum verdict *ret, struct err *err)
{
    struct rig rig = {.request = request,
                      .epoll_fd = -1,
                      .stop_fd = -1,
                      .reload_fd = -1,
                      .lock_fd = -1,
                      .state_dir = fs_state_dir(),
                      .slots = xcalloc(RIG_SLOTS_MAX, sizeof *rig.slots),
                      .said = BUF_INIT(SIZE_MAX / 4),
                      .started_us = ctx_unix_us(),
                      .stale = true,
                      .unpublished = true};
    struct err sum_err = {0};
    int rc;

    *ret = VERDICT_INFRA;
    notify_open(&rig.notify);
    journal_open(&rig.journal, fileno(request->term.out), JOURNAL_SOCKET);
    rc = open_all(&rig, err);
    if (rc == 0) {
        rc = run(&rig, err);
        bool cancelled = ctx_cancelled(&rig.ctx);
        rig_dismiss(&rig);
        rig_show_end(&rig);
        if (rig_sum_up(&rig, ret, &sum_err) < 0 && rc == 0 && !cancelled) {
            *err = sum_err;
            rc = -(int)sum_err.code;
        }
        if (rc == 0 && cancelled)
            rc = err_set(err, ERR_CANCELLED, "cancelled");
    }
    close_all(&rig);
    return rc;
}
