/* SPDX-License-Identifier: MIT */
/* What broke: each failure once, with the boards that have it and the end of a UART log. */
#include "report/summary/parts.h"

#include "base/str.h"
#include "report/escape.h"
#include "report/failures.h"
#include "report/place.h"
#include "report/uart_log.h"
#include "report/words.h"

#include <inttypes.h>
#include <string.h>

#define FAILURES_MAX 100
#define REST_BYTES (64 * 1024) /* kept free by the failures for what comes after them */
#define BOARDS_NAMED_MAX 8
#define LOG_LINES 20
#define DETAIL_LINES_MAX 30

static void add_boards(struct summary *page, const struct failure *failure)
{
    for (size_t i = 0; i < failure->count && i < BOARDS_NAMED_MAX; i++) {
        const struct job_result *job = failure->seen[i].job;
        summary_say(page, i ? ", " : "On ");
        summary_code(page, job->board);
        if (page->several_tests) {
            summary_say(page, " (");
            summary_code(page, job->name);
            summary_say(page, ")");
        }
    }
    if (failure->count > BOARDS_NAMED_MAX)
        buf_addf(&page->block, " and %zu more", failure->count - BOARDS_NAMED_MAX);
}

static void add_place(struct summary *page, const struct test_case *test_case)
{
    cleanup_buf struct buf link = BUF_INIT(SIZE_MAX / 4);
    const char *file = test_case ? case_file(test_case) : NULL;
    cleanup_free char *place = NULL;

    if (!file)
        return;
    place = test_case->line ? xasprintf("%s:%" PRIu32, file, test_case->line) : xstrdup(file);
    summary_say(page, " at ");
    if (place_link(&link, &page->run->origin, test_case)) {
        summary_say(page, "[");
        summary_code(page, place);
        buf_addf(&page->block, "](%s)", link.data);
    } else {
        summary_code(page, place);
    }
}

static void add_lines(struct summary *page, struct buf *lines, const char *text)
{
    size_t count = 0;

    for (; *text; text += *text != '\0') {
        size_t size = strcspn(text, "\r\n");
        if (size && ++count <= DETAIL_LINES_MAX) {
            buf_adds(lines,
                     words_line(&page->text, text,
                                size < SUMMARY_LINE_BYTES_MAX ? size : SUMMARY_LINE_BYTES_MAX));
            buf_adds(lines, size < SUMMARY_LINE_BYTES_MAX ? "\n" : "...\n");
        }
        text += size;
    }
    if (count > DETAIL_LINES_MAX)
        buf_addf(lines, "... %zu more lines\n", count - DETAIL_LINES_MAX);
}

static void add_message(struct summary *page, const struct sighting *seen)
{
    cleanup_buf struct buf lines = BUF_INIT(SIZE_MAX / 4);

    add_lines(page, &lines, seen->message);
    if (seen->test_case && seen->test_case->detail)
        add_lines(page, &lines, seen->test_case->detail);
    escape_code_block(&page->block, lines.data);
    summary_say(page, "\n");
}

static void add_log(struct summary *page, const struct job_result *job,
                    const struct test_case *test_case)
{
    cleanup_buf struct buf lines = BUF_INIT(SIZE_MAX / 4);
    struct uart_log log = uart_log_open(job);
    size_t count =
        uart_log_before(&log, test_case ? test_case->log_end : log.size, LOG_LINES, &lines);

    uart_log_close(&log);
    if (!count)
        return;
    buf_addf(&page->block, "<details><summary>The last %zu line%s of the UART on ", count,
             words_plural(count));
    summary_html_code(page, job->board);
    summary_say(page, "</summary>\n\n");
    escape_code_block(&page->block, lines.data);
    summary_say(page, "\n</details>\n\n");
}

static void add_failure(struct summary *page, const struct failure *failure)
{
    const struct sighting *seen = failure->seen;
    size_t without_log;

    buf_addf(&page->block, "#### %s: ", failure->kind);
    if (seen->test_case) {
        cleanup_free char *name =
            xasprintf("%s%s%s", seen->suite->name, *seen->suite->name ? "." : "",
                      *seen->test_case->name ? seen->test_case->name : "(no name)");
        summary_code(page, name);
    } else if (seen->job) {
        summary_code(page, seen->job->name);
    } else {
        summary_say(page, "the run");
    }
    summary_say(page, "\n\n");
    if (seen->job) {
        add_boards(page, failure);
        add_place(page, seen->test_case);
        summary_say(page, "\n\n");
    }
    add_message(page, seen);
    without_log = page->block.size;
    if (seen->job)
        add_log(page, seen->job, seen->test_case);
    if (page->body.size + page->block.size > page->body.ceiling) {
        page->block.size = without_log;
        page->logs_cut = true;
    }
    if (!summary_fits(page))
        page->failures_cut++;
}

void summary_broke(struct summary *page)
{
    struct failures found = failures_of(page->run);
    size_t ceiling = page->body.ceiling, rest = ceiling / 4 < REST_BYTES ? ceiling / 4 : REST_BYTES;

    page->body.ceiling = ceiling - rest;
    if (found.count) {
        summary_say(page, "### What broke\n\n");
        summary_commit(page);
    }
    for (size_t i = 0; i < found.count; i++)
        if (i < FAILURES_MAX)
            add_failure(page, &found.items[i]);
        else
            page->failures_cut++;
    page->body.ceiling = ceiling;
    failures_done(&found);
}
