/* SPDX-License-Identifier: MIT */
#include "notify/notifier.h"

#include "base/ctx.h"
#include "base/str.h"
#include "notify/sender.h"
#include "notify/spool.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define JOBS_SHOWN 10
#define TESTS_SHOWN 3 /* of a job */
#define NAMES_SHOWN 5
#define TEXT_MAX ((size_t)8 << 10)

struct notifier {
    struct sinks sinks;
    char *root;
    pthread_mutex_t lock; /* of the error */
    struct err err;
};

struct notifier *notifier_open(const struct lab *lab, const char *state_dir, struct err *err)
{
    struct diags diags = {.file = lab->file};
    struct notifier *notifier;
    struct sinks sinks;

    *err = (struct err){0};
    if (!lab->notify)
        return NULL;
    sinks_read(lab, &sinks, &diags);
    diags_check(&diags, err);
    diags_done(&diags);
    if (!sinks.count) {
        sinks_done(&sinks);
        return NULL;
    }
    notifier = xcalloc(1, sizeof *notifier);
    notifier->sinks = sinks;
    notifier->root = spool_root(state_dir, lab->name);
    pthread_mutex_init(&notifier->lock, NULL);
    return notifier;
}

static void put(struct notifier *notifier, const struct sink *sink, const struct notice *notice)
{
    struct notice whole = *notice;
    struct err err = {0};

    whole.lab = notifier->sinks.lab->name;
    if (!whole.unix_us)
        whole.unix_us = ctx_unix_us();
    if (spool_add(notifier->root, sink->name, &whole, &err) == 0)
        return;
    pthread_mutex_lock(&notifier->lock);
    notifier->err = err;
    pthread_mutex_unlock(&notifier->lock);
}

static bool is_about(const struct sinks *sinks, const struct sink *sink,
                     const struct notice *notice)
{
    for (size_t i = 0; notice->boards && notice->boards[i]; i++)
        if (sink_has_board(sinks, sink, notice->boards[i]))
            return true;
    return !(notice->boards && notice->boards[0]) && !sink->boards.count;
}

void notifier_add(struct notifier *notifier, const struct notice *notice)
{
    for (size_t i = 0; notifier && i < notifier->sinks.count; i++) {
        const struct sink *sink = &notifier->sinks.items[i];
        if (sink_wants(sink, notice->kind) && is_about(&notifier->sinks, sink, notice))
            put(notifier, sink, notice);
    }
}

