/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "base/text.h"
#include "serve/watch_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static void put(const struct watch *watch, const struct watch_line *line, const char *text)
{
    cleanup_free char *clean = text_clean_dup(text, LINE_MAX_BYTES, TEXT_ONE_LINE);
    cleanup_free char *whole = xasprintf("%s: %s", line->who, clean);
    const struct journal_field fields[] = {
        {"MESSAGE_ID", line->id},       {"HIL_LAB", watch->lab ? watch->lab->name : NULL},
        {"HIL_BOARD", line->board},     {"HIL_REPOSITORY", line->conf ? line->conf->repo : NULL},
        {"HIL_TAG", line->tag},         {"HIL_ASSET", line->asset},
        {"HIL_VERDICT", line->verdict}, {NULL, NULL}};

    if (journal_send(&watch->journal, line->priority, whole, fields))
        return;
    fprintf(watch->request->out, "%s\n", whole);
    fflush(watch->request->out);
}

struct watch_line watch_line(enum journal_priority priority, const char *who)
{
    return (struct watch_line){.who = who, .priority = priority};
}

struct watch_line watch_line_of(enum journal_priority priority, const struct follow *follow)
{
    return (struct watch_line){
        .who = follow->name, .priority = priority, .conf = follow->conf, .tag = follow->newest.tag};
}

void watch_tell(const struct watch *watch, struct watch_line line, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(watch, &line, text);
}

