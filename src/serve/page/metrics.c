/* SPDX-License-Identifier: MIT */
/* https://prometheus.io/docs/instrumenting/exposition_formats/: text format 0.0.4. Counters of
 * verdicts are kept beside the history, so they only grow, whoever ran the jobs. */
#include "serve/page/page_state.h"
#include "serve/page/web.h"
#include "store/charts.h"

#include <inttypes.h>
#include <string.h>

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void value(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            buf_adds(out, "\\n");
        else
            buf_addf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
    }
}

static const char *state_of(const struct page_board *board)
{
    return board->standing.held              ? "held"
           : board->standing.quarantined     ? "quarantine"
           : board->asked && !board->present ? "absent"
                                             : "free";
}

static void put_boards(const struct page *page, struct buf *out)
{
    static const char *const states[] = {"free", "held", "quarantine", "absent"};

    head(out, "hil_boards", "gauge", "Boards of the lab by state.");
    for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
        size_t count = 0;
        for (size_t i = 0; i < page->inventory.lab->count; i++)
            count +=
                page->boards[i].standing.conf && !strcmp(state_of(&page->boards[i]), states[s]);
        buf_addf(out, "hil_boards{state=\"%s\"} %zu\n", states[s], count);
    }
}

static void put_each(const struct page *page, const char *name, struct buf *out,
                     int64_t (*of)(const struct page_board *board))
{
    for (size_t i = 0; i < page->inventory.lab->count; i++) {
        const struct page_board *board = &page->boards[i];
        if (!board->standing.conf)
            continue;
        buf_addf(out, "%s{board=\"", name);
        value(out, board->standing.conf->name);
        buf_addf(out, "\"} %" PRId64 "\n", of(board));
    }
}

static int64_t is_held(const struct page_board *board)
{
    return board->standing.held;
}

static int64_t waiting(const struct page_board *board)
{
    return (int64_t)board->standing.waiting;
}

static int64_t is_quarantined(const struct page_board *board)
{
    return board->standing.quarantined;
}

int page_metrics_total(void *arg, const struct history_total *total)
{
    struct page_totals *to = arg;

    buf_adds(&to->jobs, "hil_jobs_total{board=\"");
    value(&to->jobs, total->board);
    buf_addf(&to->jobs, "\",verdict=\"%s\"} %" PRIu64 "\n", verdict_name(total->verdict),
             total->jobs);
    buf_adds(&to->seconds, "hil_job_seconds_total{board=\"");
    value(&to->seconds, total->board);
    buf_addf(&to->seconds, "\",verdict=\"%s\"} %.3f\n", verdict_name(total->verdict),
             (double)total->took_us / 1e6);
    return 0;
}

/* A metric's lines stand together. */
static void put_verdicts(const struct page *page, struct buf *out)
{
    const struct page_totals *totals = &page->store.totals;

    head(out, "hil_jobs_total", "counter", "Jobs that ended, by board and verdict.");
    buf_add(out, totals->jobs.data, totals->jobs.size);
    head(out, "hil_job_seconds_total", "counter", "Time that jobs had their boards.");
    buf_add(out, totals->seconds.data, totals->seconds.size);
    head(out, "hil_store_up", "gauge",
         "Whether the store has answered; else its numbers are its last.");
    buf_addf(out, "hil_store_up %d\n", !page->store.why);
}

static void put_services(const struct page *page, struct buf *out)
{
    head(out, "hil_service_up", "gauge", "Services that run beside the page.");
    for (size_t i = 0; page->services.items[i].row; i++)
        if (page->services.items[i].wanted)
            buf_addf(out, "hil_service_up{service=\"%s\"} %d\n", page->services.items[i].row->name,
                     page->services.items[i].proc != NULL);
}

void page_metrics(const struct page *page, struct buf *out)
{
    struct web_counts counts = web_counts(page->web);

    head(out, "hil_info", "gauge", "The version of hil and the name of the lab.");
    buf_addf(out, "hil_info{version=\"%s\",lab=\"", page->request->version);
    value(out, page->inventory.lab->name);
    buf_adds(out, "\"} 1\n");
    put_boards(page, out);
    head(out, "hil_board_held", "gauge", "Whether somebody has the board's lease.");
    put_each(page, "hil_board_held", out, is_held);
    head(out, "hil_board_waiting", "gauge", "Processes in the board's queue.");
    put_each(page, "hil_board_waiting", out, waiting);
    head(out, "hil_board_quarantined", "gauge", "Whether the board is set aside.");
    put_each(page, "hil_board_quarantined", out, is_quarantined);
    put_verdicts(page, out);
    put_services(page, out);
    head(out, "hil_page_viewers", "gauge", "Pages that are open.");
    buf_addf(out, "hil_page_viewers %zu\n", counts.viewers);
    head(out, "hil_page_requests_total", "counter", "HTTP requests.");
    buf_addf(out, "hil_page_requests_total %" PRIu64 "\n", counts.requests);
    head(out, "hil_page_refused_total", "counter", "Requests that were refused.");
    buf_addf(out, "hil_page_refused_total %" PRIu64 "\n", counts.refused);
    head(out, "hil_page_sent_bytes_total", "counter", "Bytes of events that viewers were sent.");
    buf_addf(out, "hil_page_sent_bytes_total %" PRIu64 "\n", counts.bytes);
}
