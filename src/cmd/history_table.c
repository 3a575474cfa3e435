/* SPDX-License-Identifier: MIT */
#include "cmd/history_table.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define DIGEST_SHOWN 8
#define COMMIT_SHOWN 8

static enum term_style style_of(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? TERM_PLAIN : verdict == VERDICT_FAIL ? TERM_RED : TERM_YELLOW;
}

const char *history_or_dash(const char *text)
{
    return text && *text ? text : "-";
}

static char *cut(const char *text, size_t length)
{
    return text && *text ? xstrndup(text, length) : xstrdup("-");
}

char *history_case_name(const struct history_case *found)
{
    return *found->suite ? xasprintf("%s.%s", found->suite, found->name) : xstrdup(found->name);
}

static char *tests_of(const struct test_counts *counts)
{
    size_t ran = counts->total - counts->skip;

    return counts->total ? xasprintf("%zu/%zu%s", counts->pass, ran, counts->flaky ? " flaky" : "")
                         : xstrdup("-");
}

static char *verdict_of(const struct history_try *row)
{
    if (row->found)
        return xstrdup(case_result_name(row->found->result));
    if (row->open)
        return xstrdup("open");
    return row->last ? xstrdup(verdict_name(row->verdict))
                     : xasprintf("%s (try %u)", verdict_name(row->verdict), row->attempt);
}

/* Where it came from: a tag, a commit. */
static char *from_of(const struct history_try *row)
{
    if (row->golden)
        return xstrdup("golden");
    return row->tag ? xstrdup(row->tag) : cut(row->sha, COMMIT_SHOWN);
}

int history_table_add(void *arg, const struct history_try *row)
{
    struct term_table *table = arg;
    char when[STR_TIME_SIZE], took[32];
    int64_t took_us = row->found ? row->found->duration_us : row->took_us;
    enum verdict verdict = row->verdict;
    cleanup_free char *id =
        row->watch ? xasprintf("w%" PRId64, row->watch) : xasprintf("%" PRId64, row->run);
    cleanup_free char *test =
        row->found ? history_case_name(row->found) : xstrdup(history_or_dash(row->test));
    cleanup_free char *result = verdict_of(row);
    cleanup_free char *tests = row->found ? xstrdup("-") : tests_of(&row->counts);
    cleanup_free char *image = cut(row->image_sha256, DIGEST_SHOWN);
    cleanup_free char *from = from_of(row);

    if (row->found)
        verdict = row->found->result == CASE_PASS || row->found->result == CASE_SKIP ? VERDICT_PASS
                                                                                     : VERDICT_FAIL;
    term_table_row(table, style_of(verdict),
                   (const char *const[]){id, str_local_time(row->started_us / 1000000, when),
                                         history_or_dash(row->board), test, result, tests,
                                         took_us > 0 ? str_from_us(took_us, took) : "-", image,
                                         from, row->found || !row->reason ? "" : row->reason});
    return 0;
}

struct term_table *history_table(void)
{
    struct term_table *table = term_table_new(10);

    term_table_row(table, TERM_DIM,
                   (const char *const[]){"RUN", "WHEN", "BOARD", "TEST", "VERDICT", "TESTS", "TOOK",
                                         "IMAGE", "FROM", "REASON"});
    return table;
}

void history_table_print(struct term_table *table)
{
    struct term term = term_open(stdout);

    term_table_print(table, &term);
    term_table_free(table);
}
