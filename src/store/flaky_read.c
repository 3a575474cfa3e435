/* SPDX-License-Identifier: MIT */
#include "store/flaky_read.h"

#include "base/arena.h"
#include "base/str.h"
#include "result/name_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tests that failed at least once. */
static const char wanted_sql[] =
    "INSERT INTO wanted"
    " SELECT c.name_id FROM jobs j JOIN cases c ON c.job_id = j.id" FLAKY_TRIES
    "   AND j.failed + j.errors > 0 AND c.result IN (1, 2) ON CONFLICT DO NOTHING";

/* Tries in the order of time, and of each what its tests came to, twice the number of the name, and
 * one more where it failed. An index gives the one order and the other key the rest, so that
 * nothing is sorted; a server sends a line a try, and counts are made here: windows over as many
 * rows as there are results take either engine ten times as long. */
static const char tries_sql[] =
    "SELECT j.id, j.lab, j.board, j.image_sha256, j.at_us, ifnull(j.test, ''),"
    "  CASE j.verdict WHEN 'fail' THEN 1 ELSE 0 END,"
    "  CASE WHEN j.verdict = 'pass' OR j.failed + j.errors = 0 THEN 1 ELSE 0 END"
    " FROM jobs j" FLAKY_TRIES " ORDER BY j.at_us, j.id";
static const char results_sql[] =
    "SELECT j.id, group_concat(CAST(c.name_id * 2"
    "  + CASE WHEN c.result IN (1, 2) THEN 1 ELSE 0 END AS TEXT), ' ')"
    " FROM jobs j JOIN cases c ON c.job_id = j.id" FLAKY_TRIES
    "   AND c.name_id IN (SELECT id FROM wanted) AND c.result <> 3"
    " GROUP BY j.at_us, j.id ORDER BY j.at_us, j.id";

struct name {
    int64_t id;
    const char *suite, *name;
};

/* One test with one image on one board: where it is counted, and its last result. */
struct sequence {
    size_t test, board;
    int64_t job; /* 0: none yet */
    bool bad, before, pair;
};

struct
try {
    size_t group; /* the same board with the same image */
    const char *lab, *board, *image, *test;
    int64_t job, at_us;
};

struct reading {
    struct flaky *ret;
    const char *pattern;
    struct arena arena;
    struct name *names; /* that are wanted, by id */
    size_t name_count;
    struct name_map groups, tests, sequences_by;
    struct sequence *sequences;
    size_t sequence_count, sequence_room;
};

static void reading_done(struct reading *reading)
{
    name_map_done(&reading->groups);
    name_map_done(&reading->tests);
    name_map_done(&reading->sequences_by);
    free(reading->names);
    free(reading->sequences);
    arena_done(&reading->arena);
}

/* The number of these bytes, from 1 on; *ret_new: it was not there yet. */
static size_t number_of(struct reading *reading, struct name_map *map, const void *bytes,
                        size_t count, bool *ret_new)
{
    struct name_slot *slot = name_map_at(map, bytes, count);

    *ret_new = !slot->value;
    if (!slot->value) {
        slot->name = memcpy(arena_alloc(&reading->arena, count), bytes, count);
        slot->value = map->count;
    }
    return slot->value;
}

static size_t group_of(struct reading *reading, const struct try *try)
{
    cleanup_free char *key = /* no text here has more than one line */
        xasprintf("%s\n%s\n%s", try->lab ? try->lab : "", try->board, try->image);
    bool is_new;

    return number_of(reading, &reading->groups, key, strlen(key), &is_new);
}

static size_t test_of(struct reading *reading, const struct try *try, const struct name *name)
{
    const char *lab = try->lab ? try->lab : "";
    cleanup_free char *key =
        name ? xasprintf("%" PRId64 "\n%s", name->id, lab) : xasprintf("\n%s\n%s", try->test, lab);
    struct flaky *ret = reading->ret;
    bool is_new;
    size_t number = number_of(reading, &reading->tests, key, strlen(key), &is_new);

    if (!is_new)
        return number - 1;
    ret->tests = xrealloc(ret->tests, ret->test_count + 1, sizeof *ret->tests);
    ret->tests[ret->test_count++] =
        (struct flaky_test){.lab = xstrdup(try->lab),
                            .suite = xstrdup(name ? name->suite : ""),
                            .name = xstrdup(name ? name->name : try->test),
                            .is_job = !name};
    return number - 1;
}

static size_t board_of(struct reading *reading, size_t at, const struct try *try)
{
    struct flaky_test *test = &reading->ret->tests[at];

    for (size_t i = 0; i < test->board_count; i++)
        if (str_eq(test->boards[i].board, try->board))
            return i;
    test->boards = xrealloc(test->boards, test->board_count + 1, sizeof *test->boards);
    test->boards[test->board_count] =
        (struct flaky_board){.lab = xstrdup(try->lab), .board = xstrdup(try->board)};
    return test->board_count++;
}

static struct sequence *sequence_of(struct reading *reading, const struct try *try,
                                    const struct name *name)
{
    struct {
        size_t group, name;
        uint64_t job_test;
    } key = {try->group, name ? (size_t)(name - reading->names) + 1 : 0, 0};
    struct sequence *new;
    bool is_new;
    size_t number, test;

    if (!name) {
        test = test_of(reading, try, NULL);
        key.job_test = test + 1;
    }
    number = number_of(reading, &reading->sequences_by, &key, sizeof key, &is_new);
    if (!is_new)
        return &reading->sequences[number - 1];
    if (reading->sequence_count == reading->sequence_room) {
        reading->sequence_room = reading->sequence_room ? reading->sequence_room * 2 : 256;
        reading->sequences =
            xrealloc(reading->sequences, reading->sequence_room, sizeof *reading->sequences);
    }
    if (name)
        test = test_of(reading, try, name);
    new = &reading->sequences[reading->sequence_count++];
    *new = (struct sequence){.test = test, .board = board_of(reading, test, try)};
    return new;
}

