/* SPDX-License-Identifier: MIT */
/* What failed: whether it counts, or is in quarantine. */
#include "gate/bench.h"

#include "report/failures.h"
#include "report/place.h"

#include <inttypes.h>
#include <string.h>

/* The quarantine that a failure falls under; NULL: none. One that still counts is preferred. */
static const struct quarantine *quarantine_of(struct bench *bench, const struct sighting *seen)
{
    const struct policy *policy = bench->policy;
    const struct quarantine *found = NULL;

    for (size_t i = 0; i < policy->quarantine_count; i++) {
        const struct quarantine *at = &policy->quarantine[i];
        bool here = !at->boards.count;
        for (size_t b = 0; b < at->boards.count && !here; b++)
            here = bench_is_board(seen->job, at->boards.items[b]);
        if (!here || !case_like(seen->suite->name, seen->test_case->name, at->test))
            continue;
        bench->used[i] = true;
        if (!found || strcmp(at->until, found->until) > 0)
            found = at;
    }
    return found;
}

static bool is_over(const struct bench *bench, const struct quarantine *quarantine)
{
    return strcmp(bench->question->today, quarantine->until) > 0;
}

/* Sightings of one failure that come to the same. */
struct share {
    struct strv boards;
    const struct quarantine *quarantine;
};

static const char *place_of(struct bench *bench, const struct test_case *test_case)
{
    const char *file = test_case ? case_file(test_case) : NULL;

    if (!file)
        return NULL;
    return test_case->line
               ? arena_printf(&bench->ruling->arena, "%s:%" PRIu32, file, test_case->line)
               : arena_strdup(&bench->ruling->arena, file);
}

/* "fail math.test_div on nucleo-3: math.c:42: Expected 3 Was 2" */
static void tell_failure(struct bench *bench, const struct failure *failure, struct share *share)
{
    const struct sighting *seen = failure->seen;
    struct arena *arena = &bench->ruling->arena;
    bool infra = str_eq(failure->kind, "infra");
    const char *test = seen->test_case
                           ? bench_test_name(arena, seen->suite->name, seen->test_case->name)
                           : arena_strdup(arena, seen->job ? seen->job->name : "the run");
    const char *place = place_of(bench, seen->test_case);
    cleanup_buf struct buf path = BUF_INIT(SIZE_MAX / 4);
    const char *text =
        arena_printf(arena, "%s: %s of %s: %s%s%s", bench_list(arena, &share->boards),
                     failure->kind, test, place ? place : "", place ? ": " : "", seen->message);
    struct red *red;

    if (infra)
        text = arena_printf(
            arena, "%s%s", text,
            bench->policy->infra != INFRA_RETRY ? "" : " (the lab's fault: run it again)");
    if (share->quarantine)
        text = arena_printf(arena, "%s (its quarantine ended on %s: %s)", text,
                            share->quarantine->until, share->quarantine->reason);
    red = bench_red(bench, infra ? RED_INFRA : share->quarantine ? RED_EXPIRED : RED_FAILURE, text);
    red->test = seen->test_case ? test : NULL;
    if (seen->test_case) {
        red->path = arena_strdup(arena, place_path(&path, &bench->run->origin, seen->test_case));
        red->line = seen->test_case->line;
        red->detail = seen->test_case->detail;
    }
    red->boards = share->boards;
    share->boards = (struct strv){0};
}

static void note_quarantined(struct bench *bench, const struct sighting *seen,
                             const struct quarantine *quarantine)
{
    bench_note(bench, xasprintf("%s: %s%s%s failed, in quarantine until %s: %s", seen->job->board,
                                seen->suite->name, *seen->suite->name ? "." : "",
                                seen->test_case->name, quarantine->until, quarantine->reason));
}

/* A quarantined crash hides the tests that would have come after it. */
static void tell_unfinished(struct bench *bench, size_t number)
{
    const struct job_result *job = bench->run->jobs[number];
    struct red *red = bench_red(
        bench, RED_FAILURE,
        arena_printf(&bench->ruling->arena,
                     "%s: %s did not end: what comes after a test in quarantine was not tested",
                     job->board, job->name));

    strv_add(&red->boards, job->board);
    bench->passed[number] = false;
}

static void weigh_failure(struct bench *bench, const struct failure *failure)
{
    struct share counts = {0}, expired = {0};

    for (size_t i = 0; i < failure->count; i++) {
        const struct sighting *seen = &failure->seen[i];
        if (seen->test_case && seen->job->verdict == VERDICT_INFRA)
            continue; /* nothing is known: the job's own words say so */
        const struct quarantine *quarantine = seen->test_case ? quarantine_of(bench, seen) : NULL;
        struct share *share = quarantine ? &expired : &counts;
        if (quarantine && !is_over(bench, quarantine)) {
            note_quarantined(bench, seen, quarantine);
            bench->forgiven[seen->job_number] = true;
            continue;
        }
        if (seen->job)
            bench->passed[seen->job_number] = false;
        strv_add(&share->boards, seen->job ? seen->job->board : "no board");
        share->quarantine = quarantine;
    }
    if (counts.boards.count)
        tell_failure(bench, failure, &counts);
    if (expired.boards.count)
        tell_failure(bench, failure, &expired);
    strv_done(&counts.boards);
    strv_done(&expired.boards);
}

/* A job without a failure that counts has passed, whatever its own verdict says: that one knows
 * nothing of quarantines. */
void bench_check_failures(struct bench *bench)
{
    struct failures found = failures_of(bench->run);

    for (size_t i = 0; i < bench->run->count; i++)
        bench->passed[i] = true;
    for (size_t i = 0; i < found.count; i++)
        weigh_failure(bench, &found.items[i]);
    failures_done(&found);
    for (size_t i = 0; i < bench->run->count; i++)
        if (bench->forgiven[i] && !bench->run->jobs[i]->complete)
            tell_unfinished(bench, i);
    for (size_t i = 0; i < bench->policy->quarantine_count; i++)
        if (!bench->used[i])
            bench_note(bench,
                       xasprintf("the quarantine of '%s' until %s fits no failure: is it mended?",
                                 bench->policy->quarantine[i].test,
                                 bench->policy->quarantine[i].until));
}
