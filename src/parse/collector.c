/* SPDX-License-Identifier: MIT */
#include "parse/collector.h"

#include "base/str.h"
#include "parse/case_index.h"
#include "parse/collector_state.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 1024
#define MESSAGE_MAX_BYTES 4096
#define RENAME_MAX 64 /* suites, the newest, among which one is looked for */

static const struct text no_text;

struct collector *collector_new(struct job_result *job, const struct parse_watch *watch,
                                bool resets_expected)
{
    struct collector *c = xcalloc(1, sizeof(*c));
    c->job = job;
    c->watch = watch ? *watch : (struct parse_watch){0};
    c->resets_expected = resets_expected;
    c->suite = c->open_suite = c->open_name = c->note_file = (struct buf)BUF_INIT(NAME_MAX_BYTES);
    c->note = c->crash_line = (struct buf)BUF_INIT(MESSAGE_MAX_BYTES);
    c->crash_trouble = c->troubles = c->aborted = (struct buf)BUF_INIT(NAME_MAX_BYTES);
    c->context = trail_init(false);
    c->dump = c->detail = trail_init(true);
    c->line.time_us = c->last_us = c->patience_ms = -1;
    c->printed = (struct tally){.total = -1, .fail = -1};
    c->restart = restart_init();
    return c;
}

void collector_free(struct collector *c)
{
    if (!c)
        return;
    struct buf *bufs[] = {&c->suite,         &c->open_suite, &c->open_name,
                          &c->note,          &c->note_file,  &c->crash_line,
                          &c->crash_trouble, &c->troubles,   &c->aborted};
    for (size_t i = 0; i < ARRAY_SIZE(bufs); i++)
        buf_done(bufs[i]);
    trail_done(&c->context);
    trail_done(&c->dump);
    trail_done(&c->detail);
    restart_done(&c->restart);
    case_index_free(c->index);
    free(c);
}

static const char *keep_text(struct collector *c, struct text text, size_t max)
{
    return arena_strndup(&c->job->arena, text.at, text.size < max ? text.size : max);
}

/* One line of words, or NULL. */
static const char *keep_message(struct collector *c, struct text text)
{
    text = text_trim(text);
    return text.size ? keep_text(c, text, MESSAGE_MAX_BYTES) : NULL;
}

/* ---- cases --------------------------------------------------------------------------------- */

/* What is known of a case before it is one. */
struct draft {
    struct finding finding;
    const char *error_type;
    const char *detail;
    int64_t start_us, end_us;
    uint64_t log_begin;
};

static size_t suite_number(struct collector *c, struct text name)
{
    bool same = c->suite_number < c->job->suite_count &&
                text_is(name, c->job->suites[c->suite_number].name);
    if (!same)
        c->suite_number = (size_t)(job_suite(c->job, name.at, name.size) - c->job->suites);
    return c->suite_number;
}

static int64_t duration(const struct draft *draft)
{
    if (draft->finding.duration_us >= 0)
        return draft->finding.duration_us;
    if (draft->start_us < 0 || draft->end_us < draft->start_us)
        return -1;
    return draft->end_us - draft->start_us;
}

static const char *error_type(const struct finding *finding)
{
    if (finding->result != CASE_ERROR)
        return NULL;
    return finding->error_type ? finding->error_type : "crash";
}

static struct test_case *case_at(const struct collector *c, struct case_ref ref)
{
    return &c->job->suites[ref.suite].cases[ref.number];
}

static void show_case(const struct collector *c, struct case_ref ref)
{
    if (c->watch.case_end)
        c->watch.case_end(c->watch.arg, c->job->suites[ref.suite].name, case_at(c, ref));
}

static void add_case(struct collector *c, struct text suite, const struct draft *draft)
{
    collector_flush_detail(c);
    const struct finding *f = &draft->finding;
    size_t number = suite_number(c, suite);
    struct test_case *added = suite_add(&c->job->suites[number]);
    added->name = keep_text(c, f->name.size ? f->name : text_of("(unnamed)"), NAME_MAX_BYTES);
    added->result = f->result;
    added->message = keep_message(c, f->message);
    added->detail = draft->detail;
    added->error_type = draft->error_type;
    added->file = f->file.size ? keep_text(c, f->file, NAME_MAX_BYTES) : NULL;
    added->line = f->line;
    added->start_us = draft->start_us;
    added->end_us = draft->end_us;
    added->duration_us = duration(draft);
    added->log_begin = draft->log_begin;
    added->log_end = f->before ? c->line.begin : c->line.end;
    c->has_last = true;
    c->recalled = false;
    c->last = (struct case_ref){.suite = number, .number = c->job->suites[number].count - 1};
    if (c->index)
        case_index_add(c->index, c->job, c->last.suite, c->last.number);
    course_count(c, f->result, 1);
    show_case(c, c->last);
}

