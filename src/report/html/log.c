/* SPDX-License-Identifier: MIT */
/* A job's UART log on the page: each case's lines marked, linked, and found by the browser's own
 * search. A log that is too large is cut by blocks; its beginning, its end, and what stands around
 * failures stays. */
#include "report/html/parts.h"

#include "base/str.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096
#define EDGE_BLOCKS 8    /* kept at the beginning and at the end */
#define FAILURE_BLOCKS 2 /* kept before a failure's last line */
#define CHUNK_LINES 100  /* laid out at once, when they scroll into sight */

/* ---- what of it is on the page --------------------------------------------------------------- */

static int compare_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

uint64_t html_log_share(const struct run_result *run, uint64_t total)
{
    uint64_t *sizes = xcalloc(run->count + 1, sizeof *sizes);
    uint64_t share = total;

    for (size_t i = 0; i < run->count; i++) {
        struct uart_log log = uart_log_open(run->jobs[i]);
        sizes[i] = log.size;
        uart_log_close(&log);
    }
    qsort(sizes, run->count, sizeof *sizes, compare_size);
    for (size_t i = 0; i < run->count; i++) {
        share = total / (run->count - i);
        if (sizes[i] > share)
            break;
        total -= sizes[i];
    }
    free(sizes);
    return share;
}

struct keeper {
    struct html_job *job;
    size_t left; /* blocks that may still be kept */
};

static void keep(struct keeper *keeper, size_t from, size_t to)
{
    for (; from < to && from < keeper->job->blocks && keeper->left; from++) {
        keeper->left -= !keeper->job->kept[from];
        keeper->job->kept[from] = 1;
    }
}