void notifier_board(struct notifier *notifier, enum notice_kind kind, const char *board,
                    const char *format, ...)
{
    const char *boards[] = {board, NULL};
    cleanup_free char *title = NULL;
    char text[ERR_MESSAGE_MAX];
    va_list args;

    if (!notifier)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    title = xasprintf("%s: %s: %s", notifier->sinks.lab->name, board, text);
    notifier_add(notifier, &(struct notice){.kind = kind, .boards = boards, .title = title});
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* What a sink hears of a run: the jobs on its boards. */
struct share {
    const struct job_result **jobs;
    size_t count, red;
    struct test_counts counts;
    enum verdict verdict;
};

static struct share share_of(const struct notifier *notifier, const struct sink *sink,
                             const struct run_result *run)
{
    struct share share = {.jobs = xcalloc(run->count + 1, sizeof(struct job_result *))};

    share.verdict = sink->boards.count ? VERDICT_PASS : run->verdict;
    for (size_t i = 0; i < run->count; i++) {
        const struct job_result *job = run->jobs[i];
        struct test_counts counts = job_counts(job);
        if (!sink_has_board(&notifier->sinks, sink, job->board))
            continue;
        share.jobs[share.count++] = job;
        share.red += job->verdict != VERDICT_PASS;
        share.counts.total += counts.total;
        share.counts.fail += counts.fail + counts.error;
        share.verdict = verdict_worse(share.verdict, job->verdict);
    }
    return share;
}

static const char **boards_of(const struct share *share)
{
    const char **boards = xcalloc(share->count + 1, sizeof *boards);
    size_t count = 0;

    for (size_t i = 0; i < share->count; i++) {
        bool known = !share->jobs[i]->board;
        for (size_t j = 0; j < count && !known; j++)
            known = str_eq(boards[j], share->jobs[i]->board);
        if (!known)
            boards[count++] = share->jobs[i]->board;
    }
    return boards;
}

static char *run_title(const struct run_result *run, const struct share *share,
                       const char *const *boards)
{
    cleanup_buf struct buf out = BUF_INIT(TEXT_MAX);
    size_t count = 0;

    while (boards[count])
        count++;
    buf_addf(&out, "%s: %s", run->lab, verdict_name(share->verdict));
    if (share->counts.fail)
        buf_addf(&out, ", %zu of %zu tests failed", share->counts.fail, share->counts.total);
    else if (share->red)
        buf_addf(&out, ", %zu of %zu jobs", share->red, share->count);
    else
        buf_addf(&out, ", %zu tests", share->counts.total);
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
        buf_addf(&out, "%s%s", i ? ", " : " on ", boards[i]);
    if (count > NAMES_SHOWN)
        buf_addf(&out, " and %zu more boards", count - NAMES_SHOWN);
    return buf_steal(&out);
}

static void add_failed_tests(struct buf *out, const struct job_result *job)
{
    size_t shown = 0;

    for (size_t i = 0; i < job->suite_count; i++) {
        const struct test_suite *suite = &job->suites[i];
        for (size_t j = 0; j < suite->count; j++) {
            const struct test_case *one = &suite->cases[j];
            if ((one->result != CASE_FAIL && one->result != CASE_ERROR) || shown == TESTS_SHOWN)
                continue;
            shown++;
            buf_addf(out, "  %s%s%s%s%s\n", suite->name, *suite->name ? "." : "", one->name,
                     one->message ? ": " : "", one->message ? one->message : "");
        }
    }
}

static char *run_text(const struct run_result *run, const struct share *share)
{
    cleanup_buf struct buf out = BUF_INIT(TEXT_MAX);
    const struct run_origin *origin = &run->origin;
    size_t shown = 0;

    for (size_t i = 0; i < share->count; i++) {
        const struct job_result *job = share->jobs[i];
        if (job->verdict == VERDICT_PASS || shown == JOBS_SHOWN)
            continue;
        shown++;
        buf_addf(&out, "%s%s%s: %s: %s\n", job->board ? job->board : "", job->board ? ": " : "",
                 job->name, verdict_name(job->verdict), job->reason);
        add_failed_tests(&out, job);
    }
    if (share->red > shown)
        buf_addf(&out, "and %zu more\n", share->red - shown);
    if (origin->repository || origin->sha)
        buf_addf(&out, "%s%s%.12s%s%s\n", origin->repository ? origin->repository : "",
                 origin->repository && origin->sha ? " " : "", origin->sha ? origin->sha : "",
                 origin->ref ? " on " : "", origin->ref ? origin->ref : "");
    return buf_steal(&out);
}

static void tell_of_run(struct notifier *notifier, const struct sink *sink,
                        const struct run_result *run)
{
    static const enum notice_kind kinds[] = {
        [VERDICT_PASS] = NOTICE_PASS, [VERDICT_FAIL] = NOTICE_FAIL, [VERDICT_INFRA] = NOTICE_INFRA};
    struct share share = share_of(notifier, sink, run);
    cleanup_free const char **boards = boards_of(&share);
    cleanup_free char *title = run_title(run, &share, boards);
    cleanup_free char *text = run_text(run, &share);

    if (share.count && sink_wants(sink, kinds[share.verdict]))
        put(notifier, sink,
            &(struct notice){.kind = kinds[share.verdict],
                             .boards = boards,
                             .title = title,
                             .text = text,
                             .url = run->origin.run_url});
    free(share.jobs);
}

void notifier_run(struct notifier *notifier, const struct run_result *run)
{
    for (size_t i = 0; notifier && i < notifier->sinks.count; i++)
        tell_of_run(notifier, &notifier->sinks.items[i], run);
}

/* ---- the end --------------------------------------------------------------------------------- */

const char *notifier_trouble(const struct notifier *notifier)
{
    return notifier ? notifier->err.message : "";
}

static bool anything_waits(const struct notifier *notifier)
{
    bool any = false;

    for (size_t i = 0; i < notifier->sinks.count && !any; i++) {
        cleanup_strv struct strv waiting = {0};
        spool_list(notifier->root, notifier->sinks.items[i].name, &waiting);
        any = waiting.count;
    }
    return any;
}

void notifier_close(struct notifier *notifier)
{
    if (!notifier)
        return;
    if (anything_waits(notifier))
        sender_start(notifier->sinks.lab->file);
    sinks_done(&notifier->sinks);
    pthread_mutex_destroy(&notifier->lock);
    free(notifier->root);
    free(notifier);
}
