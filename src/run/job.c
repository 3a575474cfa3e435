/* SPDX-License-Identifier: MIT */
#include "run/job.h"

#include "base/ctx.h"
#include "base/text.h"
#include "board/board.h"

#include <stdlib.h>

void job_done(struct job *job)
{
    free(job->name);
    free(job->build_log);
    free(job->barred);
    free(job->boards);
    strv_done(&job->expect.require);
    strv_done(&job->write);
    *job = (struct job){0};
}

static const char **copy_labels(struct arena *arena, const struct strv *labels)
{
    const char **copy = arena_alloc(arena, (labels->count + 1) * sizeof *copy);

    for (size_t i = 0; i < labels->count; i++)
        copy[i] = arena_strdup(arena, labels->items[i]);
    return copy;
}

struct job_result *job_begin(const struct job *job, const struct board_conf *board)
{
    struct job_result *result = job_result_new();
    struct arena *arena = &result->arena;
    struct identity_reader unused;

    result->started_unix_us = ctx_unix_us();
    result->name = arena_strdup(arena, job->name);
    result->board = arena_strdup(arena, board->name);
    result->labels = copy_labels(arena, &board->labels);
    result->probe = arena_strdup(arena, board_conf_probe(board));
    result->verdict = VERDICT_INFRA; /* until it is judged: nothing passes by silence */
    result->reason = "the run was ended before this test was";
    identity_begin(&unused, &job->parse.identity, result);
    if (job->image)
        result->image = (struct image_facts){
            .file = arena_strdup(arena, job->image->name),
            .format = arena_strdup(arena, job->image->format),
            .sha256 = arena_strdup(arena, job->image->sha256),
            .build_id = arena_strdup(arena, job->image->build_id),
            .size_bytes = job->image->size_bytes,
        };
    return result;
}

static struct parse_options board_parse(const struct format_conf *format)
{
    return (struct parse_options){.format = format->name,
                                  .pass = format->pass,
                                  .fail = format->fail,
                                  .skip = format->skip,
                                  .end = format->end};
}

static struct identity_options identity_merge(struct identity_options base,
                                              struct identity_options over)
{
    return (struct identity_options){
        .build_id = over.build_id ? over.build_id : base.build_id,
        .nonce = over.nonce ? over.nonce : base.nonce,
        .ask_nonce = base.ask_nonce || over.ask_nonce,
        .required = base.required || over.required,
    };
}

struct parse_options parse_merge(struct parse_options base, struct parse_options over)
{
    bool says = over.format || over.pass || over.fail || over.skip || over.end;
    struct parse_options merged = says ? over : base;

    merged.identity = identity_merge(base.identity, over.identity);
    merged.resets_expected = base.resets_expected || over.resets_expected;
    return merged;
}

void job_find_build_id(struct identity_options *identity, const char *build_id)
{
    if (identity->required && !identity->build_id && !identity->ask_nonce)
        identity->build_id = "auto";
    if (str_eq(identity->build_id, "auto") && build_id_valid(build_id))
        identity->build_id = build_id;
}

struct job job_on_board(const struct job *job, const struct board_conf *board)
{
    struct job here = *job;

    /* Of a board on a server only those are known that lab.yaml gives here. */
    here.timeouts =
        timeouts_merge(timeouts_merge(timeouts_default, board->timeouts), job->timeouts);
    here.parse = parse_merge(board_parse(&board->format), job->parse);
    return here;
}
