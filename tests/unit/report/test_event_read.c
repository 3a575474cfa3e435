/* SPDX-License-Identifier: MIT */
#include "report/event_read.h"

#include "base/fs.h"
#include "base/str.h"
#include "report/report.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* What the event log writes of an event, read again. */
static void there_and_back(struct event event, struct event_line *ret)
{
    char path[] = "/tmp/hil-events.XXXXXX";
    int fd = mkstemp(path);
    cleanup_buf struct buf line = BUF_INIT(65536);
    struct event_sink *sink = event_stream_open(path, NULL);
    struct err err = {0};

    cr_assert(fd >= 0 && sink);
    sink->take(sink, &event);
    cr_assert_eq(event_log_close(sink, &err), 0, "%s", err.message);
    cr_assert_eq(fs_read(path, &line, &err), 0, "%s", err.message);
    close(fd);
    unlink(path);
    cr_assert(line.size && line.data[line.size - 1] == '\n');
    cr_assert_eq(event_read(line.data, line.size - 1, ret, &err), 0, "%s", err.message);
    cr_expect_eq(ret->event.kind, event.kind);
}

Test(event_read, reads_what_was_written)
{
    static const struct event rows[] = {
        {.kind = EVENT_STATE, .board = "a", .text = "waiting", .suite = "held by alice"},
        {.kind = EVENT_PROGRESS, .board = "a", .text = "flash", .number = 12, .total = 99},
        {.kind = EVENT_COMMAND, .board = "a", .text = "openocd -f x"},
        {.kind = EVENT_LINE, .board = "a", .test = "t", .text = "\"quoted\"\ttab"},
        {.kind = EVENT_CASE_START, .board = "a", .test = "t", .suite = "s", .text = "case"},
        {.kind = EVENT_DROPPED, .board = "a", .text = "another image", .number = 7},
        {.kind = EVENT_WARNING, .text = "no history is kept"},
        {.kind = EVENT_RETRY, .board = "a", .text = "elsewhere", .number = 2, .total = 3},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct event_line line;
        there_and_back(rows[i], &line);
        cr_expect(str_eq(line.event.board, rows[i].board), "row %zu", i);
        cr_expect(str_eq(line.event.test, rows[i].test), "row %zu", i);
        cr_expect(str_eq(line.event.text, rows[i].text), "row %zu", i);
        cr_expect(str_eq(line.event.suite, rows[i].suite), "row %zu", i);
        cr_expect_eq(line.event.number, rows[i].number, "row %zu", i);
        cr_expect_eq(line.event.total, rows[i].total, "row %zu", i);
        event_line_done(&line);
    }
}

Test(event_read, reads_how_a_case_ended)
{
    const struct test_case failed = {.name = "adc",
                                     .result = CASE_FAIL,
                                     .message = "Expected 1 Was 2",
                                     .file = "adc.c",
                                     .line = 42,
                                     .duration_us = 1500};
    struct event_line line;

    there_and_back((struct event){.kind = EVENT_CASE_END, .suite = "s", .test_case = &failed},
                   &line);
    cr_assert_not_null(line.event.test_case);
    cr_expect_str_eq(line.event.test_case->name, "adc");
    cr_expect_eq(line.event.test_case->result, CASE_FAIL);
    cr_expect_str_eq(line.event.test_case->message, "Expected 1 Was 2");
    cr_expect_eq(line.event.test_case->line, 42);
    cr_expect_eq(line.event.test_case->duration_us, 1500);
    event_line_done(&line);
}

Test(event_read, refuses_what_is_no_event)
{
    static const char *const rows[] = {"",    "hil: warning", "{}", "{\"kind\":\"explosion\"}",
                                       "[1]", "{\"kind\":7}"};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct event_line line;
        cr_expect_lt(event_read(rows[i], strlen(rows[i]), &line, NULL), 0, "%s", rows[i]);
        event_line_done(&line);
    }
}
