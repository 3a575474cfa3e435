/* SPDX-License-Identifier: MIT */
#include "store/flaky.h"

#include "base/fs.h"
#include "base/rows.h"
#include "base/str.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/history_options.h"
#include "cmd/lab_store.h"
#include "cmd/since.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SINCE_DEFAULT "30d"

static const struct opt_row rows[] = {
    {"board", 'b', "BOARD", "Only tests that are flaky on this board.", "Which tests"},
    {"test", 't', "NAME", "Only this test: NAME or SUITE.NAME, or a quoted pattern.", NULL},
    {"since", 's', "TIME", "Only results since: 7d, 12h, 2026-11-01 or '2026-11-01 14:00' (30d).",
     NULL},
    {"lab", 'l', "FILE", "Only what ran in this lab; without it, what ran in any lab of this user.",
     NULL},
    {"limit", 'n', "N", "At most so many tests, the flakiest.", NULL},
    CMD_ROW_JSON,
    {"csv", 0, NULL, "Write CSV: a row a test and board.", NULL},
    {0},
};

static const char *const examples[] = {"Which tests cannot be believed, and whose fault is it?",
                                       "hil flaky", "Is nucleo-3 to blame?",
                                       "hil flaky -b nucleo-3 -s 90d", NULL};

static const char *const see_also[] = {"history", "run", "boards", NULL};

