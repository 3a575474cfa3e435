/* SPDX-License-Identifier: MIT */
#include "gate/decide.h"

#include "gate/bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHA_SHOWN 12

const char *red_kind_name(enum red_kind kind)
{
    static const char *const names[] = {
        [RED_COMMIT] = "commit",   [RED_BOARD] = "board", [RED_FAILURE] = "failure",
        [RED_EXPIRED] = "expired", [RED_TESTS] = "tests", [RED_BASELINE] = "baseline",
        [RED_FLAKY] = "flaky",     [RED_INFRA] = "infra"};

    return names[kind];
}

/* ---- whose reports these are ------------------------------------------------------------- */

static bool is_wanted(const char *sha, const char *const *commits)
{
    for (; sha && *commits; commits++)
        if (str_starts(sha, *commits)) /* which may be short */
            return true;
    return false;
}

/* Where nobody says which commit it must be, all must be of the same. */
static void check_commits(struct bench *bench)
{
    const struct reports *reports = bench->question->reports;
    const char *const *commits = bench->question->commits;
    const char *first = reports->files[0].origin.sha;

    for (size_t i = 0; i < reports->count; i++) {
        const struct report_file *file = &reports->files[i];
        const char *sha = file->origin.sha, *want = commits ? commits[0] : first;
        if (commits ? is_wanted(sha, commits) : str_eq(sha, first))
            continue;
        bench_red(bench, RED_COMMIT,
                  sha ? arena_printf(&bench->ruling->arena,
                                     "%s is a report of commit %.*s, not of %.*s", file->path,
                                     SHA_SHOWN, sha, SHA_SHOWN, want ? want : "none")
                      : arena_printf(&bench->ruling->arena,
                                     "%s does not say which commit it is of; it must be %.*s",
                                     file->path, SHA_SHOWN, want ? want : "none"));
    }
    for (size_t i = 0; i < reports->count; i++)
        if (reports->files[i].origin.dirty)
            bench_note(bench,
                       xasprintf("%s: files differed from the commit", reports->files[i].path));
}

/* ---- what must have passed --------------------------------------------------------------- */

/* One that has not passed has a red of its own already. */
static void check_selectors(struct bench *bench, const struct strv *selectors, const char *what)
{
    for (size_t s = 0; s < selectors->count; s++) {
        bool seen = false;
        for (size_t i = 0; i < bench->run->count && !seen; i++)
            seen = bench_is_board(bench->run->jobs[i], selectors->items[s]);
        if (!seen)
            bench_red(bench, RED_BOARD,
                      arena_printf(&bench->ruling->arena, "no report says anything of %s %s", what,
                                   selectors->items[s]));
    }
}

static void check_boards(struct bench *bench)
{
    check_selectors(bench, &bench->policy->boards, "board");
    check_selectors(bench, &bench->policy->labels, "a board with");
    bench->ruling->boards = bench->run->count;
    for (size_t i = 0; i < bench->run->count; i++)
        bench->ruling->boards_passed += bench->passed[i];
}

typedef bool case_fn(const struct job_result *job, const struct test_suite *suite,
                     const struct test_case *test_case, void *arg);

/* True where `fn` was true of a case. */
static bool any_case(const struct run_result *run, case_fn *fn, void *arg)
{
    for (size_t i = 0; i < run->count; i++)
        for (size_t s = 0; s < run->jobs[i]->suite_count; s++) {
            const struct test_suite *suite = &run->jobs[i]->suites[s];
            for (size_t c = 0; c < suite->count; c++)
                if (fn(run->jobs[i], suite, &suite->cases[c], arg))
                    return true;
        }
    return false;
}

static bool passed_like(const struct job_result *job, const struct test_suite *suite,
                        const struct test_case *test_case, void *arg)
{
    (void)job;
    return test_case->result == CASE_PASS && case_like(suite->name, test_case->name, arg);
}

static size_t ran(const struct run_result *run)
{
    struct test_counts counts = run_counts(run);

    return counts.total - counts.skip;
}

static void check_tests(struct bench *bench)
{
    const struct policy *policy = bench->policy;
    uint64_t minimum = policy->minimum ? policy->minimum : 1;

    bench->ruling->tests = ran(bench->run);
    if (bench->ruling->tests < minimum)
        bench_red(bench, RED_TESTS,
                  arena_printf(&bench->ruling->arena, "%zu test%s ran, at least %" PRIu64 " must",
                               bench->ruling->tests, bench->ruling->tests == 1 ? "" : "s",
                               minimum));
    for (size_t i = 0; i < policy->require.count; i++)
        if (!any_case(bench->run, passed_like, policy->require.items[i]))
            bench_red(bench, RED_TESTS,
                      arena_printf(&bench->ruling->arena, "no test that matches '%s' passed",
                                   policy->require.items[i]));
}

/* ---- no fewer than before ---------------------------------------------------------------- */

/* Each test once, on however many boards it ran: boards may change between releases. */
struct census {
    struct arena *arena;
    struct name_map names;
    struct strv *list;          /* in the order met; NULL: not wanted */
    const struct strv *without; /* patterns; NULL: none */
};

