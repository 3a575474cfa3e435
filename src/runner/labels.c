/* SPDX-License-Identifier: MIT */
#include "runner/labels.h"

#include "base/buf.h"
#include "base/str.h"
#include "board/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define SWITCH_MS 10000 /* for a power driver to say whether it is on */
#define JOINED_MAX ((size_t)64 << 10)

/* ---- lists ----------------------------------------------------------------------------------- */

bool labels_have(const struct strv *list, const char *label)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcasecmp(list->items[i], label))
            return true;
    return false;
}

void labels_add(struct strv *list, const char *label)
{
    if (!labels_have(list, label))
        strv_add(list, label);
}

static bool within(const struct strv *a, const struct strv *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!labels_have(b, a->items[i]))
            return false;
    return true;
}

bool labels_same(const struct strv *a, const struct strv *b)
{
    return within(a, b) && within(b, a);
}

char *labels_join(const struct strv *labels, const char *between)
{
    struct buf out = BUF_INIT(JOINED_MAX);

    for (size_t i = 0; i < labels->count; i++)
        buf_addf(&out, "%s%s", i ? between : "", labels->items[i]);
    return buf_steal(&out);
}

int labels_check(const struct strv *labels, struct err *err)
{
    return labels->count <= LABELS_GITHUB_MAX
               ? 0
               : err_set(err, ERR_LIMIT,
                         "%zu labels, but GitHub gives a runner at most %d; leave some out of "
                         "lab.yaml",
                         labels->count, LABELS_GITHUB_MAX);
}

void labels_merge(const struct strv *current, const struct labels *labels, bool exact,
                  struct strv *ret)
{
    for (size_t i = 0; !exact && i < current->count; i++)
        if (!labels_have(&labels->managed, current->items[i]))
            labels_add(ret, current->items[i]);
    for (size_t i = 0; i < labels->given.count; i++)
        labels_add(ret, labels->given.items[i]);
}

/* ---- boards ---------------------------------------------------------------------------------- */

static void look_whether_there(const struct inventory *inventory, size_t i, const struct ctx *ctx,
                               struct label_board *ret)
{
    struct ctx wait = ctx_narrow(ctx, SWITCH_MS);
    struct holder holder;
    struct err err = {0};
    bool held = false;
    size_t waiting;

    lease_peek(inventory->runtime_dir, inventory->lab->name, ret->name, &held, &holder, &waiting,
               NULL);
    holder_done(&holder);
    ret->present = held || board_present(inventory->boards[i], &wait, &err) == 0;
    if (!ret->present)
        snprintf(ret->why, sizeof ret->why, "%s", err.message);
}

static void look_whether_well(const struct lab *lab, struct store *store,
                              const struct label_rules *rules, int64_t now_unix_s,
                              struct label_board *ret)
{
    struct store_quarantine quarantine;
    int64_t last = 0;
    unsigned streak = store && rules->infra_max
                          ? store_infra_streak(store, lab->name, ret->name, rules->infra_max, &last)
                          : 0;

    if (store && store_quarantined(store, lab->name, ret->name, &quarantine)) {
        ret->healthy = false;
        snprintf(ret->why, sizeof ret->why, "in quarantine: %s", quarantine.reason);
        return;
    }
    ret->healthy = !rules->infra_max || streak < rules->infra_max || now_unix_s < last ||
                   now_unix_s - last >= rules->retry_s;
    if (!ret->healthy && ret->present)
        snprintf(ret->why, sizeof ret->why,
                 "its last %u run%s ended as infra; it gets another chance in %" PRId64 " min",
                 streak, streak == 1 ? "" : "s", (rules->retry_s - (now_unix_s - last) + 59) / 60);
}

static void add_labels_of(const struct board_conf *conf, const struct label_rules *rules,
                          struct strv *ret)
{
    if (rules->names)
        labels_add(ret, conf->name);
    for (size_t i = 0; i < conf->labels.count; i++)
        labels_add(ret, conf->labels.items[i]);
}

void labels_look(const struct inventory *inventory, struct store *store,
                 const struct label_rules *rules, int64_t now_unix_s, const struct ctx *ctx,
                 struct labels *ret)
{
    const struct lab *lab = inventory->lab;

    *ret = (struct labels){.boards = xcalloc(lab->count, sizeof *ret->boards), .count = lab->count};
    labels_add(&ret->given, LABELS_OWN);
    for (size_t i = 0; rules->added && i < rules->added->count; i++)
        labels_add(&ret->given, rules->added->items[i]);
    for (size_t i = 0; i < ret->given.count; i++)
        labels_add(&ret->managed, ret->given.items[i]);
    for (size_t i = 0; i < lab->count; i++) {
        struct label_board *board = &ret->boards[i];
        board->name = lab->boards[i].name;
        look_whether_there(inventory, i, ctx, board);
        look_whether_well(lab, store, rules, now_unix_s, board);
        if (board->present && board->healthy)
            add_labels_of(&lab->boards[i], rules, &ret->given);
        /* With the names, given or not: --names may have been left out since. */
        labels_add(&ret->managed, board->name);
        add_labels_of(&lab->boards[i], rules, &ret->managed);
    }
}

void labels_done(struct labels *labels)
{
    free(labels->boards);
    strv_done(&labels->given);
    strv_done(&labels->managed);
    *labels = (struct labels){0};
}
