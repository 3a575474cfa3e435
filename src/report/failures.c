/* SPDX-License-Identifier: MIT */
#include "report/failures.h"

#include "base/str.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum rank { RANK_CRASH, RANK_ERROR, RANK_JOB, RANK_FAIL, RANK_INFRA };

struct finder {
    const struct run_result *run;
    struct failures found;
    size_t sighting_room, failure_room;
    struct name_map failures; /* by what makes them the same; the value is index + 1 */
    struct arena arena;       /* of its keys */
};

/* What became of the job as a whole. */
static const char *kind_of_job(const struct job_result *job)
{
    if (job->verdict == VERDICT_INFRA)
        return "infra";
    if (job->complete)
        return "fail";
    switch (job->end) {
    case END_CRASH:
        return "crash";
    case END_REBOOTS:
        return "reset";
    case END_IDLE:
    case END_TOTAL:
        return "hang";
    default:
        return "fail";
    }
}

static const char *kind_of(const struct finder *finder, const struct sighting *seen)
{
    if (!seen->job)
        return verdict_name(finder->run->verdict);
    if (!seen->test_case)
        return kind_of_job(seen->job);
    if (seen->test_case->result == CASE_FAIL)
        return "fail";
    return seen->test_case->error_type ? seen->test_case->error_type : "error";
}

static bool has_crashed_case(const struct job_result *job)
{
    for (size_t i = 0; i < job->suite_count; i++)
        for (size_t k = 0; k < job->suites[i].count; k++)
            if (str_eq(job->suites[i].cases[k].error_type, "crash"))
                return true;
    return false;
}

/* What a crash left undone says less than the case that crashed. */
static enum rank rank_of(const struct sighting *seen, const char *kind)
{
    if (str_eq(kind, "crash") && (seen->test_case || !seen->job || !has_crashed_case(seen->job)))
        return RANK_CRASH;
    if (!seen->test_case)
        return str_eq(kind, "infra") ? RANK_INFRA : RANK_JOB;
    return seen->test_case->result == CASE_FAIL ? RANK_FAIL : RANK_ERROR;
}

/* Lengths before the texts: no text can pose as two. */
static const char *key_of(struct finder *finder, const struct sighting *seen, const char *kind)
{
    const struct test_case *test_case = seen->test_case;
    const char *file = test_case && test_case->file ? case_file(test_case) : "";

    if (!test_case)
        return arena_printf(&finder->arena, "%s:%s", kind, seen->message);
    return arena_printf(&finder->arena, "%s:%zu:%s%zu:%s%zu:%s%" PRIu32 ":%s", kind,
                        strlen(seen->suite->name), seen->suite->name, strlen(test_case->name),
                        test_case->name, strlen(file), file, test_case->line, seen->message);
}

static void *room_for(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room ? *room * 2 : 64;
    return xrealloc(items, *room, size);
}

static void add(struct finder *finder, struct sighting seen)
{
    struct failures *found = &finder->found;
    const char *kind = kind_of(finder, &seen), *key = key_of(finder, &seen, kind);
    struct name_slot *slot = name_map_at(&finder->failures, key, strlen(key));

    if (!slot->value) {
        found->items =
            room_for(found->items, found->count, &finder->failure_room, sizeof *found->items);
        found->items[found->count] =
            (struct failure){.kind = kind, .rank = (int)rank_of(&seen, kind), .met = found->count};
        slot->value = ++found->count;
    }
    seen.failure = slot->value - 1;
    found->items[seen.failure].count++;
    found->sightings = room_for(found->sightings, found->sighting_count, &finder->sighting_room,
                                sizeof *found->sightings);
    found->sightings[found->sighting_count++] = seen;
}

static void add_job(struct finder *finder, const struct job_result *job, size_t number)
{
    struct sighting seen = {.job = job, .job_number = number, .message = words_trouble(job)};

    if (seen.message)
        add(finder, seen);
    for (size_t i = 0; i < job->suite_count; i++) {
        seen.suite = &job->suites[i];
        for (size_t k = 0; k < seen.suite->count; k++, seen.case_number++) {
            seen.test_case = &seen.suite->cases[k];
            seen.message = words_message(seen.test_case);
            if (seen.test_case->result == CASE_FAIL || seen.test_case->result == CASE_ERROR)
                add(finder, seen);
        }
    }
}

/* Sightings in the order of their failures, and so side by side. */
static void gather(struct failures *found)
{
    struct sighting *gathered = xcalloc(found->sighting_count, sizeof *gathered);
    size_t *next = xcalloc(found->count + 1, sizeof *next);

    for (size_t i = 0; i < found->count; i++) {
        found->items[i].seen = gathered + next[i];
        next[i + 1] = next[i] + found->items[i].count;
    }
    for (size_t i = 0; i < found->sighting_count; i++)
        gathered[next[found->sightings[i].failure]++] = found->sightings[i];
    free(next);
    free(found->sightings);
    found->sightings = gathered;
}

static int compare(const void *a, const void *b)
{
    const struct failure *left = a, *right = b;

    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return left->met < right->met ? -1 : left->met > right->met;
}

struct failures failures_of(const struct run_result *run)
{
    struct finder finder = {.run = run};

    for (size_t i = 0; i < run->count; i++)
        add_job(&finder, run->jobs[i], i);
    if (!finder.found.count && run->verdict != VERDICT_PASS)
        add(&finder, (struct sighting){.message = run->count ? "the run failed, though no board did"
                                                             : "nothing was tested"});
    gather(&finder.found);
    if (finder.found.count)
        qsort(finder.found.items, finder.found.count, sizeof *finder.found.items, compare);
    name_map_done(&finder.failures);
    arena_done(&finder.arena);
    return finder.found;
}

void failures_done(struct failures *failures)
{
    free(failures->items);
    free(failures->sightings);
    *failures = (struct failures){0};
}
