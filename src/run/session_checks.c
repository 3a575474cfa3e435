/* SPDX-License-Identifier: MIT
 *
 * All that can be wrong with a request, before a board is touched.
 */
#include "run/session_parts.h"

#include "base/str.h"
#include "run/job.h"

#include <string.h>

static int check_write(const struct session *session, const struct test_conf *test, struct err *err)
{
    int rc = inventory_check_memory(&session->inventory, &test->write, err);

    return rc < 0 ? err_wrap(err, "%s:%d: test '%s': write", session->tests->file, test->node->line,
                             test->name)
                  : 0;
}

int session_load_tests(struct session *session, struct err *err)
{
    struct diags diags = {0};
    int rc = testplan_load(session->request->plan_path, &session->tests, &diags, err);

    if (diags.messages.count)
        rc = diags_check(&diags, err);
    diags_done(&diags);
    rc = err_named(rc, err);
    for (size_t i = 0; rc == 0 && i < session->tests->count; i++)
        rc = check_write(session, &session->tests->tests[i], err);
    return rc;
}

static int check_parse(const struct job *job, const struct board_conf *board, struct err *err)
{
    struct job here = job_on_board(job, board);
    struct job_result *scratch = job_result_new();
    struct parser *parser = NULL;
    int rc = parser_new(&here.parse, NULL, scratch, &parser, err);

    parser_free(parser);
    job_result_free(scratch);
    return rc;
}

static int check_image(const struct job *job, struct board *board, struct err *err)
{
    board_allow(board, &job->write);
    return board_accepts(board, job->image, err);
}

/* True where `job` only repeats the one before it. */
static bool is_repeat(const struct job *job, const struct job *before)
{
    return job->image == before->image && job->board_count == before->board_count &&
           strv_equal(&job->write, &before->write) &&
           !memcmp(job->boards, before->boards, job->board_count * sizeof *job->boards);
}

/* Nobody but a server's hil can go on without this one. */
static int check_detach(const struct session *session, struct err *err)
{
    const struct plan *plan = &session->plan;

    for (size_t j = 0; session->request->detach && j < plan->count; j++)
        for (size_t b = 0; b < plan->jobs[j].board_count; b++)
            if (!plan->jobs[j].boards[b]->server)
                return err_set(err, ERR_USAGE,
                               "--detach is for boards of servers that have hil, and %s is none",
                               plan->jobs[j].boards[b]->name);
    return 0;
}

int session_check_jobs(const struct session *session, struct err *err)
{
    const struct plan *plan = &session->plan;
    int rc = check_detach(session, err);

    for (size_t j = 0; j < plan->count && rc == 0; j++) {
        const struct job *job = &plan->jobs[j];
        if (j && is_repeat(job, job - 1))
            continue;
        for (size_t b = 0; b < job->board_count && rc == 0; b++) {
            rc = check_parse(job, job->boards[b], err);
            if (rc == 0 && job->image)
                rc = check_image(job, inventory_board(&session->inventory, job->boards[b]), err);
        }
    }
    return rc;
}
