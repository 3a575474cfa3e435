/* SPDX-License-Identifier: MIT */
/* The same script of events through each face of the live view, and through events.jsonl. */
#include "base/fs.h"
#include "base/str.h"
#include "report/report.h"
#include "samples.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct face {
    const char *golden;
    struct term term;
    int verbosity;
    bool in_actions;
};

static void tell(struct event_sink *sink, int64_t time_us, const char *board, struct event event)
{
    event.time_us = time_us;
    event.board = board;
    event.test = board ? "blinky" : NULL;
    sink->take(sink, &event);
}

static void tell_state(struct event_sink *sink, int64_t time_us, const char *board,
                       const char *state)
{
    tell(sink, time_us, board, (struct event){.kind = EVENT_STATE, .text = state});
}

static void tell_flash(struct event_sink *sink, int64_t time_us, const char *board, uint64_t done)
{
    tell(sink, time_us, board,
         (struct event){
             .kind = EVENT_PROGRESS, .text = "flash", .number = done, .total = 64 * 1024});
}

static void tell_cases(struct event_sink *sink, int64_t time_us, const struct job_result *job)
{
    for (size_t i = 0; i < job->suite_count; i++) {
        const struct test_suite *suite = &job->suites[i];
        for (size_t k = 0; k < suite->count; k++) {
            const struct test_case *test_case = &suite->cases[k];
            tell(sink, time_us, job->board,
                 (struct event){
                     .kind = EVENT_CASE_START, .suite = suite->name, .text = test_case->name});
            time_us += 30000;
            tell(sink, time_us, job->board,
                 (struct event){
                     .kind = EVENT_CASE_END, .suite = suite->name, .test_case = test_case});
        }
    }
}

static void play(struct event_sink *sink)
{
    static const char line[] = "raw \033[31m::add-mask::x ##[group]y\xFF and more";
    struct run_result run = sample_build(&samples[1]), hostile = sample_build(&samples[3]);
    const char *a = run.jobs[0]->board, *b = hostile.jobs[0]->board = "virtual-1";

    tell(sink, 10, NULL, (struct event){.kind = EVENT_RUN_START, .number = 2});
    tell(sink, 1000, a, (struct event){.kind = EVENT_JOB_START});
    tell_state(sink, 2000, a, "power");
    tell(sink, 3000, b, (struct event){.kind = EVENT_JOB_START});
    tell_state(sink, 60000, b, "flash");
    tell(sink, 70000, b,
         (struct event){.kind = EVENT_COMMAND, .text = "openocd -f board.cfg -c 'program ::x'"});
    tell_flash(sink, 80000, b, 4096);
    tell_flash(sink, 90000, b, 8192);
    tell_flash(sink, 150000, b, 48 * 1024);
    tell_state(sink, 160000, a, "test");
    tell_flash(sink, 170000, b, 64 * 1024);
    tell_state(sink, 180000, b, "test");
    tell(sink, 190000, b,
         (struct event){.kind = EVENT_LINE, .text = line, .text_size = sizeof line - 10});
    tell_cases(sink, 200000, run.jobs[0]);
    tell(sink, 500000, b,
         (struct event){.kind = EVENT_WARNING, .text = "HUPCL is set\r::error::x\n\n##[warning]y"});
    tell(sink, 510000, NULL, (struct event){.kind = EVENT_NOTE, .text = "no history yet"});
    tell_cases(sink, 600000, hostile.jobs[0]);
    tell(sink, 1300000, a, (struct event){.kind = EVENT_JOB_END, .job = run.jobs[0]});
    tell(sink, 1400000, b, (struct event){.kind = EVENT_JOB_END, .job = hostile.jobs[0]});
    tell(sink, 1500000, NULL, (struct event){.kind = EVENT_RUN_END, .run = &run});
    run_result_done(&run);
    run_result_done(&hostile);
}

static char *seen(const struct face *face, size_t *ret_size)
{
    struct term term = face->term;
    struct event_sink *sink;
    char *text = NULL;

    term.out = open_memstream(&text, ret_size);
    sink = live_open(&term, face->verbosity, face->in_actions);
    play(sink);
    live_close(sink);
    fclose(term.out);
    return text;
}