static bool count_case(const struct job_result *job, const struct test_suite *suite,
                       const struct test_case *test_case, void *arg)
{
    struct census *census = arg;
    const char *name = bench_test_name(census->arena, suite->name, test_case->name);
    struct name_slot *slot;

    (void)job;
    if (test_case->result == CASE_SKIP ||
        (census->without && bench_like_any(suite->name, test_case->name, census->without)))
        return false;
    slot = name_map_at(&census->names, name, strlen(name));
    if (!slot->value && census->list)
        strv_add(census->list, name);
    slot->value = 1;
    return false;
}

static void check_baseline(struct bench *bench)
{
    const struct gate_question *question = bench->question;
    struct arena *arena = &bench->ruling->arena;
    struct strv then = {0}, gone = {0};
    struct census now = {.arena = arena};
    struct census old = {.arena = arena, .list = &then, .without = &bench->policy->removed};

    if (!question->baseline)
        return;
    any_case(bench->run, count_case, &now);
    any_case(&question->baseline->run, count_case, &old);
    for (size_t i = 0; i < then.count; i++)
        if (!name_map_at(&now.names, then.items[i], strlen(then.items[i]))->value)
            strv_add(&gone, then.items[i]);
    if (gone.count)
        bench_red(bench, RED_BASELINE,
                  arena_printf(arena, "%zu test%s that ran for %s did not run: %s", gone.count,
                               gone.count == 1 ? "" : "s", question->baseline_name,
                               bench_list(arena, &gone)));
    name_map_done(&now.names);
    name_map_done(&old.names);
    strv_done(&then);
    strv_done(&gone);
}

/* ---- flaky ones -------------------------------------------------------------------------- */

static void check_flaky(struct bench *bench)
{
    const struct reports *reports = bench->question->reports;
    const struct policy *policy = bench->policy;
    struct arena *arena = &bench->ruling->arena;
    struct strv names = {0};

    for (size_t i = 0; i < reports->flaky_count; i++) {
        const struct flaky_case *flaky = &reports->flaky[i];
        const char *test = bench_test_name(arena, flaky->suite, flaky->name);
        cleanup_free char *where = xasprintf("%s on %s", test, flaky->job->board);
        strv_add(&names, where);
        if (policy->flaky_allow.count &&
            !bench_like_any(flaky->suite, flaky->name, &policy->flaky_allow)) {
            struct red *red =
                bench_red(bench, RED_FLAKY,
                          arena_printf(arena,
                                       "%s: %s failed before it passed, and is not among the flaky "
                                       "tests that are allowed",
                                       flaky->job->board, test));
            red->test = test;
            strv_add(&red->boards, flaky->job->board);
        }
    }
    if (policy->flaky_limited && names.count > policy->flaky_max)
        bench_red(bench, RED_FLAKY,
                  arena_printf(arena, "%zu flaky test%s, at most %" PRIu64 " may be: %s",
                               names.count, names.count == 1 ? "" : "s", policy->flaky_max,
                               bench_list(arena, &names)));
    else if (names.count)
        bench_note(bench, xasprintf("flaky: %s", bench_list(arena, &names)));
    strv_done(&names);
}

/* ------------------------------------------------------------------------------------------ */

/* By kind, each kind in the order found. */
static void sort_reds(struct ruling *ruling)
{
    struct red *sorted = xcalloc(ruling->count + 1, sizeof *sorted);
    size_t count = 0;

    for (enum red_kind kind = 0; kind < RED_KINDS; kind++)
        for (size_t i = 0; i < ruling->count; i++)
            if (ruling->reds[i].kind == kind)
                sorted[count++] = ruling->reds[i];
    free(ruling->reds);
    ruling->reds = sorted;
}

/* The lab's fault asks for another run, and what is missing may only be missing because of it. What
 * another run cannot take back is red whatever the lab did. */
static enum verdict verdict_of(const struct ruling *ruling, bool retry)
{
    size_t reds[RED_KINDS] = {0}, missing;

    for (size_t i = 0; i < ruling->count; i++)
        reds[ruling->reds[i].kind]++;
    missing = reds[RED_BOARD] + reds[RED_TESTS] + reds[RED_BASELINE] + reds[RED_INFRA];
    if (!ruling->count)
        return VERDICT_PASS;
    return retry && reds[RED_INFRA] && missing == ruling->count ? VERDICT_INFRA : VERDICT_FAIL;
}

void gate_decide(const struct policy *policy, const struct gate_question *question,
                 struct ruling *ret)
{
    const struct run_result *run = &question->reports->run;
    struct bench bench = {policy, question, run, ret, NULL, NULL, NULL};

    *ret = (struct ruling){.verdict = VERDICT_INFRA};
    bench.used = xcalloc(policy->quarantine_count + 1, sizeof *bench.used);
    bench.passed = xcalloc(run->count + 1, sizeof *bench.passed);
    bench.forgiven = xcalloc(run->count + 1, sizeof *bench.forgiven);
    if (question->reports->count)
        check_commits(&bench);
    bench_check_failures(&bench);
    check_boards(&bench);
    check_tests(&bench);
    check_baseline(&bench);
    check_flaky(&bench);
    sort_reds(ret);
    ret->verdict = verdict_of(ret, policy->infra == INFRA_RETRY);
    free(bench.used);
    free(bench.passed);
    free(bench.forgiven);
}

void ruling_done(struct ruling *ruling)
{
    for (size_t i = 0; i < ruling->count; i++)
        strv_done(&ruling->reds[i].boards);
    free(ruling->reds);
    strv_done(&ruling->notes);
    arena_done(&ruling->arena);
    *ruling = (struct ruling){0};
}