static void forget_open(struct collector *c)
{
    c->open = c->open_restarts = c->noted = c->has_context = false;
    trail_clear(&c->context);
}

static struct draft draft_of(const struct collector *c, const struct finding *finding)
{
    uint64_t before = c->has_context ? c->context_begin : c->line.begin;
    return (struct draft){.finding = *finding,
                          .start_us = c->open ? c->open_us : c->last_us,
                          .end_us = c->line.time_us,
                          .log_begin = c->open ? c->open_begin : before};
}

static struct text open_or_current_suite(const struct collector *c)
{
    return text_of_buf(c->open ? &c->open_suite : &c->suite);
}

void collector_close_open(struct collector *c, const char *error_type, struct text message)
{
    if (!c->open)
        return;
    struct finding finding = {.name = text_of_buf(&c->open_name),
                              .result = CASE_ERROR,
                              .message = message,
                              .duration_us = -1};
    struct draft draft = draft_of(c, &finding);
    draft.error_type = error_type;
    if (c->noted)
        draft.detail = keep_message(c, text_of_buf(&c->note));
    draft.detail = trail_detail(&c->job->arena, draft.detail, &c->context);
    if (c->crash) {
        draft.error_type = "crash";
        draft.finding.message = text_of_buf(&c->crash_line);
        draft.detail = trail_detail(&c->job->arena, NULL, &c->dump);
        crash_place(draft.finding.message, &draft.finding.file, &draft.finding.line);
        c->crash = CRASH_NONE;
    }
    c->open = false;
    add_case(c, text_of_buf(&c->open_suite), &draft);
    forget_open(c);
}

/* ---- what formats say ---------------------------------------------------------------------- */

void collector_suite(struct collector *c, struct text name)
{
    text_store(name, &c->suite);
}

/* After an expected reset the test begins again, or one before it does. */
static bool goes_on(struct collector *c, struct text name)
{
    if (!c->open || !c->open_restarts)
        return false;
    c->open_restarts = false;
    c->open = text_same(name, text_of_buf(&c->open_name));
    return c->open;
}

void collector_start(struct collector *c, struct text suite, struct text name)
{
    if (suite.size == 0)
        suite = text_of_buf(&c->suite);
    if (!course_test(c, suite, name) || goes_on(c, name))
        return;
    collector_close_open(c, "unfinished", text_of("its result was not seen"));
    collector_flush_detail(c);
    forget_open(c);
    c->open = true;
    text_store(suite, &c->open_suite);
    text_store(name, &c->open_name);
    c->open_us = c->line.time_us;
    c->open_begin = c->line.begin;
    if (c->watch.case_start)
        c->watch.case_start(c->watch.arg, c->open_suite.data, c->open_name.data);
}

void collector_retract(struct collector *c)
{
    c->open = c->open_restarts = false;
}

static bool is_open_one(const struct collector *c, const struct finding *finding)
{
    struct text name = finding->name, suite = finding->suite;
    return (name.size == 0 || text_same(name, text_of_buf(&c->open_name))) &&
           (suite.size == 0 || text_same(suite, text_of_buf(&c->open_suite)));
}

void collector_result(struct collector *c, const struct finding *finding)
{
    struct text suite = finding->suite.size ? finding->suite : open_or_current_suite(c);
    struct finding full = *finding;
    if (full.name.size == 0 && c->open)
        full.name = text_of_buf(&c->open_name);
    if (c->open && is_open_one(c, finding))
        restart_result(&c->restart);
    if (!course_test(c, suite, full.name))
        return;
    if (c->open && !is_open_one(c, finding))
        collector_close_open(c, "unfinished", text_of("its result was not seen"));
    if (c->noted && full.result != CASE_PASS) {
        full.message = full.message.size ? full.message : text_of_buf(&c->note);
        full.line = full.file.size ? full.line : c->note_line;
        full.file = full.file.size ? full.file : text_of_buf(&c->note_file);
    }
    struct draft draft = draft_of(c, &full);
    draft.error_type = error_type(&full);
    if (full.result == CASE_FAIL || full.result == CASE_ERROR) {
        draft.detail = trail_detail(&c->job->arena, NULL, &c->context);
        if (c->crash)
            draft.detail = trail_detail(&c->job->arena, draft.detail, &c->dump);
    }
    c->crash = CRASH_NONE; /* the firmware went on: it was wanted, or the result says what it was */
    c->open = false;
    add_case(c, suite, &draft);
    c->last_us = c->line.time_us;
    forget_open(c);
}