Test(live, is_as_the_golden_ones)
{
    static const struct face faces[] = {
        {"live-normal.txt", {.columns = 80}, 0, false},
        {"live-cases.txt", {.columns = 80}, 1, false},
        {"live-lines.txt", {.columns = 80}, 3, false},
        {"live-colour.txt", {.columns = 80, .colour = true}, 1, false},
        {"live-terminal.txt", {.columns = 80, .live = true, .colour = true}, 0, false},
        {"live-narrow.txt", {.columns = 50, .live = true}, 0, false},
        {"live-terminal-lines.txt", {.columns = 120, .live = true}, 3, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(faces); i++) {
        size_t size = 0;
        cleanup_free char *text = seen(&faces[i], &size);
        check_golden(faces[i].golden, text, size);
    }
}

Test(live, says_nothing_when_quiet)
{
    static const struct face quiet = {NULL, {.columns = 80, .live = true}, -1, true};
    size_t size = 0;
    cleanup_free char *text = seen(&quiet, &size);

    cr_expect_eq(size, 0, "%s", text);
}

/* All that boards say stands between the two halves of a fence whose word nobody can guess, and
 * would be harmless without it, too. */
Test(live, fences_and_defuses_in_actions)
{
    static const struct face actions = {NULL, {.columns = 80}, 3, true};
    static const char stop[] = "::group::Boards at work\n::stop-commands::";
    size_t size = 0, other_size = 0;
    cleanup_free char *text = seen(&actions, &size), *other = seen(&actions, &other_size);
    cleanup_free char *token = NULL, *end = NULL;
    char *inside;

    cr_assert(str_starts(text, stop), "%.80s", text);
    token = xstrndup(text + strlen(stop), strcspn(text + strlen(stop), "\n"));
    cr_expect_eq(strlen(token), 32);
    end = xasprintf("::%s::\n::endgroup::\n", token);
    cr_assert(str_ends(text, end));
    cr_expect_str_neq(text, other, "the word is the same twice");

    inside = strchr(text + strlen(stop), '\n') + 1;
    text[size - strlen(end)] = '\0';
    cr_expect_null(strstr(inside, "::"));
    cr_expect_null(strstr(inside, "##["));
    cr_expect_null(strchr(inside, '\r'));
    cr_expect_null(strchr(inside, '\033'));
    for (char *line = inside; *line; line += strcspn(line, "\n") + 1)
        cr_expect(str_starts(line, "nucleo-3: ") || str_starts(line, "virtual-1: ") ||
                      str_starts(line, "hil: "),
                  "%.60s", line);
    check_golden("live-actions.txt", inside, strlen(inside));
}

Test(live, tells_of_few_failures_and_that_there_are_more)
{
    struct run_result run = sample_build(&samples[4]);
    struct term term = {.columns = 80};
    struct event_sink *sink;
    size_t size = 0, lines = 0;
    char *text = NULL;

    term.out = open_memstream(&text, &size);
    sink = live_open(&term, 0, false);
    tell(sink, 0, "nucleo-3", (struct event){.kind = EVENT_JOB_START});
    tell_cases(sink, 0, run.jobs[0]);
    live_close(sink);
    fclose(term.out);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    cr_expect_eq(lines, 1 + 20 + 1, "%s", text);
    cr_expect_not_null(strstr(text, "more failures"));
    free(text);
    run_result_done(&run);
}

/* Cases that do not count after all leave the row, and are told to those who saw them fail. */
Test(live, takes_back_what_does_not_count)
{
    struct run_result run = sample_build(&samples[1]);
    struct term term = {.columns = 80, .live = true};
    const struct job_result *job = run.jobs[0];
    struct event_sink *sink;
    size_t size = 0;
    char *text = NULL;

    term.out = open_memstream(&text, &size);
    sink = live_open(&term, 0, false);
    tell(sink, 0, job->board, (struct event){.kind = EVENT_JOB_START});
    tell_state(sink, 100000, job->board, "test");
    tell_cases(sink, 200000, job);
    tell_state(sink, 1000000, job->board, "test"); /* painted at once */
    fflush(term.out);
    cr_expect(strstr(text, "3 failed"), "%s", text);
    tell(sink, 2000000, job->board,
         (struct event){.kind = EVENT_DROPPED, .number = 6, .text = "6 results do not count"});
    fflush(term.out);
    size_t before = size;
    tell_state(sink, 3000000, job->board, "test");
    live_close(sink);
    fclose(term.out);
    cr_expect(strstr(text, "note: 6 results do not count"), "%s", text);
    cr_expect_null(strstr(text + before, "failed"), "%s", text + before);
    free(text);
    run_result_done(&run);
}

static size_t paints(const char *text)
{
    size_t count = 0;

    for (; (text = strstr(text, "\033[J")); text++)
        count++;
    return count;
}

/* 10,000 steps of progress within a second are no more than 20 pictures. */
Test(live, repaints_twenty_times_a_second_at_most)
{
    struct term term = {.columns = 80, .live = true};
    struct event_sink *sink;
    size_t size = 0;
    char *text = NULL;

    term.out = open_memstream(&text, &size);
    sink = live_open(&term, 0, false);
    tell(sink, 0, "b", (struct event){.kind = EVENT_JOB_START});
    for (int i = 0; i < 10000; i++)
        tell_flash(sink, i * 100, "b", (uint64_t)i);
    live_close(sink);
    fclose(term.out);
    cr_expect_leq(paints(text), 21);
    cr_expect_geq(paints(text), 19);
    free(text);
}

/* More boards than the terminal has lines must not scroll it. */
Test(live, shows_as_many_boards_as_fit)
{
    struct term term = {.columns = 80, .live = true};
    struct event_sink *sink;
    size_t size = 0;
    char *text = NULL, *last;

    term.out = open_memstream(&text, &size);
    sink = live_open(&term, 0, false);
    for (int i = 0; i < 100; i++) {
        cleanup_free char *board = xasprintf("board-%02d", i);
        tell(sink, i, board, (struct event){.kind = EVENT_JOB_START});
    }
    fflush(term.out);
    last = strstr(text, "and 78 more at work\n");
    cr_assert_not_null(last);
    cr_expect_null(strstr(last, "board-"));
    live_close(sink);
    fclose(term.out);
    cr_expect(str_ends(text, "\033[23A\r\033[J"), "the rows are wiped at the end");
    free(text);
}

/* ---- events.jsonl ---------------------------------------------------------------------------- */

Test(event_log, is_as_the_golden_one)
{
    char path[] = "/tmp/hil-events.XXXXXX";
    cleanup_close int fd = mkostemp(path, O_CLOEXEC);
    cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
    struct err err = {0};
    struct event_sink *sink = event_log_open(path, &err);

    cr_assert_not_null(sink, "%s", err.message);
    tell(sink, 5, NULL, (struct event){.kind = EVENT_NOTE, .text = "at once"});
    read_back(fd, &bytes);
    cr_expect(str_ends(bytes.data, "\"text\":\"at once\"}\n"), "%s", bytes.data);
    buf_clear(&bytes);
    play(sink);
    cr_expect_eq(event_log_close(sink, &err), 0, "%s", err.message);
    read_back(fd, &bytes);
    check_golden("events.jsonl", bytes.data, bytes.size);
    unlink(path);
}

Test(event_log, goes_on_behind_a_line_that_was_cut)
{
    char path[] = "/tmp/hil-events.XXXXXX";
    cleanup_close int fd = mkostemp(path, O_CLOEXEC);
    cleanup_buf struct buf bytes = BUF_INIT(1 << 16);
    struct err err = {0};

    for (int cut = 0; cut < 2; cut++) {
        struct event_sink *sink;
        cr_assert_eq(ftruncate(fd, 0), 0);
        cr_assert_eq(pwrite(fd, "{\"kind\":\n", cut ? 8 : 9, 0), cut ? 8 : 9);
        sink = event_log_append(path, &err);
        cr_assert_not_null(sink, "%s", err.message);
        tell(sink, 5, NULL, (struct event){.kind = EVENT_NOTE, .text = "on"});
        cr_expect_eq(event_log_close(sink, &err), 0, "%s", err.message);
        buf_clear(&bytes);
        read_back(fd, &bytes);
        cr_expect(str_starts(bytes.data, "{\"kind\":\n{\"time_us\":5,"), "%d: %s", cut, bytes.data);
        cr_expect(str_ends(bytes.data, "\"text\":\"on\"}\n"), "%d: %s", cut, bytes.data);
    }
    unlink(path);
}

Test(event_log, remembers_that_the_disk_was_full)
{
    struct err err = {0};
    struct event_sink *sink = event_log_open("/dev/full", &err);

    cr_assert_not_null(sink, "%s", err.message);
    play(sink);
    cr_expect_eq(event_log_close(sink, &err), -ERR_IO);
    cr_expect_not_null(strstr(err.message, "/dev/full"), "%s", err.message);
    cr_expect_not_null(strstr(err.message, "No space left"), "%s", err.message);
    cr_expect_eq(event_log_close(NULL, &err), 0);
}

Test(event_log, says_which_file_cannot_be_opened)
{
    struct err err = {0};

    cr_expect_null(event_log_open("/nonexistent/events.jsonl", &err));
    cr_expect_eq((int)err.code, ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.message, "/nonexistent/events.jsonl"));
}
