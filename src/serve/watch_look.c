/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "notify/notifier.h"
#include "serve/loop.h"
#include "serve/watch_state.h"

#include <stdlib.h>

#define FAILURES_TOLD 3 /* looks in a row */
#define LOOK_MS 60000   /* one look; the loop stands still meanwhile */

static void find_files(struct watch *watch, const struct follow *follow)
{
    for (size_t i = 0; i < watch->post_count; i++) {
        struct post *post = &watch->posts[i];
        struct err err = {0};
        if (post->follow != follow)
            continue;
        free(post->image);
        free(post->why);
        post->file = NULL;
        post->image = post->why = NULL;
        if (newest_for_board(&follow->newest, follow->conf, post->board, &post->file, &post->image,
                             &err) < 0) {
            post->file = NULL;
            post->why = xstrdup(err.message);
        } else {
            watch_supersede(watch, post);
        }
    }
}

static void keep_answer(struct watch *watch, struct follow *follow, struct newest *fresh)
{
    bool is_new = !str_eq(follow->newest.tag, fresh->tag), again = follow->error;

    free(follow->error);
    follow->error = NULL;
    newest_done(&follow->newest);
    follow->newest = *fresh;
    if (is_new)
        watch_tell(watch, watch_line_of(JOURNAL_NOTICE, follow), "newest is %s", fresh->tag);
    else if (again)
        watch_tell(watch, watch_line_of(JOURNAL_INFO, follow), "GitHub answers again");
    follow->failures = 0;
    follow->next_ns = loop_after_ms(schedule_jitter(follow->conf->interval_ms, schedule_random()));
    find_files(watch, follow);
}

/* A token that ran out, a repository that is gone: nothing new would come, and nobody would
 * know. */
static void tell_of_silence(const struct watch *watch, const struct follow *follow)
{
    cleanup_free char *title = xasprintf("%s: hil watch does not learn what is new of %s: %s",
                                         watch->lab->name, follow->name, follow->error);
    struct err err = {0};
    struct notifier *notifier = notifier_open(watch->lab, watch->state_dir, &err);

    notifier_add(notifier, &(struct notice){.kind = NOTICE_WATCH, .title = title});
    notifier_close(notifier);
}

static void keep_error(struct watch *watch, struct follow *follow, struct err *err)
{
    const struct watch_request *request = watch->request;
    struct watch_line silent = watch_line_of(JOURNAL_ERR, follow);

    silent.id = MESSAGE_ID_NO_ANSWER;
    http_mask(github_http(watch->github), err->message);
    if (!str_eq(follow->error, err->message))
        watch_tell(watch, silent, "%s", err->message);
    free(follow->error);
    follow->error = xstrdup(err->message);
    if (++follow->failures == FAILURES_TOLD)
        tell_of_silence(watch, follow);
    follow->next_ns = loop_after_ms(schedule_backoff(request->retry_ms, request->retry_max_ms,
                                                     follow->failures, schedule_random()));
}

/* The rate limit is that of all watches together. */
static bool must_rest(struct watch *watch, struct follow *follow)
{
    int64_t rest_ms = http_rest_ms(github_http(watch->github));
    char time[32];

    if (!rest_ms || watch->request->once)
        return false;
    if (follow->next_ns < loop_after_ms(rest_ms)) {
        follow->next_ns = loop_after_ms(rest_ms);
        watch_tell(watch, watch_line_of(JOURNAL_WARNING, follow),
                   "GitHub's rate limit: asked again in %s", str_from_us(rest_ms * 1000, time));
    }
    return true;
}

static void look(struct watch *watch, struct follow *follow)
{
    const struct watch_request *request = watch->request;
    struct ctx ctx = ctx_narrow(&watch->ctx, request->once ? request->download.total_ms : LOOK_MS);
    struct newest fresh;
    struct err err = {0};

    if (must_rest(watch, follow))
        return;
    if (newest_ask(watch->github, follow->conf, &ctx, &fresh, &err) == 0)
        keep_answer(watch, follow, &fresh);
    else if (!ctx_cancelled(&watch->ctx))
        keep_error(watch, follow, &err);
    follow->looked = true;
    follow->looked_ns = ctx_now_ns();
    must_rest(watch, follow);
}

void watch_look(struct watch *watch)
{
    for (size_t i = 0; i < watch->follow_count && !ctx_cancelled(&watch->ctx); i++) {
        struct follow *follow = &watch->follows[i];
        if (watch->request->once ? !follow->looked : ctx_now_ns() >= follow->next_ns)
            look(watch, follow);
    }
}
