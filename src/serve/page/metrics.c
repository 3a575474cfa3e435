/* SPDX-License-Identifier: MIT */
/* https://prometheus.io/docs/instrumenting/exposition_formats/: text format 0.0.4. Counters of
 * verdicts are kept beside the history, so they only grow, whoever ran the jobs. */
#include "base/text.h"
#include "serve/page/page_state.h"
#include "serve/page/web.h"
#include "store/charts.h"

#include <inttypes.h>
#include <stdlib.h>

#define LABEL_MAX 200 /* bytes of who has a board */

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

/* ---- boards ---------------------------------------------------------------------------------- */

/* Of a board here, or of a server's as that server tells it. Strings are borrowed. */
struct row {
    const char *board, *server; /* NULL: it is here */
    bool held, away, quarantined, absent;
    int64_t waiting;
    const char *host, *user, *repository; /* who has it; NULL: not known */
};

struct rows {
    struct row *items;
    size_t count;
    cJSON **trees; /* own the strings of servers' boards */
    size_t tree_count;
};

static void add_here(struct rows *rows, const struct page_board *board)
{
    const struct standing *standing = &board->standing;

    if (!standing->conf)
        return;
    rows->items[rows->count++] = (struct row){.board = standing->conf->name,
                                              .held = standing->held,
                                              .quarantined = standing->quarantined,
                                              .absent = board->asked && !board->present,
                                              .waiting = (int64_t)standing->waiting,
                                              .host = standing->holder.host,
                                              .user = standing->holder.user,
                                              .repository = standing->holder.repository};
}

/* A holder without a host is on the server itself. */
static void add_there(struct rows *rows, const char *text)
{
    cJSON *json = cJSON_Parse(text);
    const cJSON *holder = cJSON_GetObjectItemCaseSensitive(json, "holder");
    const cJSON *quarantine = cJSON_GetObjectItemCaseSensitive(json, "quarantine");
    const char *server = json_get_string(json, "server", "");

    rows->trees[rows->tree_count++] = json;
    rows->items[rows->count++] =
        (struct row){.board = json_get_string(json, "name", ""),
                     .server = server,
                     .held = json_get_bool(json, "held", false),
                     .away = json_get_string(json, "away", NULL),
                     .quarantined = cJSON_IsObject(quarantine),
                     .waiting = json_get_int(json, "waiting", 0),
                     .host = json_get_string(holder, "host", server),
                     .user = json_get_string(holder, "user", NULL),
                     .repository = json_get_string(holder, "repository", NULL)};
}

static void find_rows(const struct page *page, struct rows *ret)
{
    const struct strv *there = &page->there.texts;
    size_t here = page->inventory.lab->count;

    *ret = (struct rows){.items = xcalloc(here + there->count, sizeof *ret->items),
                         .trees = xcalloc(there->count, sizeof(cJSON *))};
    for (size_t i = 0; i < here; i++)
        add_here(ret, &page->boards[i]);
    for (size_t i = 0; i < there->count; i++)
        add_there(ret, there->items[i]);
}

static void forget_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->tree_count; i++)
        cJSON_Delete(rows->trees[i]);
    free(rows->trees);
    free(rows->items);
}

/* In the order that the page has. */
static const char *state_of(const struct row *row)
{
    return row->held          ? "held"
           : row->away        ? "away"
           : row->quarantined ? "quarantine"
           : row->absent      ? "absent"
                              : "free";
}

static void put_states(const struct rows *rows, struct buf *out)
{
    static const char *const states[] = {"free", "held", "quarantine", "absent", "away"};

    head(out, "hil_boards", "gauge", "Boards of the lab and of its servers by state.");
    for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
        size_t count = 0;
        for (size_t i = 0; i < rows->count; i++)
            count += str_eq(state_of(&rows->items[i]), states[s]);
        buf_addf(out, "hil_boards{state=\"%s\"} %zu\n", states[s], count);
    }
}

static int64_t is_held(const struct row *row)
{
    return row->held;
}

static int64_t waiting(const struct row *row)
{
    return row->waiting;
}

static int64_t is_quarantined(const struct row *row)
{
    return row->quarantined;
}

/* Of a board whose server is away nothing is known. */
static void put_each(const struct rows *rows, struct buf *out)
{
    static const struct {
        const char *name, *help;
        int64_t (*of)(const struct row *row);
    } gauges[] = {
        {"hil_board_held", "Whether somebody has the board's lease.", is_held},
        {"hil_board_waiting", "Processes in the board's queue.", waiting},
        {"hil_board_quarantined", "Whether the board is set aside.", is_quarantined},
    };

    for (size_t g = 0; g < ARRAY_SIZE(gauges); g++) {
        head(out, gauges[g].name, "gauge", gauges[g].help);
        for (size_t i = 0; i < rows->count; i++) {
            if (rows->items[i].away)
                continue;
            buf_addf(out, "%s{board=\"", gauges[g].name);
            value(out, rows->items[i].board);
            buf_addf(out, "\"} %" PRId64 "\n", gauges[g].of(&rows->items[i]));
        }
    }
}

/* From a record that anybody on its host may write. */
static void put_label(struct buf *out, const char *name, const char *text)
{
    cleanup_free char *clean = text_clean_dup(text ? text : "", LABEL_MAX, TEXT_ONE_LINE);

    buf_addf(out, ",%s=\"", name);
    value(out, clean);
    buf_adds(out, "\"");
}

static void put_holders(const struct rows *rows, struct buf *out)
{
    head(out, "hil_board_holder", "gauge", "Who has the board's lease; no host: this one.");
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (!row->held)
            continue;
        buf_adds(out, "hil_board_holder{board=\"");
        value(out, row->board);
        buf_adds(out, "\"");
        put_label(out, "host", row->host);
        put_label(out, "user", row->user);
        put_label(out, "repository", row->repository);
        buf_adds(out, "} 1\n");
    }
}

/* A server whose boards are all away, or of which there are none, did not answer. */
static void put_servers(const struct page *page, const struct rows *rows, struct buf *out)
{
    const struct servers_conf *servers = &page->inventory.lab->servers;

    if (!page->there.told_unix_s)
        return;
    head(out, "hil_server_up", "gauge", "Whether the server told of its boards.");
    for (size_t s = 0; s < servers->count; s++) {
        bool up = false;
        for (size_t i = 0; i < rows->count; i++)
            up = up ||
                 (str_eq(rows->items[i].server, servers->items[s].name) && !rows->items[i].away);
        if (!servers->items[s].exec)
            buf_addf(out, "hil_server_up{server=\"%s\"} %d\n", servers->items[s].name, up);
    }
    head(out, "hil_servers_told_timestamp_seconds", "gauge",
         "When boards of servers were last told of.");
    buf_addf(out, "hil_servers_told_timestamp_seconds %" PRId64 "\n", page->there.told_unix_s);
}

static void put_boards(const struct page *page, struct buf *out)
{
    struct rows rows;

    find_rows(page, &rows);
    put_states(&rows, out);
    put_each(&rows, out);
    put_holders(&rows, out);
    put_servers(page, &rows, out);
    forget_rows(&rows);
}

/* ---- jobs and services ----------------------------------------------------------------------- */

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
