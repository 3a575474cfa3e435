/* SPDX-License-Identifier: MIT */
#include "runner/sync.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOTE_MAX 2048
#define DIFFERENCE_MAX ((size_t)64 << 10)
#define ANSWER_MS 120000 /* for one round's requests, their repetitions included */

void sync_outcome_done(struct sync_outcome *outcome)
{
    runner_done(&outcome->runner);
    strv_done(&outcome->wanted);
    *outcome = (struct sync_outcome){0};
}

__attribute__((format(printf, 2, 3))) static void note(const struct sync_request *request,
                                                       const char *format, ...)
{
    char text[NOTE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cleanup_free char *clean = text_clean_dup(text, sizeof text, TEXT_ONE_LINE);
    if (request->note)
        request->note(request->arg, clean);
}

/* ---- one round ------------------------------------------------------------------------------- */

/* labels_look() borrows the boards' names: they are of use only while the lab is open. */
static void forget_boards(struct labels *labels)
{
    free(labels->boards);
    labels->boards = NULL;
    labels->count = 0;
}

int sync_look(const struct sync_request *request, const struct ctx *ctx, struct labels *ret,
              struct err *err)
{
    cleanup_free char *state_dir = fs_state_dir();
    struct store *store = NULL;
    struct inventory inventory;
    int rc = inventory_open(request->lab, &inventory, err);

    *ret = (struct labels){0};
    if (rc < 0)
        return rc;
    /* With nothing known of quarantine a broken board would get its labels back: they stay. */
    rc = store_open(&inventory.lab->store, state_dir, false, &store, err);
    if (rc == -ERR_NOT_FOUND)
        rc = 0;
    if (rc == 0)
        labels_look(&inventory, store, &request->rules, (int64_t)time(NULL), ctx, ret);
    if (rc == 0 && store && store_trouble(store)) {
        *err = *store_trouble(store);
        rc = -(int)err->code;
    }
    forget_boards(ret);
    store_close(store);
    inventory_close(&inventory);
    return rc < 0 ? rc : ctx_check(ctx, err);
}

static void add_missing(struct buf *out, const char *sign, const struct strv *from,
                        const struct strv *in)
{
    for (size_t i = 0; i < from->count; i++)
        if (!labels_have(in, from->items[i]))
            buf_addf(out, "%s%s%s", out->size ? " " : "", sign, from->items[i]);
}

char *sync_difference(const struct strv *before, const struct strv *after)
{
    struct buf out = BUF_INIT(DIFFERENCE_MAX);

    add_missing(&out, "+", after, before);
    add_missing(&out, "-", before, after);
    return buf_steal(&out);
}

static int bring_in_line(const struct sync_request *request, struct github *github,
                         const struct labels *labels, const struct ctx *ctx,
                         struct sync_outcome *ret, struct err *err)
{
    int rc = runner_find(github, &request->place, request->runner, ctx, &ret->runner, err);

    if (rc < 0)
        return rc;
    labels_merge(&ret->runner.custom, labels, request->exact, &ret->wanted);
    ret->changed = !labels_same(&ret->runner.custom, &ret->wanted);
    if (ret->changed)
        rc = labels_check(&ret->wanted, err);
    if (rc == 0 && ret->changed && !request->dry_run) {
        rc = runner_set_labels(github, &request->place, &ret->runner, &ret->wanted, ctx, err);
        ret->unsure = rc == -ERR_CANCELLED || rc == -ERR_TIMEOUT || rc == -ERR_GONE;
    }
    return rc;
}

int sync_once(const struct sync_request *request, struct github *github, const struct ctx *ctx,
              struct sync_outcome *ret, struct err *err)
{
    struct labels labels;
    int rc = sync_look(request, ctx, &labels, err);

    *ret = (struct sync_outcome){0};
    if (rc == 0)
        rc = bring_in_line(request, github, &labels, ctx, ret, err);
    labels_done(&labels);
    return rc;
}

/* ---- again and again ------------------------------------------------------------------------- */

struct watch {
    const struct sync_request *request;
    struct github *github;
    struct strv managed; /* by any lab.yaml since the start */
    struct strv left;    /* what the runner has, as far as we know */
    char *name;          /* its name; NULL: not seen yet */
    bool unsure;         /* the last change was not answered */
    unsigned failures;   /* in a row */
};

static void remember(struct strv *list, const struct strv *more)
{
    for (size_t i = 0; i < more->count; i++)
        labels_add(list, more->items[i]);
}

static void keep(struct watch *watch, const struct sync_outcome *outcome)
{
    free(watch->name);
    watch->name = xstrdup(outcome->runner.name);
    watch->unsure = outcome->unsure;
    strv_done(&watch->left);
    remember(&watch->left, watch->request->dry_run ? &outcome->runner.custom : &outcome->wanted);
}

static void tell_round(struct watch *watch, const struct sync_outcome *outcome)
{
    cleanup_free char *difference = sync_difference(&outcome->runner.custom, &outcome->wanted);
    cleanup_free char *all = labels_join(&outcome->wanted, ", ");

    if (outcome->changed)
        note(watch->request, "%s: %s%s", outcome->runner.name,
             watch->request->dry_run ? "would change: " : "", difference);
    else if (!watch->name)
        note(watch->request, "%s: has its labels: %s", outcome->runner.name, all);
}

static int look_again(struct watch *watch, const struct ctx *ctx, struct err *err)
{
    struct ctx round = ctx_narrow(ctx, ANSWER_MS);
    struct sync_outcome outcome = {0};
    struct labels labels;
    int rc = sync_look(watch->request, &round, &labels, err);

    if (rc == 0) {
        remember(&labels.managed, &watch->managed);
        rc = bring_in_line(watch->request, watch->github, &labels, &round, &outcome, err);
    }
    if (rc == 0) {
        tell_round(watch, &outcome);
        keep(watch, &outcome);
        remember(&watch->managed, &labels.managed);
    }
    if (outcome.unsure)
        keep(watch, &outcome);
    sync_outcome_done(&outcome);
    labels_done(&labels);
    return rc;
}

static int64_t pause_ms(const struct watch *watch)
{
    int64_t ms = watch->request->every_ms;

    for (unsigned i = 0; i < watch->failures && ms < WATCH_PAUSE_MAX_MS; i++)
        ms *= 2;
    return watch->failures && ms > WATCH_PAUSE_MAX_MS ? WATCH_PAUSE_MAX_MS : ms;
}

int sync_watch(const struct sync_request *request, struct github *github, const struct ctx *ctx,
               struct err *err)
{
    struct watch watch = {.request = request, .github = github};
    int rc;

    for (;;) {
        rc = look_again(&watch, ctx, err);
        if (ctx_cancelled(ctx) || (rc < 0 && !watch.name))
            break;
        watch.failures = rc < 0 ? watch.failures + 1 : 0;
        if (rc < 0)
            note(request, "%s; again in %" PRId64 " s", err->message, pause_ms(&watch) / 1000);
        if (ctx_sleep(ctx, pause_ms(&watch), err) < 0)
            break;
    }
    if (watch.name) {
        cleanup_free char *left = labels_join(&watch.left, ", ");
        note(request, "leaves runner '%s' %s: %s", watch.name,
             watch.unsure ? "in the middle of a change to" : "with its labels",
             watch.left.count ? left : "none");
    }
    rc = ctx_check(ctx, err);
    free(watch.name);
    strv_done(&watch.managed);
    strv_done(&watch.left);
    return rc < 0 ? rc : -(int)err->code;
}
