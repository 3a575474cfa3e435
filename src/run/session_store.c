/* SPDX-License-Identifier: MIT
 *
 * What a run knows of earlier ones, and what later ones will know of it.
 */
#include "run/session_parts.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "store/prune.h"
#include "store/spool.h"

void session_open_store(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};

    if (session->store ||
        store_open(&session->inventory.lab->store, dir, true, &session->store, &err) == 0)
        return;
    session->scratch =
        session->inventory.lab->store.url && store_scratch(&session->store, NULL) == 0;
    err_wrap(&err, session->scratch ? "what this run has to remember waits on this host"
                                    : "no history is kept");
    session_warn(session, err.message);
}

void session_estimate(struct session *session)
{
    for (size_t i = 0; session->store && i < session->plan.count; i++) {
        struct job *job = &session->plan.jobs[i];
        cleanup_strv struct strv boards = {0};
        for (size_t b = 0; b < job->board_count; b++)
            strv_add(&boards, job->boards[b]->name);
        job->estimate_us =
            store_duration(session->store, session->inventory.lab->name, job->name, &boards);
    }
}

/* Into the spool; `with`: what was written meanwhile goes with it. */
static int keep(struct session *session, struct store *with, const char *state_dir, struct err *err)
{
    struct store *scratch = with;
    int rc = with ? 0 : store_scratch(&scratch, err);

    if (rc == 0)
        rc = store_record(scratch, &session->run, err);
    if (rc == 0)
        rc = spool_keep(state_dir, session->run.lab, scratch, err);
    if (!with)
        store_close(scratch);
    return rc;
}

/* Who finds that others wait stands behind them, so that runs are remembered in their order. A run
 * that the server has though nobody heard of it is known by the import. */
void session_remember(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    bool may_wait = session->inventory.lab->store.url;
    struct spool_waiting waiting = {0};
    struct err err = {0};
    int rc;

    if (!session->store)
        return;
    if (may_wait)
        spool_look(dir, session->run.lab, &waiting);
    if (session->scratch || waiting.files)
        rc = keep(session, session->scratch ? session->store : NULL, dir, &err);
    else
        rc = store_record(session->store, &session->run, &err);
    if (rc < 0 && may_wait && !session->scratch && !waiting.files) {
        err_wrap(&err, "what this run has to remember waits on this host");
        session_warn(session, err.message);
        rc = keep(session, NULL, dir, &err);
    }
    if (rc < 0)
        session_warn(session, err.message);
}

void session_send_waiting(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    size_t sent;

    if (session->store && !session->scratch && session->inventory.lab->store.url)
        spool_send(dir, session->run.lab, session->store, SPOOL_SEND_MS, &sent, NULL);
}

void session_forget(struct session *session)
{
    if (session->store && !session->scratch)
        store_prune(session->store, session->run.lab, &session->inventory.lab->store, ctx_unix_us(),
                    false, NULL, NULL);
}