/* ---- counting -------------------------------------------------------------------------------- */

/* What one result changes. One that is there several times in one try failed where one of them did:
 * then `back` takes the better one away first. */
static void count(struct flaky_count *to, const struct sequence *last, bool back)
{
    uint64_t one = back ? (uint64_t)-1 : 1;

    to->runs += one;
    to->failed += last->bad ? one : 0;
    to->pairs += last->pair ? one : 0;
    to->flips += last->pair && last->before != last->bad ? one : 0;
}

static void take_result(struct reading *reading, const struct try *try, const struct name *name,
                        bool bad)
{
    struct sequence *last = sequence_of(reading, try, name);
    struct flaky_test *test = &reading->ret->tests[last->test];
    struct flaky_count change = {0};

    if (last->job != try->job) {
        last->pair = last->job != 0;
        last->before = last->bad;
        last->job = try->job;
    } else if (bad && !last->bad) {
        count(&change, last, true);
    } else {
        return;
    }
    last->bad = bad;
    count(&change, last, false);
    flaky_add(&test->boards[last->board].count, &change);
    flaky_add(&test->count, &change);
    if (bad && try->at_us > test->last_us)
        test->last_us = try->at_us;
}

static int compare_ids(const void *id, const void *name)
{
    int64_t left = *(const int64_t *)id, right = ((const struct name *)name)->id;

    return (left > right) - (left < right);
}

static const struct name *find_name(const struct reading *reading, int64_t id)
{
    return !reading->name_count ? NULL
                                : bsearch(&id, reading->names, reading->name_count,
                                          sizeof *reading->names, compare_ids);
}

/* "24 27 36" */
static void take_results(struct reading *reading, const struct try *try, const char *text)
{
    char *end;

    for (int64_t value = strtoll(text, &end, 10); end != text; value = strtoll(text, &end, 10)) {
        int64_t id = value / 2;
        const struct name *name = find_name(reading, id);
        if (name)
            take_result(reading, try, name, value % 2);
        text = end;
    }
}

/* A try that failed with no test to blame is a test of its own. */
static struct try take_try(struct reading *reading, struct statement *row)
{
    struct try try = {.job = statement_int(row, 0),
                      .lab = query_text(row, 1),
                      .board = query_text(row, 2),
                      .image = query_text(row, 3),
                      .at_us = statement_int(row, 4),
                      .test = query_text(row, 5)};

    try.group = group_of(reading, &try);
    if (statement_int(row, 7) && (!reading->pattern || case_like("", try.test, reading->pattern)))
        take_result(reading, &try, NULL, statement_int(row, 6));
    return try;
}

/* Both in the same order; not every try has results. */
static int take_all(struct reading *reading, struct statement *tries, struct statement *results,
                    struct err *err)
{
    int more = statement_step(results, err), rc = more < 0 ? more : 0;

    while (rc >= 0 && (rc = statement_step(tries, err)) == 1) {
        struct try try = take_try(reading, tries);
        if (more != 1 || statement_int(results, 0) != try.job)
            continue;
        take_results(reading, &try, statement_text(results, 1));
        more = statement_step(results, err);
        rc = more < 0 ? more : 1;
    }
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int take_name(void *arg, struct statement *row)
{
    struct reading *reading = arg;
    const char *suite = query_text(row, 1), *name = query_text(row, 2);

    if (reading->pattern && !case_like(suite, name, reading->pattern))
        return 0;
    reading->names = xrealloc(reading->names, reading->name_count + 1, sizeof *reading->names);
    reading->names[reading->name_count++] =
        (struct name){statement_int(row, 0), arena_strdup(&reading->arena, suite),
                      arena_strdup(&reading->arena, name)};
    return 0;
}

static int prepare(struct store *store, const struct history_filter *filter, const char *sql,
                   struct statement **ret, struct err *err)
{
    int rc = db_prepare(store->db, sql, ret, err);

    if (rc == 0)
        query_bind(*ret, filter);
    return rc;
}

/* How many there are decides how a server looks for their results, so it is told. */
static int find_wanted(struct store *store, const struct history_filter *filter, struct err *err)
{
    cleanup_statement struct statement *wanted = NULL;
    int rc = query_want(store, NULL, err);

    if (rc == 0)
        rc = prepare(store, filter, wanted_sql, &wanted, err);
    if (rc == 0)
        rc = statement_step(wanted, err);
    return rc < 0 ? rc : db_execute(store->db, "ANALYZE wanted", err);
}

int flaky_read(struct store *store, const struct history_filter *filter, struct flaky *ret,
               struct err *err)
{
    struct reading reading
        __attribute__((cleanup(reading_done))) = {.ret = ret, .pattern = filter->test};
    cleanup_statement struct statement *names = NULL, *tries = NULL, *results = NULL;
    int rc = find_wanted(store, filter, err);

    if (rc == 0)
        rc = db_prepare(store->db,
                        "SELECT id, suite, name FROM names WHERE id IN (SELECT id FROM wanted)"
                        " ORDER BY id",
                        &names, err);
    if (rc == 0)
        rc = query_each(names, take_name, &reading, err);
    if (rc == 0)
        rc = prepare(store, filter, tries_sql, &tries, err);
    if (rc == 0)
        rc = prepare(store, filter, results_sql, &results, err);
    return rc < 0 ? rc : take_all(&reading, tries, results, err);
}
