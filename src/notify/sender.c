/* SPDX-License-Identifier: MIT */
#include "notify/sender.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/text.h"
#include "notify/kind.h"
#include "notify/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEND_MS 60000 /* of one message */
#define RETRY_MAX_MS INT64_C(3600000)
#define DOUBLINGS_MAX 20
#define CLOCK_SLACK_US \
    (INT64_C(86400) * 1000000) /* a pause that is longer was set by another clock */

/* ---- one message ----------------------------------------------------------------------------- */

struct batch {
    struct strv files;
    struct notice_read *reads;
    struct notice *notices; /* the same, in a row */
    struct message message;
};

static void batch_done(struct batch *batch)
{
    for (size_t i = 0; i < batch->message.count; i++)
        notice_read_done(&batch->reads[i]);
    free(batch->reads);
    free(batch->notices);
    strv_done(&batch->files);
}

/* Who was here and is none, or is old, is taken away. */
static void load(struct batch *batch, const char *path)
{
    cleanup_buf struct buf bytes = BUF_INIT(NOTICE_MAX);
    struct notice_read *read = &batch->reads[batch->message.count];

    if (fs_read(path, &bytes, NULL) < 0 || notice_read(bytes.data, bytes.size, read, NULL) < 0) {
        unlink(path);
        return;
    }
    if (read->notice.unix_us < ctx_unix_us() - SPOOL_AGE_MAX_US) {
        batch->message.dropped += 1 + read->notice.dropped;
        notice_read_done(read);
        unlink(path);
        return;
    }
    batch->message.dropped += read->notice.dropped;
    batch->notices[batch->message.count++] = read->notice;
}

static void collect(const char *root, const struct sink *sink, struct batch *ret)
{
    cleanup_buf struct buf names = BUF_INIT((size_t)1 << 20);

    *ret = (struct batch){0};
    spool_list(root, sink->name, &ret->files);
    ret->reads = xcalloc(ret->files.count + 1, sizeof *ret->reads);
    ret->notices = xcalloc(ret->files.count + 1, sizeof *ret->notices);
    for (size_t i = 0; i < ret->files.count; i++) {
        load(ret, ret->files.items[i]);
        buf_addf(&names, "%s\n", ret->files.items[i]);
    }
    sha256_hex(names.data, names.size, ret->message.id);
    ret->message.notices = ret->notices;
}

static int64_t pause_ms(const struct sink *sink, unsigned failures)
{
    unsigned doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
    int64_t ms = sink->retry_ms << doublings;

    return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

static void note_failure(const struct sink *sink, const struct err *why, int64_t wait_ms,
                         struct spool_state *state)
{
    cleanup_free char *clean = text_clean_dup(why->message, sizeof state->error - 1, TEXT_ONE_LINE);
    int64_t ms = pause_ms(sink, ++state->failures);

    snprintf(state->error, sizeof state->error, "%s", clean);
    state->next_us = ctx_unix_us() + 1000 * (wait_ms > ms ? wait_ms : ms);
}

/* All that waits for the sink, as one message. */
static int send_to(const struct sink *sink, const char *root, const char *version,
                   struct spool_state *state, const struct ctx *ctx, struct err *err)
{
    struct batch batch __attribute__((cleanup(batch_done)));
    struct ctx limit = ctx_narrow(ctx, SEND_MS);
    struct err why = {0};
    int64_t wait_ms = 0;
    int rc;

    collect(root, sink, &batch);
    if (!batch.message.count)
        return 0;
    rc = sink->kind->deliver(sink, &batch.message, version, &limit, &wait_ms, &why);
    if (rc < 0 && ctx_check(ctx, NULL) < 0) /* cut short: it says nothing of the sink */
        return ctx_check(ctx, err);
    if (rc < 0) {
        note_failure(sink, &why, wait_ms, state);
    } else {
        *state = (struct spool_state){.sent_us = ctx_unix_us()};
        state->next_us = state->sent_us + 1000 * sink->every_ms;
        for (size_t i = 0; i < batch.files.count; i++)
            unlink(batch.files.items[i]);
    }
    return spool_state_write(root, sink->name, state, err);
}

/* ---- all sinks ------------------------------------------------------------------------------- */

static size_t waiting(const char *root, const struct sink *sink)
{
    cleanup_strv struct strv files = {0};

    spool_list(root, sink->name, &files);
    return files.count;
}

static bool is_due(const struct spool_state *state, int64_t now_us)
{
    return state->next_us <= now_us || state->next_us > now_us + CLOCK_SLACK_US;
}

/* Once round, lock held. */
static int send_due(const struct sinks *sinks, const char *root, const char *version,
                    const struct ctx *ctx, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sinks->count && rc == 0; i++) {
        const struct sink *sink = &sinks->items[i];
        struct spool_state state;
        spool_state_read(root, sink->name, &state);
        if (waiting(root, sink) && is_due(&state, ctx_unix_us()))
            rc = send_to(sink, root, version, &state, ctx, err);
    }
    return rc;
}