void watch_tell_post(const struct watch *watch, struct post *post, enum journal_priority priority,
                     const char *format, ...)
{
    struct watch_line line = watch_line_of(priority, post->follow);
    char text[LINE_MAX_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    free(post->text);
    post->text = xstrdup(text);
    if (str_eq(text, post->told))
        return;
    free(post->told);
    post->told = xstrdup(text);
    line.who = line.board = post->board->name;
    line.asset = post->file ? post->file->name : NULL;
    line.id = post->decided && post->action == WATCH_ASIDE ? MESSAGE_ID_SET_ASIDE : NULL;
    put(watch, &line, text);
}

/* "14:03", or with the day where that is not today's. */
static const char *at_time(int64_t unix_us, char out[32])
{
    time_t at = (time_t)(unix_us / 1000000), now = time(NULL);
    struct tm then, today;

    *out = '\0';
    if (localtime_r(&at, &then) && localtime_r(&now, &today))
        strftime(out, 32, then.tm_yday == today.tm_yday ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &then);
    return out;
}

/* Whose fault it was: an image's, or a board's, which then others leave alone, too. */
static void tell_aside(const struct watch *watch, struct post *post,
                       const struct store_watched *known)
{
    const char *tag = post->follow->newest.tag, *board = post->board->name;

    if (!*known->quarantine)
        watch_tell_post(watch, post, JOURNAL_ERR,
                        "is not given %s again, until there is another image, or hil watch "
                        "--forget %s: %s",
                        tag, board, known->aside);
    else if (*known->quarantine_for)
        watch_tell_post(watch, post, JOURNAL_ERR,
                        "is in quarantine until there is another image than %s, or hil boards "
                        "--release %s: %s",
                        tag, board, known->quarantine);
    else
        watch_tell_post(watch, post, JOURNAL_ERR,
                        "is in quarantine; once it is mended: hil boards --release "
                        "%s: %s",
                        board, known->quarantine);
}

void watch_tell_decision(const struct watch *watch, struct post *post,
                         const struct store_watched *known)
{
    const struct watch_conf *conf = post->follow->conf;
    const char *tag = post->follow->newest.tag, *asset = post->file->name;
    bool dry = watch->request->dry_run;
    char when[32];

    switch (post->action) {
    case WATCH_CURRENT:
        watch_tell_post(watch, post, JOURNAL_INFO, "has %s (%s)", tag, asset);
        break;
    case WATCH_FLASH:
    case WATCH_GOLDEN:
        if (dry)
            watch_tell_post(watch, post, JOURNAL_INFO, "would get %s (%s)",
                            post->action == WATCH_GOLDEN ? conf->golden : tag,
                            post->action == WATCH_GOLDEN ? "golden" : asset);
        break;
    case WATCH_PAUSE:
        watch_tell_post(watch, post, JOURNAL_WARNING, "%s failed %u time%s; tried again at %s: %s",
                        tag, known->failures, known->failures == 1 ? "" : "s",
                        at_time(post->until_us, when), known->reason);
        break;
    case WATCH_LIMIT:
        watch_tell_post(watch, post, JOURNAL_WARNING,
                        "was flashed %llu times in 24 hours, which is its daily-limit; not before "
                        "%s again",
                        (unsigned long long)known->flashes, at_time(post->until_us, when));
        break;
    case WATCH_CLOSED:
        watch_tell_post(watch, post, JOURNAL_INFO, "waits for its hours (%s) to get %s (%s)",
                        conf->hours, tag, asset);
        break;
    case WATCH_ASIDE:
        tell_aside(watch, post, known);
        break;
    }
}

/* ---- a round's end --------------------------------------------------------------------------- */

static bool is_settled(const struct post *post)
{
    return post->decided && (post->action == WATCH_CURRENT || post->action == WATCH_CLOSED);
}

static enum verdict verdict_of(const struct watch *watch, const struct post *post)
{
    bool to_do = post->action == WATCH_FLASH || post->action == WATCH_GOLDEN;

    if (post->tried)
        return post->verdict;
    if (is_settled(post) || (watch->request->dry_run && post->decided && to_do))
        return VERDICT_PASS;
    return post->decided && !to_do && post->action != WATCH_LIMIT ? post->verdict : VERDICT_INFRA;
}

enum verdict watch_verdict(const struct watch *watch)
{
    enum verdict verdict = VERDICT_PASS;

    for (size_t i = 0; i < watch->follow_count; i++)
        if (watch->follows[i].error)
            verdict = verdict_worse(verdict, VERDICT_INFRA);
    for (size_t i = 0; i < watch->post_count; i++)
        verdict = verdict_worse(verdict, verdict_of(watch, &watch->posts[i]));
    return verdict;
}

static void write_post(const struct watch *watch, const struct post *post, struct json_out *out)
{
    json_object(out);
    json_kv_string(out, "board", post->board->name);
    json_kv_string(out, "asset", post->file ? post->file->name : NULL);
    json_kv_string(out, "image", post->image);
    json_kv_string(out, "action", post->decided ? watch_action_name(post->action) : NULL);
    json_kv_bool(out, "tried", post->tried && !post->deferred);
    json_kv_string(out, "verdict", verdict_name(verdict_of(watch, post)));
    json_kv_string(out, "text", post->why ? post->why : post->text);
    json_key(out, "seconds");
    json_double(out, (double)post->took_us / 1e6, 3);
    json_object_end(out);
}

static void write_follows(const struct watch *watch, struct json_out *out)
{
    json_key(out, "watches");
    json_array(out);
    for (size_t i = 0; i < watch->follow_count; i++) {
        const struct follow *follow = &watch->follows[i];
        json_object(out);
        json_kv_string(out, "watch", follow->name);
        json_kv_string(out, "repo", follow->conf->repo);
        json_kv_string(out, "tag", follow->newest.tag);
        json_kv_string(out, "error", follow->error);
        json_key(out, "boards");
        json_array(out);
        for (size_t j = 0; j < watch->post_count; j++)
            if (watch->posts[j].follow == follow)
                write_post(watch, &watch->posts[j], out);
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
}

int watch_write_json(const struct watch *watch, int fd, struct err *err)
{
    struct json_out out;
    int rc;

    json_begin(&out, fd, 2);
    json_object(&out);
    json_kv_int(&out, "schema", 1);
    json_kv_string(&out, "verdict", verdict_name(watch_verdict(watch)));
    write_follows(watch, &out);
    json_object_end(&out);
    rc = json_end(&out, err);
    json_done(&out);
    return rc;
}

/* ---- for those who look on ------------------------------------------------------------------- */

void watch_write_state(struct watch *watch)
{
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "service", "watch");
    json_kv_int(&out, "pid", getpid());
    json_kv_string(&out, "lab", watch->lab->name);
    write_follows(watch, &out);
    json_object_end(&out);
    json_end(&out, NULL);
    if (!watch->state_path || str_eq(out.pending.data, watch->state_written) ||
        fs_write(watch->state_path, out.pending.data, out.pending.size, NULL) < 0) {
        json_done(&out);
        return;
    }
    free(watch->state_written);
    watch->state_written = buf_steal(&out.pending);
}
