/* SPDX-License-Identifier: MIT */
#include "run/blame.h"

#include "base/fs.h"
#include "base/str.h"
#include "run/rundir.h"

#include <stdlib.h>
#include <string.h>

#define BLAMES_MAX 20 /* tests of a run: where more fail, these tell enough */

/* A test that failed, and what is asked of it. */
struct suspect {
    const struct job *job;
    struct job_result *result;
    const struct board_conf *board;
    struct blame_facts facts;
};

/* Jobs to be run, each for the fact that its result is to be. */
struct errand {
    struct job *jobs;
    const struct job_result ***facts; /* where the results go */
    struct job_result **results;
    size_t count;
};

struct inquiry {
    const struct pool_options *pool;
    const struct plan_options *options;
    const struct job *jobs;
    struct job_result **results;
    size_t count;
    struct suspect suspects[BLAMES_MAX];
    size_t suspect_count;
    struct plan golden;
    struct errand errands[2]; /* first golden images and siblings, then the same again */
};

/* ---- the verdict ------------------------------------------------------------------------- */

static bool answered(const struct job_result *result)
{
    return result && result->verdict != VERDICT_INFRA;
}

static bool passed(const struct job_result *result)
{
    return result && result->verdict == VERDICT_PASS;
}

static void say(struct job_result *result, enum blame blame, const char *why)
{
    result->blame = blame;
    result->blame_why = arena_strdup(&result->arena, why);
}

void blame_judge(struct job_result *result, const struct blame_facts *facts)
{
    const char *board = result->board;
    const struct job_result *sibling = answered(facts->sibling) ? facts->sibling : NULL;
    cleanup_free char *why = NULL;

    if (facts->golden && !passed(facts->golden)) {
        why =
            xasprintf("%s does not pass its golden image either: %s", board, facts->golden->reason);
        say(result, BLAME_BOARD, why);
    } else if (sibling && !passed(sibling)) {
        why =
            xasprintf("it fails on %s, too%s%s%s", sibling->board, facts->golden ? ", and " : "",
                      facts->golden ? board : "", facts->golden ? " passes its golden image" : "");
        say(result, BLAME_FIRMWARE, why);
    } else if (answered(facts->again) && passed(facts->again)) {
        why = xasprintf("it passes on %s when run again", board);
        say(result, BLAME_FLAKY, why);
    } else if (answered(facts->again) && sibling) {
        why = xasprintf("it passes on %s and fails on %s each time%s", sibling->board, board,
                        facts->golden ? ", in what the golden image does not test" : "");
        say(result, BLAME_BOARD, why);
    } else if (answered(facts->again) && facts->golden) {
        why = xasprintf("it fails each time, and %s passes its golden image; no sibling was asked",
                        board);
        say(result, BLAME_FIRMWARE, why);
    } else {
        say(result, BLAME_NONE,
            "cannot be told: the board has no golden image, and no sibling was to be had");
    }
}

/* ---- what to ask ------------------------------------------------------------------------- */

static const struct board_conf *conf_of(const struct inquiry *blame, const char *name)
{
    return lab_board(blame->options->lab, name);
}

/* The same test on another board, in this run: the sibling's answer is there already. */
static const struct job_result *known_sibling(const struct inquiry *blame,
                                              const struct suspect *suspect)
{
    for (size_t i = 0; i < blame->count; i++) {
        const struct job_result *other = blame->results[i];
        if (other != suspect->result && blame->jobs[i].image == suspect->job->image &&
            !str_eq(other->board, suspect->board->name) && answered(other))
            return other;
    }
    return NULL;
}

static bool has_all_labels(const struct board_conf *board, const struct board_conf *of)
{
    for (size_t i = 0; i < of->labels.count; i++)
        if (!strv_has(&board->labels, of->labels.items[i]))
            return false;
    return of->labels.count > 0;
}

/* Another candidate of the job, or a board with all of the labels; it must be one of the run's,
 * which are opened. */
static const struct board_conf *find_sibling(const struct inquiry *blame,
                                             const struct suspect *suspect)
{
    const struct board_conf *found = NULL;

    for (size_t i = 0; i < suspect->job->board_count; i++)
        if (suspect->job->boards[i] != suspect->board)
            return suspect->job->boards[i];
    for (size_t i = 0; i < blame->pool->board_count && !found; i++) {
        const struct board_conf *conf = board_conf(blame->pool->boards[i]);
        if (conf != suspect->board && has_all_labels(conf, suspect->board))
            found = conf;
    }
    return found;
}

static void ask(struct errand *errand, const struct job *job, const char *name,
                const struct board_conf *board, const struct job_result **fact)
{
    struct job *mine;

    errand->jobs = xrealloc(errand->jobs, errand->count + 1, sizeof *errand->jobs);
    errand->facts = xrealloc(errand->facts, errand->count + 1, sizeof(const struct job_result **));
    mine = &errand->jobs[errand->count];
    *mine = *job; /* what it points to stays the job's */
    mine->name = xstrdup(name);
    mine->build_log = mine->barred = NULL;
    mine->boards = xcalloc(1, sizeof(void *));
    mine->boards[0] = board;
    mine->board_count = 1;
    mine->retries = 0;
    errand->facts[errand->count++] = fact;
}

