/* SPDX-License-Identifier: MIT
 *
 * What a run knows of earlier ones, and what later ones will know of it.
 */
#include "run/session_parts.h"

#include "base/ctx.h"
#include "run/detached.h"
#include "store/prune.h"

void session_open_store(struct session *session)
{
    struct err err = {0};

    if (!session->memory.store &&
        remember_open(session->inventory.lab, &session->ctx, &session->memory, &err) < 0)
        session_warn(session, err.message);
}

void session_estimate(struct session *session)
{
    struct store *store = session->memory.store;

    for (size_t i = 0; store && i < session->plan.count; i++) {
        struct job *job = &session->plan.jobs[i];
        cleanup_strv struct strv boards = {0};
        for (size_t b = 0; b < job->board_count; b++)
            strv_add(&boards, job->boards[b]->name);
        job->estimate_us = store_duration(store, session->inventory.lab->name, job->name, &boards);
    }
}

void session_remember(struct session *session)
{
    struct err err = {0};

    if (remember_run(&session->memory, &session->run, &err) < 0)
        session_warn(session, err.message);
    else if (session->request->detach)
        detached_remembered(session->request->out_dir);
}

void session_forget(struct session *session)
{
    if (session->memory.store && !session->memory.scratch && !ctx_cancelled(&session->ctx))
        store_prune(session->memory.store, session->run.lab, &session->inventory.lab->store,
                    ctx_unix_us(), false, NULL, NULL);
}
