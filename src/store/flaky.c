/* SPDX-License-Identifier: MIT */
#include "store/flaky.h"

#include "base/str.h"
#include "store/flaky_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define Z 1.959964 /* of 95 % */

const char *flaky_blame_name(enum flaky_blame blame)
{
    static const char *const names[] = {
        [FLAKY_UNKNOWN] = "unknown", [FLAKY_TEST] = "test", [FLAKY_BOARD] = "board"};

    return names[blame];
}

/* ---- the statistic --------------------------------------------------------------------------- */

void flaky_interval(uint64_t hits, uint64_t trials, double *ret_low, double *ret_high)
{
    double n = (double)trials, p = n > 0 ? (double)hits / n : 0;
    double scale = n > 0 ? 1 + Z * Z / n : 1, middle, half;

    *ret_low = 0;
    *ret_high = 1;
    if (!trials)
        return;
    middle = (p + Z * Z / (2 * n)) / scale;
    half = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / scale;
    if (hits)
        *ret_low = middle - half;
    if (hits < trials)
        *ret_high = middle + half;
}

static void settle(struct flaky_count *count)
{
    count->rate = count->pairs ? (double)count->flips / (double)count->pairs : 0;
    flaky_interval(count->flips, count->pairs, &count->low, &count->high);
}

void flaky_add(struct flaky_count *to, const struct flaky_count *count)
{
    to->runs += count->runs;
    to->failed += count->failed;
    to->pairs += count->pairs;
    to->flips += count->flips;
}

/* Says of each board whether it stands out from the others together; how many do. */
static size_t compare(struct flaky_board *boards, size_t count, const struct flaky_count *all)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        struct flaky_count *one = &boards[i].count;
        uint64_t pairs = all->pairs - one->pairs, flips = all->flips - one->flips;
        double low, high;
        settle(one);
        flaky_interval(flips, pairs, &low, &high);
        boards[i].stands_out = pairs && one->low > high;
        found += boards[i].stands_out;
    }
    return found;
}

static void judge(struct flaky_test *test)
{
    size_t flipped = 0;

    settle(&test->count);
    for (size_t i = 0; i < test->board_count; i++) {
        test->boards[i].tests = test->boards[i].count.flips > 0;
        flipped += test->boards[i].tests;
    }
    if (compare(test->boards, test->board_count, &test->count))
        test->blame = FLAKY_BOARD;
    else
        test->blame = flipped > 1 ? FLAKY_TEST : FLAKY_UNKNOWN;
}

/* ---- freeing --------------------------------------------------------------------------------- */

static void board_done(struct flaky_board *board)
{
    free(board->lab);
    free(board->board);
}

static void test_done(struct flaky_test *test)
{
    for (size_t i = 0; i < test->board_count; i++)
        board_done(&test->boards[i]);
    free(test->boards);
    free(test->lab);
    free(test->suite);
    free(test->name);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int by_rate(double a_low, double a_rate, double b_low, double b_rate)
{
    if (a_low != b_low)
        return a_low < b_low ? 1 : -1;
    return (a_rate < b_rate) - (a_rate > b_rate);
}

static int order_boards(const void *a, const void *b)
{
    const struct flaky_board *left = a, *right = b;
    int order = by_rate(left->count.low, left->count.rate, right->count.low, right->count.rate);

    return order ? order : strcmp(left->board, right->board);
}

static int order_tests(const void *a, const void *b)
{
    const struct flaky_test *left = a, *right = b;
    int order = by_rate(left->count.low, left->count.rate, right->count.low, right->count.rate);

    if (!order)
        order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->lab ? left->lab : "", right->lab ? right->lab : "");
}

static struct flaky_board *sum_of(struct flaky *flaky, const struct flaky_board *board)
{
    struct flaky_board *new;

    for (size_t i = 0; i < flaky->board_count; i++)
        if (str_eq(flaky->boards[i].board, board->board) &&
            str_eq(flaky->boards[i].lab, board->lab))
            return &flaky->boards[i];
    flaky->boards = xrealloc(flaky->boards, flaky->board_count + 1, sizeof *flaky->boards);
    new = &flaky->boards[flaky->board_count++];
    *new = (struct flaky_board){.lab = xstrdup(board->lab), .board = xstrdup(board->board)};
    return new;
}