void collector_settle(struct collector *c, const struct finding *finding)
{
    if (c->over || c->ended)
        return;
    if (!c->index)
        c->index = case_index_new(c->job);
    struct test_case *known = case_index_find(c->index, c->job, finding->suite, finding->name);
    if (!known) {
        struct draft draft = {.finding = *finding,
                              .error_type = error_type(finding),
                              .start_us = -1,
                              .end_us = -1,
                              .log_begin = c->line.begin};
        if (course_test(c, finding->suite, finding->name))
            add_case(c, finding->suite, &draft);
        return;
    }
    if (!str_eq(known->error_type, "unfinished"))
        return;
    course_count(c, known->result, -1);
    known->result = finding->result;
    known->error_type = error_type(finding);
    known->message = keep_message(c, finding->message);
    if (finding->result == CASE_PASS)
        known->detail = NULL;
    if (finding->duration_us >= 0)
        known->duration_us = finding->duration_us;
    course_count(c, known->result, 1);
    if (c->watch.case_end)
        c->watch.case_end(c->watch.arg, c->job->suites[suite_number(c, finding->suite)].name,
                          known);
}

static void begin_context(struct collector *c)
{
    if (!c->has_context)
        c->context_begin = c->line.begin;
    c->has_context = true;
}

void collector_note_failure(struct collector *c, struct text message, struct text file,
                            uint32_t line)
{
    if (c->over)
        return;
    if (c->noted) { /* the first is what the test failed of */
        trail_add(&c->context, message);
        return;
    }
    c->noted = true;
    begin_context(c);
    text_store(message, &c->note);
    text_store(file, &c->note_file);
    c->note_line = line;
}

void collector_note_more(struct collector *c, struct text more)
{
    if (!c->noted)
        return;
    if (c->note.size + more.size + 2 < c->note.ceiling) {
        buf_adds(&c->note, ": ");
        buf_add(&c->note, more.at, more.size);
    }
}

void collector_amend(struct collector *c, const struct finding *finding)
{
    if (!c->has_last || c->over)
        return;
    struct test_case *last = case_at(c, c->last);
    if (!last->message)
        last->message = keep_message(c, finding->message);
    if (!last->file && finding->file.size)
        last->file = keep_text(c, finding->file, NAME_MAX_BYTES);
    if (!last->line)
        last->line = finding->line;
    if (finding->duration_us >= 0)
        last->duration_us = finding->duration_us;
    if (!c->recalled)
        last->log_end = c->line.end;
}

void collector_detail(struct collector *c, struct text more)
{
    if (!c->has_last || c->over)
        return;
    trail_add(&c->detail, more);
    if (!c->recalled)
        case_at(c, c->last)->log_end = c->line.end;
}

bool collector_recall(struct collector *c, struct text suite, struct text name)
{
    if (suite.size == 0)
        suite = text_of_buf(&c->suite);
    collector_flush_detail(c);
    if (!c->index)
        c->index = case_index_new(c->job);
    const struct test_case *found = case_index_find(c->index, c->job, suite, name);
    if (!found)
        return false;
    c->last.suite = suite_number(c, suite);
    c->last.number = (size_t)(found - c->job->suites[c->last.suite].cases);
    c->recalled = true;
    return true;
}

void collector_flush_detail(struct collector *c)
{
    if (c->detail.lines == 0)
        return;
    struct test_case *last = case_at(c, c->last);
    last->detail = trail_detail(&c->job->arena, last->detail, &c->detail);
    trail_clear(&c->detail);
}

void collector_rename_suite(struct collector *c, const char *name, struct text better)
{
    size_t length = strlen(name);
    size_t count = c->job->suite_count, oldest = count > RENAME_MAX ? count - RENAME_MAX : 0;
    for (size_t i = oldest; i < count && !c->over; i++) {
        const char *old = c->job->suites[i].name;
        if (strncmp(old, name, length) != 0 || (old[length] && old[length] != '/'))
            continue;
        c->job->suites[i].name =
            arena_printf(&c->job->arena, "%.*s%s", (int)better.size, better.at, old + length);
    }
}

bool collector_open_test(const struct collector *c, struct text *ret_name)
{
    *ret_name = c->open ? text_of_buf(&c->open_name) : no_text;
    return c->open;
}

size_t collector_seen(const struct collector *c)
{
    return c->ended ? 0 : (size_t)c->seen.total;
}