static void errand_run(struct errand *errand, const struct pool_options *pool,
                       const struct ctx *ctx)
{
    errand->results = xcalloc(errand->count ? errand->count : 1, sizeof(struct job_result *));
    if (!errand->count)
        return;
    pool_run(pool, errand->jobs, errand->count, ctx, errand->results);
    for (size_t i = 0; i < errand->count; i++)
        *errand->facts[i] = errand->results[i];
}

static void errand_done(struct errand *errand)
{
    for (size_t i = 0; i < errand->count; i++) {
        free(errand->jobs[i].name);
        free(errand->jobs[i].boards);
        job_result_free(errand->results[i]);
    }
    free(errand->jobs);
    free(errand->facts);
    free(errand->results);
}

/* ---- the rounds -------------------------------------------------------------------------- */

static void find_suspects(struct inquiry *blame)
{
    for (size_t i = 0; i < blame->count && blame->suspect_count < BLAMES_MAX; i++) {
        struct job_result *result = blame->results[i];
        if (result->verdict == VERDICT_FAIL && blame->jobs[i].image)
            blame->suspects[blame->suspect_count++] = (struct suspect){
                .job = &blame->jobs[i], .result = result, .board = conf_of(blame, result->board)};
    }
}

static bool is_suspected(void *arg, const struct board_conf *board)
{
    const struct inquiry *blame = arg;

    for (size_t i = 0; i < blame->suspect_count; i++)
        if (blame->suspects[i].board == board)
            return true;
    return false;
}

/* One check a board, however many of its tests failed. */
static const struct job *golden_of(const struct inquiry *blame, const struct board_conf *board)
{
    for (size_t i = 0; i < blame->golden.count; i++)
        if (blame->golden.jobs[i].boards[0] == board)
            return &blame->golden.jobs[i];
    return NULL;
}

static const struct suspect *first_on(const struct inquiry *blame, const struct board_conf *board)
{
    for (size_t i = 0; i < blame->suspect_count; i++)
        if (blame->suspects[i].board == board)
            return &blame->suspects[i];
    return NULL;
}

static void ask_others(struct inquiry *blame)
{
    for (size_t i = 0; i < blame->suspect_count; i++) {
        struct suspect *suspect = &blame->suspects[i];
        const struct job *golden = golden_of(blame, suspect->board);
        const struct board_conf *sibling;
        if (golden && first_on(blame, suspect->board) == suspect)
            ask(&blame->errands[0], golden, "golden image", suspect->board, &suspect->facts.golden);
        suspect->facts.sibling = known_sibling(blame, suspect);
        sibling = suspect->facts.sibling ? NULL : find_sibling(blame, suspect);
        if (sibling)
            ask(&blame->errands[0], suspect->job, suspect->job->name, sibling,
                &suspect->facts.sibling);
    }
}

static void ask_again(struct inquiry *blame)
{
    for (size_t i = 0; i < blame->suspect_count; i++) {
        struct suspect *suspect = &blame->suspects[i];
        const struct blame_facts *facts = &suspect->facts;
        suspect->facts.golden = first_on(blame, suspect->board)->facts.golden;
        bool open = (!facts->golden || passed(facts->golden)) &&
                    (!answered(facts->sibling) || passed(facts->sibling)) &&
                    (facts->golden || facts->sibling);
        if (open)
            ask(&blame->errands[1], suspect->job, suspect->job->name, suspect->board,
                &suspect->facts.again);
    }
}

static void keep(const struct inquiry *blame, const struct suspect *suspect, const char *out_dir)
{
    struct job here = job_on_board(suspect->job, suspect->board);
    cleanup_free char *dir = fs_join(out_dir, suspect->result->dir);
    struct err err = {0};

    if (rundir_write_job(dir, suspect->result, &here, &err) < 0)
        event_emit(blame->pool->events, (struct event){.kind = EVENT_WARNING, .text = err.message});
}

static void blame_done(struct inquiry *blame)
{
    errand_done(&blame->errands[0]);
    errand_done(&blame->errands[1]);
    plan_done(&blame->golden);
}

void blame_run(const struct pool_options *pool, const struct plan_options *options,
               const struct job *jobs, struct job_result **results, size_t count,
               const struct ctx *ctx)
{
    cleanup_free char *first = fs_join(pool->out_dir, "blame/others");
    cleanup_free char *again = fs_join(pool->out_dir, "blame/again");
    struct plan_options everything = {PLAN_OPTIONS_DEFAULTS, .lab = options->lab,
                                      .write = options->write};
    struct pool_options here = *pool;
    struct inquiry blame = {
        .pool = pool, .options = options, .jobs = jobs, .results = results, .count = count};
    struct err err = {0};

    find_suspects(&blame);
    /* Without a golden image anywhere there are still siblings. */
    if (blame.suspect_count &&
        plan_add_health(&blame.golden, &everything, is_suspected, &blame, ctx, &err) < 0)
        event_emit(pool->events, (struct event){.kind = EVENT_NOTE, .text = err.message});
    ask_others(&blame);
    here.out_dir = first;
    errand_run(&blame.errands[0], &here, ctx);
    ask_again(&blame);
    here.out_dir = again;
    errand_run(&blame.errands[1], &here, ctx);
    for (size_t i = 0; i < blame.suspect_count && !ctx_cancelled(ctx); i++) {
        blame_judge(blame.suspects[i].result, &blame.suspects[i].facts);
        keep(&blame, &blame.suspects[i], pool->out_dir);
    }
    blame_done(&blame);
}
