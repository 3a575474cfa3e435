/* SPDX-License-Identifier: MIT */
#include "store/flaky.h"

#include "base/str.h"
#include "store/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define Z 1.959964 /* of 95 % */

/* The tries that count: parameters are the filter's. */
#define TRIES                                                                       \
    " WHERE (?1 IS NULL OR j.lab = ?1) AND (?2 IS NULL OR j.board = ?2)"            \
    " AND j.at_us >= ?3 AND (?4 = 0 OR j.at_us < ?4) AND (?5 = 0 OR j.run_id = ?5)" \
    " AND (?8 IS NULL OR j.test = ?8)"                                              \
    " AND j.verdict <> 'infra' AND j.image_sha256 IS NOT NULL AND j.board IS NOT NULL"

/* A test that is there several times in one try failed where one of them did. Tries that failed
 * with no test to blame have the name_id 0. */
static const char results_sql[] =
    "WITH results AS ("
    "  SELECT j.id AS job, j.lab AS lab, j.board AS board, j.image_sha256 AS image, j.at_us AS at,"
    "    c.name_id AS name_id, '' AS test, max(CASE WHEN c.result IN (1, 2) THEN 1 ELSE 0 END) AS "
    "bad"
    "  FROM jobs j JOIN cases c ON c.job_id = j.id" TRIES
    "    AND c.name_id IN (SELECT id FROM wanted) AND c.result <> 3 GROUP BY j.id, c.name_id"
    "  UNION ALL"
    "  SELECT j.id, j.lab, j.board, j.image_sha256, j.at_us, 0, ifnull(j.test, ''),"
    "    CASE j.verdict WHEN 'fail' THEN 1 ELSE 0 END FROM jobs j" TRIES
    "    AND (j.verdict = 'pass' OR j.failed + j.errors = 0)"
    "), trials AS ("
    "  SELECT *, lag(bad) OVER (PARTITION BY lab, name_id, test, board, image ORDER BY at, job)"
    "    AS before FROM results)"
    " SELECT t.lab, t.name_id, ifnull(n.suite, ''), ifnull(n.name, t.test), t.board, count(*),"
    "   sum(bad), count(before), count(*) FILTER (WHERE before <> bad), max(at * bad)"
    " FROM trials t LEFT JOIN names n ON n.id = t.name_id"
    " GROUP BY t.lab, t.name_id, t.test, t.board, n.suite, n.name ORDER BY t.lab, t.name_id, "
    "t.test, t.board";

static const char wanted_sql[] =
    "INSERT INTO wanted"
    " SELECT c.name_id FROM jobs j JOIN cases c ON c.job_id = j.id" TRIES
    "   AND j.failed + j.errors > 0 AND c.result IN (1, 2) ON CONFLICT DO NOTHING";

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

static void add(struct flaky_count *to, const struct flaky_count *count)
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
    for (size_t i = 0; i < test->board_count; i++)
        flipped += test->boards[i].count.flips > 0;
    if (compare(test->boards, test->board_count, &test->count))
        test->blame = FLAKY_BOARD;
    else
        test->blame = flipped > 1 ? FLAKY_TEST : FLAKY_UNKNOWN;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    const char *pattern;
    struct flaky *ret;
    int64_t name_id; /* of the last test */
};

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

/* The test of the row, which is the last one or a new one: rows are in their order. */
static struct flaky_test *test_of(struct reading *reading, struct statement *row)
{
    struct flaky *ret = reading->ret;
    struct flaky_test *last = ret->test_count ? &ret->tests[ret->test_count - 1] : NULL;
    int64_t name_id = statement_int(row, 1);

    if (last && reading->name_id == name_id && str_eq(last->lab, query_text(row, 0)) &&
        str_eq(last->name, query_text(row, 3)))
        return last;
    reading->name_id = name_id;
    ret->tests = xrealloc(ret->tests, ret->test_count + 1, sizeof *ret->tests);
    last = &ret->tests[ret->test_count++];
    *last = (struct flaky_test){.lab = xstrdup(query_text(row, 0)),
                                .suite = xstrdup(query_text(row, 2)),
                                .name = xstrdup(query_text(row, 3)),
                                .is_job = !name_id};
    return last;
}

static int take(void *arg, struct statement *row)
{
    struct reading *reading = arg;
    struct flaky_board board = {.count = {.runs = query_size(row, 5),
                                          .failed = query_size(row, 6),
                                          .pairs = query_size(row, 7),
                                          .flips = query_size(row, 8)}};
    int64_t last_us = statement_int(row, 9);
    struct flaky_test *test;

    if (reading->pattern && !case_like(query_text(row, 2), query_text(row, 3), reading->pattern))
        return 0;
    test = test_of(reading, row);
    board.lab = xstrdup(query_text(row, 0));
    board.board = xstrdup(query_text(row, 4));
    board.tests = board.count.flips > 0;
    add(&test->count, &board.count);
    test->last_us = last_us > test->last_us ? last_us : test->last_us;
    test->boards = xrealloc(test->boards, test->board_count + 1, sizeof *test->boards);
    test->boards[test->board_count++] = board;
    return 0;
}

static int read_all(struct store *store, const struct history_filter *filter, struct flaky *ret,
                    struct err *err)
{
    cleanup_statement struct statement *wanted = NULL, *results = NULL;
    int rc = query_want(store, NULL, err);

    if (rc == 0)
        rc = db_prepare(store->db, wanted_sql, &wanted, err);
    if (rc < 0)
        return rc;
    query_bind(wanted, filter);
    rc = statement_step(wanted, err);
    if (rc == 0)
        rc = db_prepare(store->db, results_sql, &results, err);
    if (rc < 0)
        return rc;
    query_bind(results, filter);
    return query_each(results, take, &(struct reading){filter->test, ret, 0}, err);
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

    return order ? order : strcmp(left->name, right->name);
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
        add(&all, &test->count);
        for (size_t j = 0; j < test->board_count; j++) {
            struct flaky_board *sum = sum_of(flaky, &test->boards[j]);
            add(&sum->count, &test->boards[j].count);
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
    rc = read_all(store, &all, ret, err);
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
        "  FROM jobs j" TRIES ") AS counted WHERE count > ?9";
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
