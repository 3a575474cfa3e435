/* SPDX-License-Identifier: MIT
 *
 * The end of a run: everybody is told.
 */
#include "run/session_parts.h"

#include "base/fs.h"
#include "base/str.h"
#include "run/origin.h"

void session_open_notifier(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};

    session->notifier = notifier_open(session->inventory.lab, dir, &err);
    if (err.code)
        session_warn(session, err.message);
}

/* hil watch tells of its tries itself, and who has cancelled a run knows of it. */
static void session_notify(struct session *session)
{
    if (!session->request->no_quarantine && !ctx_cancelled(&session->ctx))
        notifier_run(session->notifier, &session->run);
    if (*notifier_trouble(session->notifier))
        session_warn(session, notifier_trouble(session->notifier));
}

void session_report_failed(struct session *session, const struct err *err)
{
    session->run.verdict = verdict_worse(session->run.verdict, VERDICT_INFRA);
    session_warn(session, err->message);
}

static void not_written(struct session *session, struct err *err)
{
    err_wrap(err, "a report cannot be written, so this is no pass");
    session_report_failed(session, err);
}

/* All that can be written, whatever becomes of the others. */
static void write_reports(struct session *session)
{
    const struct session_request *request = session->request;
    struct err err = {0};

    for (size_t i = 0; report_formats[i]; i++) {
        cleanup_free char *path = fs_join(request->out_dir, report_formats[i]->file);
        if (report_write(report_formats[i], &session->run, path, &err) < 0)
            not_written(session, &err);
    }
    if (report_orders_write(&request->reports, &session->run, &err) < 0)
        not_written(session, &err);
    if (report_step_summary(&session->run, origin_step_summary(), &err) < 0)
        not_written(session, &err);
}

/* The same once the sinks have gone. */
static void report_failed_late(struct session *session, const struct err *err)
{
    session->run.verdict = verdict_worse(session->run.verdict, VERDICT_INFRA);
    fprintf(session->request->term.out, "hil: warning: %s\n", err->message);
}

void session_tell(struct session *session)
{
    struct err err = {0};

    write_reports(session);
    session_remember(session);
    session_notify(session);
    event_emit(session->events, (struct event){.kind = EVENT_RUN_END, .run = &session->run});
    live_close(session->live);
    session->live = NULL;
    outlet_be_patient(session->outlet); /* no board waits any more */
    if (event_log_close(session->log, &err) < 0)
        report_failed_late(session, &err);
    session->log = NULL;
    if (report_step_outputs(&session->run, session->request->out_dir, origin_step_outputs(), &err) <
        0)
        report_failed_late(session, &err);
    if (session->request->annotations)
        report_annotations(&session->run, session->request->term.out);
    if (session->request->verbosity < 0)
        fprintf(session->request->term.out, "%s\n", verdict_name(session->run.verdict));
    else
        report_terminal(&session->run, session->request->out_dir, !origin_in_actions(),
                        &session->request->term); /* in Actions that group is folded */
    for (size_t i = 0; session->request->verbosity >= 0 && i < session->released.count; i++)
        fprintf(session->request->term.out, "%s: is well again: out of quarantine\n",
                session->released.items[i]);
}