/* What waits, and until when there is nothing to do. */
static size_t look(const struct sinks *sinks, const char *root, int64_t *ret_due_us)
{
    size_t left = 0;

    *ret_due_us = INT64_MAX;
    for (size_t i = 0; i < sinks->count; i++) {
        struct spool_state state;
        size_t count = waiting(root, &sinks->items[i]);
        if (!count)
            continue;
        left += count;
        spool_state_read(root, sinks->items[i].name, &state);
        if (is_due(&state, ctx_unix_us()))
            *ret_due_us = 0;
        else if (state.next_us < *ret_due_us)
            *ret_due_us = state.next_us;
    }
    return left;
}

static void tidy(const struct sinks *sinks, const char *root)
{
    cleanup_strv struct strv names = {0};

    for (size_t i = 0; i < sinks->count; i++)
        strv_add(&names, sinks->items[i].name);
    spool_tidy(root, &names);
}

/* -ERR_BUSY: somebody else has the lock, who looks again once it is given back. So whoever adds a
 * notice and then is refused the lock may go: the notice was there before. */
static int turn(const struct sinks *sinks, const char *root, const char *version,
                const struct ctx *ctx, struct err *err)
{
    cleanup_close int lock = -1;
    int rc = spool_lock(root, &lock, err);

    if (rc < 0)
        return rc;
    tidy(sinks, root);
    return send_due(sinks, root, version, ctx, err);
}

int sender_run(const struct sinks *sinks, const char *root, const char *version,
               const struct ctx *ctx, size_t *ret_left, struct err *err)
{
    int rc = 0;

    for (;;) {
        int64_t due_us = 0, wait_us;
        *ret_left = look(sinks, root, &due_us);
        if (!*ret_left)
            return 0;
        wait_us = due_us - ctx_unix_us();
        if (wait_us > 0 && wait_us / 1000 >= ctx_left_ms(ctx))
            return 0; /* the next process's */
        if (wait_us > 0)
            rc = ctx_sleep(ctx, wait_us / 1000 + 1, err);
        if (rc == 0)
            rc = turn(sinks, root, version, ctx, err);
        if (rc == -ERR_BUSY || rc == -ERR_TIMEOUT)
            return 0;
        if (rc < 0)
            return rc;
    }
}

int sender_test(const struct sinks *sinks, const struct sink *sink, const char *version,
                const struct ctx *ctx, struct err *err)
{
    cleanup_free char *title =
        xasprintf("%s: a test of the sink '%s'", sinks->lab->name, sink->name);
    struct notice notice = {.kind = NOTICE_TEST,
                            .lab = sinks->lab->name,
                            .title = title,
                            .text = "hil notify --test sent this. Nothing has happened.",
                            .unix_us = ctx_unix_us()};
    struct message message = {.notices = &notice, .count = 1};
    struct ctx limit = ctx_narrow(ctx, SEND_MS);
    cleanup_free char *unique = xasprintf("%s %lld", title, (long long)notice.unix_us);
    int64_t wait_ms = 0;

    sha256_hex(unique, strlen(unique), message.id);
    return sink->kind->deliver(sink, &message, version, &limit, &wait_ms, err);
}