static void add_up(struct flaky *flaky)
{
    struct flaky_count all = {0};

    for (size_t i = 0; i < flaky->test_count; i++) {
        const struct flaky_test *test = &flaky->tests[i];
        flaky_add(&all, &test->count);
        for (size_t j = 0; j < test->board_count; j++) {
            struct flaky_board *sum = sum_of(flaky, &test->boards[j]);
            flaky_add(&sum->count, &test->boards[j].count);
            sum->tests += test->boards[j].tests;
        }
    }
    compare(flaky->boards, flaky->board_count, &all);
}

static bool flips_on(const struct flaky_test *test, const char *board)
{
    for (size_t i = 0; i < test->board_count; i++)
        if (test->boards[i].count.flips && (!board || str_eq(test->boards[i].board, board)))
            return true;
    return false;
}

/* A board is told from the others, so all of them were read. */
static void keep(struct flaky *flaky, const char *board)
{
    size_t kept = 0;

    for (size_t i = 0; i < flaky->test_count; i++) {
        struct flaky_test *test = &flaky->tests[i];
        if (flips_on(test, board))
            flaky->tests[kept++] = *test;
        else
            test_done(test);
    }
    flaky->test_count = kept;
}

int flaky_find(struct store *store, const struct history_filter *filter, struct flaky *ret,
               struct err *err)
{
    struct history_filter all = *filter;
    int rc = db_begin(store->db, DB_READS, err);

    *ret = (struct flaky){0};
    if (rc < 0)
        return rc;
    all.board = NULL;
    rc = flaky_read(store, &all, ret, err);
    db_end(store->db, -1, NULL); /* nothing was written */
    if (rc < 0) {
        flaky_done(ret);
        return rc;
    }
    keep(ret, filter->board);
    for (size_t i = 0; i < ret->test_count; i++)
        judge(&ret->tests[i]);
    add_up(ret);
    for (size_t i = 0; i < ret->test_count; i++)
        qsort(ret->tests[i].boards, ret->tests[i].board_count, sizeof *ret->tests->boards,
              order_boards);
    if (ret->test_count)
        qsort(ret->tests, ret->test_count, sizeof *ret->tests, order_tests);
    if (ret->board_count)
        qsort(ret->boards, ret->board_count, sizeof *ret->boards, order_boards);
    return 0;
}

int flaky_since(struct store *store, const struct history_filter *filter, uint64_t most,
                int64_t *ret_us, struct err *err)
{
    static const char sql[] =
        "SELECT max(at_us) FROM (SELECT j.at_us AS at_us,"
        "  sum(1 + j.passed + j.failed + j.errors) OVER (ORDER BY j.at_us DESC, j.id DESC) AS count"
        "  FROM jobs j" FLAKY_TRIES ") AS counted WHERE count > ?9";
    struct history_filter all = *filter;
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db, sql, &statement, err);

    if (rc < 0)
        return rc;
    all.board = NULL; /* as flaky_find() reads */
    query_bind(statement, &all);
    statement_bind_int(statement, 9, (int64_t)most);
    rc = statement_step(statement, err);
    if (rc < 0)
        return rc;
    *ret_us = statement_null(statement, 0) ? filter->since_us : statement_int(statement, 0) + 1;
    return 0;
}

void flaky_limit(struct flaky *flaky, size_t tests)
{
    while (tests && flaky->test_count > tests)
        test_done(&flaky->tests[--flaky->test_count]);
}

void flaky_done(struct flaky *flaky)
{
    for (size_t i = 0; i < flaky->test_count; i++)
        test_done(&flaky->tests[i]);
    for (size_t i = 0; i < flaky->board_count; i++)
        board_done(&flaky->boards[i]);
    free(flaky->tests);
    free(flaky->boards);
    *flaky = (struct flaky){0};
}
