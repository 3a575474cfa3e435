/* SPDX-License-Identifier: MIT */
#include "base/proc.h"
#include "base/str.h"
#include "board/driver.h"
#include "serve/rig_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STOP_MS 2800
#define HOOK_MS 60000
#define HOOKS_MAX 64

static void add_hand(struct rig *rig, struct rig_hand hand)
{
    struct epoll_event event = {.events = EPOLLIN};

    epoll_ctl(rig->epoll_fd, EPOLL_CTL_ADD, worker_fd(&hand.worker), &event);
    if (hand.news_fd >= 0)
        epoll_ctl(rig->epoll_fd, EPOLL_CTL_ADD, hand.news_fd, &event);
    rig->hands = xrealloc(rig->hands, rig->hand_count + 1, sizeof *rig->hands);
    rig->hands[rig->hand_count++] = hand;
}

/* ---- a board's ------------------------------------------------------------------------------- */

int rig_start(struct rig *rig, struct rig_slot *slot, struct err *err)
{
    struct rig_hand hand = {.slot = (size_t)(slot - rig->slots)};
    struct rig_work work = {.conf = &rig->setup.conf,
                            .image = rig->setup.plan.images[0],
                            .slot = slot->number,
                            .device = slot->device,
                            .state_dir = rig->state_dir,
                            .no_provision = rig->request->no_provision,
                            .holder = &rig->request->holder,
                            .cancel_fd = rig->stop_fd};
    int ends[2], rc;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    work.news_fd = ends[1];
    hand.news_fd = ends[0];
    rc = worker_start(&hand.worker, rig_work_run, &work, err);
    close(ends[1]);
    if (rc < 0)
        close(ends[0]);
    else
        add_hand(rig, hand);
    return rc;
}

void rig_cancel(struct rig *rig, const struct rig_slot *slot)
{
    for (size_t i = 0; i < rig->hand_count; i++)
        if (rig->hands[i].news_fd >= 0 && &rig->slots[rig->hands[i].slot] == slot)
            worker_cancel(&rig->hands[i].worker);
}

/* ---- on-done, on-fail ------------------------------------------------------------------------ */

struct hook {
    struct strv argv, env;
    int cancel_fd;
};

static void run_hook(void *arg, struct worker_report *ret)
{
    const struct hook *hook = arg;
    struct ctx root = ctx_root(hook->cancel_fd, NULL), wait = ctx_narrow(&root, HOOK_MS);
    struct err err = {0};

    if (proc_run_ok(&(struct proc_spec){.argv = (const char *const *)hook->argv.items,
                                        .env = (const char *const *)hook->env.items},
                    &wait, &err) < 0) {
        ret->code = (int)err.code;
        snprintf(ret->text, sizeof ret->text, "%s: %s", hook->argv.items[0], err.message);
    }
}

static size_t count_hooks(const struct rig *rig)
{
    size_t count = 0;

    for (size_t i = 0; i < rig->hand_count; i++)
        count += rig->hands[i].news_fd < 0;
    return count;
}

void rig_call(struct rig *rig, const struct rig_slot *slot)
{
    const struct rig_conf *conf = &rig->setup.conf;
    const struct strv *argv = slot->state == RIG_DONE ? &conf->on_done : &conf->on_fail;
    struct rig_hand hand = {.news_fd = -1, .slot = (size_t)(slot - rig->slots)};
    struct hook hook = {.cancel_fd = rig->stop_fd};
    struct rig_words words;
    struct err err = {0};
    int rc = 0;

    if (!argv->count)
        return;
    rig_words_fill(&words, slot->number, &slot->device);
    rig_words_add(&words, "state", rig_state_names[slot->state]);
    rig_words_add(&words, "identity", slot->identity);
    rig_words_add(&words, "reason", slot->reason);
    rig_words_env(&words, &hook.env);
    if (count_hooks(rig) >= HOOKS_MAX)
        rc = err_set(&err, ERR_LIMIT, "%d of them are under way already", HOOKS_MAX);
    if (rc == 0)
        rc = driver_fill_argv(argv, words.names, words.values, &hook.argv, &err);
    if (rc == 0)
        rc = worker_start(&hand.worker, run_hook, &hook, &err);
    if (rc == 0)
        add_hand(rig, hand);
    else
        rig_say(rig, slot, "%s: %s", argv->items[0], err.message);
    strv_done(&hook.argv);
    strv_done(&hook.env);
}

/* ---- what they tell, and their ends ---------------------------------------------------------- */

static void take_news(struct rig *rig, const struct rig_hand *hand)
{
    struct rig_slot *slot = &rig->slots[hand->slot];
    struct rig_news news;

    while (read(hand->news_fd, &news, sizeof news) == (ssize_t)sizeof news) {
        news.text[sizeof news.text - 1] = '\0';
        rig_happens(rig, slot,
                    news.got ? (struct rig_event){.kind = RIG_GOT, .text = news.text}
                             : (struct rig_event){
                                   .kind = RIG_STEP, .state = news.state, .percent = news.percent});
    }
}

static void take_end(struct rig *rig, const struct rig_hand *hand,
                     const struct worker_report *report)
{
    struct rig_slot *slot = &rig->slots[hand->slot];
    enum rig_event_kind kind = !report->code              ? RIG_ENDED_OK
                               : report->code == ERR_GONE ? RIG_ENDED_AWAY
                                                          : RIG_ENDED_BAD;

    if (report->code && report->verdict == VERDICT_FAIL)
        rig->firmware_failed = true;
    else if (report->code)
        rig->lab_failed = true;
    if (kind == RIG_ENDED_AWAY)
        hotplug_look_again(rig->hotplug);
    rig_happens(rig, slot, (struct rig_event){.kind = kind, .text = report->text});
}

static void take_in(struct rig *rig, size_t index, const struct ctx *ctx)
{
    struct rig_hand hand = rig->hands[index];
    struct worker_report report;

    epoll_ctl(rig->epoll_fd, EPOLL_CTL_DEL, worker_fd(&hand.worker), NULL);
    worker_end(&hand.worker, ctx, &report);
    rig->hands[index] = rig->hands[--rig->hand_count];
    if (hand.news_fd >= 0) {
        take_news(rig, &hand);
        epoll_ctl(rig->epoll_fd, EPOLL_CTL_DEL, hand.news_fd, NULL);
        close(hand.news_fd);
        take_end(rig, &hand, &report);
    } else if (report.code && !ctx_cancelled(&rig->ctx)) {
        rig_say(rig, &rig->slots[hand.slot], "%s", report.text);
    }
}

void rig_reap(struct rig *rig)
{
    struct ctx ctx = ctx_cleanup(&rig->ctx, STOP_MS);

    for (size_t i = rig->hand_count; i-- > 0;) {
        struct pollfd fd = {.fd = worker_fd(&rig->hands[i].worker), .events = POLLIN};
        if (rig->hands[i].news_fd >= 0)
            take_news(rig, &rig->hands[i]);
        if (poll(&fd, 1, 0) == 1)
            take_in(rig, i, &ctx);
    }
}

void rig_dismiss(struct rig *rig)
{
    struct ctx ctx = ctx_cleanup(&rig->ctx, STOP_MS);

    for (size_t i = 0; i < rig->hand_count; i++)
        worker_cancel(&rig->hands[i].worker);
    while (rig->hand_count)
        take_in(rig, rig->hand_count - 1, &ctx);
    free(rig->hands);
    rig->hands = NULL;
}