struct request {
    struct history_filter filter;
    enum { TABLE, JSON, CSV } form;
    uint64_t limit; /* 0: all */
    const char *lab;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken = history_options_take(row, value, &request->filter, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    switch (row->letter) {
    case 'l':
        request->lab = value;
        return 0;
    case 'n':
        return str_to_u64(value, INT64_MAX, "--limit", &request->limit, err);
    }
    request->form = str_eq(row->name, "csv") ? CSV : JSON;
    return 0;
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void describe_count(struct rows *out, const struct flaky_count *count)
{
    rows_int(out, "runs", (int64_t)count->runs);
    rows_int(out, "failed", (int64_t)count->failed);
    rows_int(out, "pairs", (int64_t)count->pairs);
    rows_int(out, "flips", (int64_t)count->flips);
    rows_double(out, "rate", count->rate, 6);
    rows_double(out, "low", count->low, 6);
    rows_double(out, "high", count->high, 6);
}

/* `board` NULL: all of them together. */
static void describe_test(struct rows *out, const struct flaky_test *test,
                          const struct flaky_board *board)
{
    char text[ISO_TIME_SIZE];

    rows_string(out, "lab", test->lab);
    rows_string(out, "suite", test->suite);
    rows_string(out, "test", test->name);
    rows_bool(out, "whole_try", test->is_job);
    rows_string(out, "board", board ? board->board : NULL);
    describe_count(out, board ? &board->count : &test->count);
    rows_string(out, "blame", flaky_blame_name(test->blame));
    rows_bool(out, "stands_out", board && board->stands_out);
    rows_string(out, "last_failed", words_iso_time(test->last_us, text));
}

static void add_test(struct rows *out, const struct flaky_test *test,
                     const struct flaky_board *board)
{
    rows_row(out);
    describe_test(out, test, board);
    rows_row_end(out);
}

static void list_boards(struct rows *out, const struct flaky *found)
{
    rows_list(out, "boards");
    rows_list_rows(out);
    for (size_t i = 0; i < found->board_count; i++) {
        const struct flaky_board *board = &found->boards[i];
        rows_row(out);
        rows_string(out, "lab", board->lab);
        rows_string(out, "board", board->board);
        rows_int(out, "flaky_tests", (int64_t)board->tests);
        describe_count(out, &board->count);
        rows_bool(out, "stands_out", board->stands_out);
        rows_row_end(out);
    }
    rows_list_end(out);
}

static int write_rows(const struct flaky *found, enum rows_format format, struct err *err)
{
    struct rows out;

    rows_begin(&out, format, STDOUT_FILENO);
    rows_list(&out, "tests");
    describe_test(&out, &(struct flaky_test){0}, NULL);
    rows_list_rows(&out);
    for (size_t i = 0; i < found->test_count; i++) {
        const struct flaky_test *test = &found->tests[i];
        add_test(&out, test, NULL);
        for (size_t j = 0; j < test->board_count; j++)
            add_test(&out, test, &test->boards[j]);
    }
    rows_list_end(&out);
    if (format == ROWS_JSON)
        list_boards(&out, found);
    return rows_end(&out, err);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void add_line(struct term_table *table, enum term_style style, const char *test,
                     const char *board, const struct flaky_count *count, const char *whose)
{
    cleanup_free char *failed = xasprintf("%" PRIu64 "/%" PRIu64, count->failed, count->runs);
    cleanup_free char *flips = xasprintf("%" PRIu64 "/%" PRIu64, count->flips, count->pairs);
    cleanup_free char *rate = count->pairs ? xasprintf("%.0f %%", count->rate * 100) : xstrdup("-");
    cleanup_free char *interval =
        count->pairs ? xasprintf("%.0f-%.0f %%", count->low * 100, count->high * 100)
                     : xstrdup("-");

    term_table_row(table, style,
                   (const char *const[]){test, board, failed, flips, rate, interval, whose});
}

static char *whose(const struct flaky_test *test)
{
    cleanup_free char *names = xstrdup("");

    if (test->blame == FLAKY_TEST)
        return xstrdup("the test: it flips on several boards");
    if (test->board_count == 1)
        return xstrdup("cannot be told: it ran on one board only");
    if (test->blame == FLAKY_UNKNOWN)
        return xstrdup("cannot be told yet: too few runs on other boards");
    for (size_t i = 0; i < test->board_count; i++) {
        char *more;
        if (!test->boards[i].stands_out)
            continue;
        more = xasprintf("%s%s%s", names, *names ? ", " : "", test->boards[i].board);
        free_pointer(&names);
        names = more;
    }
    return xasprintf("the board: %s", names);
}

static void print_tests(const struct flaky *found, const struct term *term)
{
    struct term_table *table = term_table_new(7);

    term_table_row(
        table, TERM_DIM,
        (const char *const[]){"TEST", "BOARD", "FAILED", "FLIPS", "RATE", "95 %", "WHOSE FAULT"});
    for (size_t i = 0; i < found->test_count; i++) {
        const struct flaky_test *test = &found->tests[i];
        cleanup_free char *name = test->is_job   ? xasprintf("%s (no test to blame)", test->name)
                                  : *test->suite ? xasprintf("%s.%s", test->suite, test->name)
                                                 : xstrdup(test->name);
        cleanup_free char *fault = whose(test);
        add_line(table, TERM_BOLD, name, "all", &test->count, fault);
        for (size_t j = 0; j < test->board_count; j++)
            add_line(table, test->boards[j].stands_out ? TERM_RED : TERM_PLAIN, "",
                     test->boards[j].board, &test->boards[j].count, "");
    }
    term_table_print(table, term);
    term_table_free(table);
}

static void print_boards(const struct flaky *found, const struct term *term)
{
    struct term_table *table = term_table_new(7);

    term_table_row(table, TERM_DIM,
                   (const char *const[]){"", "BOARD", "FAILED", "FLIPS", "RATE", "95 %", ""});
    for (size_t i = 0; i < found->board_count; i++) {
        const struct flaky_board *board = &found->boards[i];
        cleanup_free char *words =
            xasprintf("%zu flaky test%s%s", board->tests, board->tests == 1 ? "" : "s",
                      board->stands_out ? "; it stands out" : "");
        add_line(table, board->stands_out ? TERM_RED : TERM_PLAIN, "", board->board, &board->count,
                 words);
    }
    printf("\nThese tests by board:\n\n");
    term_table_print(table, term);
    term_table_free(table);
}

static void print(const struct flaky *found)
{
    struct term term = term_open(stdout);

    if (!found->test_count) {
        puts("no test passed and failed on the same image and board");
        return;
    }
    print_tests(found, &term);
    if (found->board_count > 1)
        print_boards(found, &term);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int show(const struct request *request, struct err *err)
{
    cleanup_lab struct lab *lab = NULL;
    struct history_filter filter = request->filter;
    struct flaky found = {0};
    struct store *store = NULL;
    int rc = lab_store_open(request->lab, false, &lab, &store, err);

    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    filter.lab = lab && request->lab ? lab->name : NULL;
    rc = history_options_check(store, lab, &filter, err);
    if (rc == 0 && store)
        rc = flaky_find(store, &filter, &found, err);
    store_close(store);
    if (rc < 0)
        return rc;
    flaky_limit(&found, request->limit);
    if (request->form == TABLE)
        print(&found);
    else
        rc = write_rows(&found, request->form == CSV ? ROWS_CSV : ROWS_JSON, err);
    flaky_done(&found);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {.form = TABLE};
    struct err err = {0};
    int first, code;

    since_parse(SINCE_DEFAULT, &request.filter.since_us, NULL);
    if (!cmd_parse(&verb_flaky, argc, argv, take, &request, &first, &code))
        return code;
    if (first < argc)
        err_set(&err, ERR_USAGE, "'%s': flaky takes no operands; choose with --test and --board",
                argv[first]);
    if (err.code || show(&request, &err) < 0)
        return cmd_exit(app, cmd_fail(&verb_flaky, &err));
    return 0;
}

const struct opt_verb verb_flaky = {
    .name = "flaky",
    .operands = "",
    .summary = "tests that pass and fail on the same image, and whose fault that is",
    .description =
        "The same image on the same board should give the same result. Two results in a row of a "
        "test with one image on one board are a trial; where one passed and the other did not, it "
        "flipped. Retries count as results. Runs that the lab spoiled (infra) and skipped tests do "
        "not.\n\n"
        "The interval is Wilson's at 95 %: what the true rate may be, given so few trials. A board "
        "is to blame for a test where its interval lies wholly above that of all other boards "
        "together; a test is, where it flips on several boards and none of them stands out. Else "
        "it "
        "cannot be told yet: run it more often, on more boards (hil run --repeat).\n\n"
        "A run that failed with no test to blame, as one that crashed at boot, counts as a test "
        "that is called like its job.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