static size_t less(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

static void choose(struct html_job *job, size_t most)
{
    struct keeper keeper = {job, most};

    keep(&keeper, less(job->blocks, EDGE_BLOCKS), job->blocks);
    keep(&keeper, 0, EDGE_BLOCKS);
    for (size_t i = 0; i < job->count; i++) {
        const struct test_case *test_case = job->cases[i].test_case;
        size_t end = (size_t)(test_case->log_end / BLOCK) + 1;
        if (test_case->log_end &&
            (test_case->result == CASE_FAIL || test_case->result == CASE_ERROR))
            keep(&keeper, less(end, FAILURE_BLOCKS), end);
    }
    keep(&keeper, 0, job->blocks);
}

static int compare_case(const void *a, const void *b)
{
    const struct html_case *left = a, *right = b;
    uint64_t x = left->test_case->log_begin, y = right->test_case->log_begin;

    if (x != y)
        return x < y ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

struct html_job html_job_of(const struct job_result *job, size_t number, uint64_t log_bytes)
{
    struct html_job page = {
        .job = job, .number = number, .count = job_counts(job).total, .log = uart_log_open(job)};
    size_t n = 0;

    page.cases = xcalloc(page.count + 1, sizeof *page.cases);
    for (size_t i = 0; i < job->suite_count; i++)
        for (size_t k = 0; k < job->suites[i].count; k++, n++)
            page.cases[n] = (struct html_case){&job->suites[i], &job->suites[i].cases[k], n};
    qsort(page.cases, page.count, sizeof *page.cases, compare_case);
    page.blocks = (size_t)((page.log.size + BLOCK - 1) / BLOCK);
    page.kept = xcalloc(page.blocks + 1, 1);
    choose(&page, (size_t)((log_bytes + BLOCK - 1) / BLOCK));
    return page;
}

void html_job_done(struct html_job *job)
{
    uart_log_close(&job->log);
    free(job->cases);
    free(job->kept);
}

bool html_has_lines(const struct html_job *job, const struct test_case *test_case)
{
    return test_case->log_end > test_case->log_begin && test_case->log_end <= job->log.size &&
           job->kept[(test_case->log_end - 1) / BLOCK];
}

/* ---- writing it ------------------------------------------------------------------------------ */

struct pen {
    struct markup *markup;
    const struct html_job *job;
    const char *mark; /* class of the lines being written; NULL: none */
    bool in_chunk;
    size_t lines;      /* in the chunk */
    uint64_t at;       /* bytes dealt with */
    uint64_t left_out; /* bytes since the last line that was written */
};

static void end_chunk(struct pen *pen)
{
    if (pen->in_chunk)
        markup_raw(pen->markup, pen->mark ? "</div></div>\n" : "</div>\n");
    pen->in_chunk = false;
}

static void begin_chunk(struct pen *pen)
{
    if (pen->in_chunk)
        return;
    markup_raw(pen->markup, "<div class=\"k\">");
    if (pen->mark)
        markup_f(pen->markup, "<div class=\"%s\">", pen->mark);
    pen->in_chunk = true;
    pen->lines = 0;
}

static void tell_left_out(struct pen *pen)
{
    if (pen->left_out)
        markup_f(pen->markup, "<p class=\"gap\">%" PRIu64 " bytes are left out here</p>\n",
                 pen->left_out);
    pen->left_out = 0;
}

static void add_lines(struct pen *pen, const struct buf *bytes)
{
    for (size_t from = 0; from < bytes->size;) {
        const char *line = bytes->data + from;
        const char *lf = memchr(line, '\n', bytes->size - from);
        size_t size = lf ? (size_t)(lf - line) : bytes->size - from;
        if (pen->lines == CHUNK_LINES)
            end_chunk(pen);
        begin_chunk(pen);
        markup_line(pen->markup, line, size && line[size - 1] == '\r' ? size - 1 : size);
        pen->lines++;
        from += size + 1;
    }
}

/* The bytes from pen->at to `end`, those of them that are kept. */
static void add_bytes(struct pen *pen, uint64_t end)
{
    cleanup_buf struct buf bytes = BUF_INIT(SIZE_MAX / 4);

    while (pen->at < end) {
        size_t block = (size_t)(pen->at / BLOCK), last = block;
        bool kept = pen->job->kept[block];
        uint64_t to;
        while (last < pen->job->blocks && pen->job->kept[last] == kept &&
               (uint64_t)last * BLOCK < end)
            last++;
        to = (uint64_t)last * BLOCK < end ? (uint64_t)last * BLOCK : end;
        if (kept) {
            tell_left_out(pen);
            buf_clear(&bytes);
            uart_log_read(&pen->job->log, pen->at, to, &bytes);
            add_lines(pen, &bytes);
        } else {
            pen->left_out += to - pen->at;
        }
        pen->at = to;
    }
}

static void set_mark(struct pen *pen, const char *mark)
{
    if (pen->in_chunk && pen->mark)
        markup_raw(pen->markup, "</div>");
    pen->mark = mark;
    if (pen->in_chunk && mark)
        markup_f(pen->markup, "<div class=\"%s\">", mark);
}

/* Where the case's lines begin: the target of its link, and the way back. */
static void add_anchor(struct pen *pen, const struct html_case *of)
{
    if (!html_has_lines(pen->job, of->test_case))
        return;
    begin_chunk(pen);
    if (!html_listed(pen->job, of->test_case))
        return;
    markup_f(pen->markup, "<a id=\"l%zu-%zu\" href=\"#c%zu-%zu\">", pen->job->number, of->number,
             pen->job->number, of->number);
    markup_text(pen->markup, of->test_case->name, HTML_NAME_BYTES_MAX);
    markup_raw(pen->markup, "</a>");
}

static void add_case(struct pen *pen, const struct html_case *of)
{
    const struct test_case *test_case = of->test_case;
    uint64_t end =
        test_case->log_end < pen->job->log.size ? test_case->log_end : pen->job->log.size;

    if (test_case->log_end <= test_case->log_begin)
        return;
    if (test_case->log_begin < pen->job->log.size)
        add_bytes(pen, test_case->log_begin);
    if (pen->in_chunk && pen->lines >= CHUNK_LINES)
        end_chunk(pen);
    set_mark(pen, html_class(test_case->result));
    add_anchor(pen, of);
    add_bytes(pen, end);
    set_mark(pen, NULL);
}

void html_log(struct markup *markup, const struct html_job *job)
{
    struct pen pen = {.markup = markup, .job = job};
    const struct job_result *result = job->job;

    if (!job->log.size)
        return;
    markup_f(markup,
             "<details class=\"log\"><summary>UART log <small>%" PRIu64 " byte%s, %" PRIu64
             " line%s</small></summary>\n<div class=\"uart\" translate=\"no\">\n",
             job->log.size, words_plural(job->log.size), result->capture.lines,
             words_plural(result->capture.lines));
    if (job->log.begin) {
        set_mark(&pen, "before");
        add_bytes(&pen, job->log.begin);
        set_mark(&pen, NULL);
    }
    for (size_t i = 0; i < job->count; i++)
        add_case(&pen, &job->cases[i]);
    add_bytes(&pen, job->log.size);
    end_chunk(&pen);
    tell_left_out(&pen);
    markup_raw(markup, "</div></details>\n");
}
