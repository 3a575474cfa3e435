/* SPDX-License-Identifier: MIT
 *
 * What the store says of the boards: asked for as a whole, and shown until it says something else.
 */
#include "serve/page/page_state.h"

#include "store/charts.h"
#include "store/watched.h"

#include <stdlib.h>
#include <string.h>

#define TOTALS_MAX ((size_t)2 << 20)

struct about {                /* a board */
    struct standing standing; /* of which the store knows; conf and drivers are not filled */
    char *reason;
};

struct remembered {
    struct question question;
    char *lab, *runtime_dir;
    struct strv names;
    struct about *boards; /* as many */
    struct leases_row *leases;
    size_t lease_count;
    struct page_totals totals;
};

/* ---- on the thread --------------------------------------------------------------------------- */

static void ask_about(struct store *store, const char *lab, const char *name, struct about *about)
{
    struct standing *known = &about->standing;
    struct store_job job;

    known->quarantined = store_quarantined(store, lab, name, &known->quarantine);
    known->has_last = store_last(store, lab, name, &known->last);
    if (known->has_last && store_last_job(store, lab, name, 0, &job)) {
        about->reason = xstrdup(job.reason);
        store_job_done(&job);
    }
}

static void hold_back(struct remembered *all, const struct strv *boards, const struct strv *reasons)
{
    for (size_t i = 0; i < all->names.count; i++)
        for (size_t k = 0; k < boards->count && !all->boards[i].standing.held_back; k++)
            if (str_eq(boards->items[k], all->names.items[i]))
                all->boards[i].standing.held_back = xstrdup(reasons->items[k]);
}

static int ask(struct question *question, struct store *store, struct err *err)
{
    struct remembered *all = (struct remembered *)question;
    cleanup_strv struct strv held_back = {0}, reasons = {0};
    int rc;

    if (!store)
        return 0;
    rc = claims_look(store, all->lab, all->runtime_dir, &all->leases, &all->lease_count, err);
    if (rc == 0)
        rc = history_totals(store, all->lab, page_metrics_total, &all->totals, err);
    for (size_t i = 0; rc == 0 && !store_trouble(store) && i < all->names.count; i++)
        ask_about(store, all->lab, all->names.items[i], &all->boards[i]);
    if (rc < 0)
        return rc;
    store_watched_aside(store, all->lab, &held_back, &reasons);
    hold_back(all, &held_back, &reasons);
    return 0;
}

static void forget(struct question *question)
{
    struct remembered *all = (struct remembered *)question;

    for (size_t i = 0; i < all->names.count; i++) {
        standing_done(&all->boards[i].standing);
        free(all->boards[i].reason);
    }
    strv_done(&all->names);
    leases_rows_free(all->leases, all->lease_count);
    buf_done(&all->totals.jobs);
    buf_done(&all->totals.seconds);
    free(all->boards);
    free(all->lab);
    free(all->runtime_dir);
    free(all);
}

/* ---- on the loop ----------------------------------------------------------------------------- */

void page_ask_store(struct page *page)
{
    const struct lab *lab = page->inventory.lab;
    struct remembered *all = xcalloc(1, sizeof *all);

    all->question = (struct question){
        .ask = ask, .free = forget, .url = xstrdup(lab->store.url), .first = true};
    all->lab = xstrdup(lab->name);
    all->runtime_dir = xstrdup(page->inventory.runtime_dir);
    all->boards = xcalloc(lab->count, sizeof *all->boards);
    all->totals = (struct page_totals){BUF_INIT(TOTALS_MAX), BUF_INIT(TOTALS_MAX)};
    for (size_t i = 0; i < lab->count; i++)
        strv_add(&all->names, lab->boards[i].name);
    page->store.asking = &all->question;
    asker_put(page->asker, &all->question);
}

static void swap_texts(char **a, char **b)
{
    char *text = *a;

    *a = *b;
    *b = text;
}

static void take_about(struct page_board *board, struct about *about)
{
    struct standing *known = &about->standing;

    board->standing.has_last = known->has_last;
    board->standing.last = known->last;
    board->standing.quarantined = known->quarantined;
    board->standing.quarantine = known->quarantine;
    swap_texts(&board->standing.held_back, &known->held_back);
    swap_texts(&board->reason, &about->reason);
}

static void take_all(struct page *page, struct remembered *all)
{
    const struct page_totals totals = page->store.totals;

    for (size_t i = 0; i < all->names.count; i++) {
        struct page_board *board = page_board(page, all->names.items[i]);
        if (board)
            take_about(board, &all->boards[i]);
    }
    leases_rows_free(page->store.leases, page->store.lease_count);
    page->store.leases = all->leases;
    page->store.lease_count = all->lease_count;
    all->leases = NULL;
    all->lease_count = 0;
    page->store.totals = all->totals;
    all->totals = totals;
}

/* For people, as often as it changes. */
static void tell_state(struct page *page, const char *why)
{
    if (why && !page->store.why)
        page_tell(page, JOURNAL_WARNING,
                  "last verdicts and quarantine are shown as they were, as the store does not "
                  "answer: %s",
                  why);
    else if (!why && page->store.why)
        page_tell(page, JOURNAL_INFO, "the store answers again");
    free(page->store.why);
    page->store.why = xstrdup(why);
}

/* A file is read again at once, a server after a while. */
static void try_again(struct page_store *store)
{
    memset(store->seen, 0, sizeof store->seen);
    store->asked_ns = ctx_now_ns();
}

static void take(struct page *page, struct remembered *all)
{
    const struct question *question = &all->question;

    page->store.asking = NULL;
    page->store.answers++;
    if (!str_eq(all->lab, page->inventory.lab->name))
        return; /* lab.yaml was read again meanwhile */
    tell_state(page, question->rc < 0 ? question->err.message : NULL);
    if (question->rc == 0)
        take_all(page, all);
    else
        try_again(&page->store);
    page_look_again(page);
}

void page_take_answers(struct page *page)
{
    struct question *question;

    while ((question = asker_take(page->asker))) {
        if (question != page->store.asking) {
            page_history_take(question);
            continue;
        }
        take(page, (struct remembered *)question);
        question_free(question);
    }
}

void page_forget_store(struct page *page)
{
    struct page_store *store = &page->store;

    leases_rows_free(store->leases, store->lease_count);
    store->leases = NULL;
    store->lease_count = 0;
    buf_done(&store->totals.jobs);
    buf_done(&store->totals.seconds);
    memset(store->seen, 0, sizeof store->seen);
    store->asked_ns = 0;
}
