/* SPDX-License-Identifier: MIT
 *
 * remote_job: one image on one board of a server: pipeline.h's work, done there.
 *
 * The server's hil runs the job, and its events are told here as they happen. What it leaves (the
 * raw log, its times, what the tools printed, what a crash means) comes into `work_dir`, and the
 * result is read from that as hil replay reads it; so a board elsewhere has the files, the reports
 * and the replay of one that is here. The server decides on the board's lease, its recovery and its
 * quarantine.
 *
 * Always a result, the caller's to free: of a server that is away or breaks off it is infra, with
 * the server's name in the reason. Blocks until the job has ended there, or SERVER_END_MS after a
 * cancel.
 */
#ifndef HIL_RUN_REMOTE_JOB_H
#define HIL_RUN_REMOTE_JOB_H

#include "base/ctx.h"
#include "board/holder.h"
#include "result/event.h"
#include "run/job.h"

struct server;
/* A board's connection, kept from one job to the next, which saves a login; one thread's. */
struct remote_line {
    struct server *server; /* NULL: none */
    int64_t used_ns;       /* last */
};
void remote_line_close(struct remote_line *line);

struct remote_job {
    const struct job *job;
    const struct board_conf *board;
    const char *work_dir;
    struct remote_line *line;
    const struct holder *holder; /* who wants it */
    int64_t wait_ms;             /* for the board; -1: as the server's lab.yaml says */
    bool detach;                 /* it outlives the link (detached.h) */
    struct events *events;
    /* Until the board is had, this ends the wait, too. */
    int stop_fd;
    /* The board is had: true: go on; false: somebody else has the job by now. On the calling
     * thread. */
    bool (*claim)(void *arg);
    void *arg;
};

/* `begun`: as job_begin() made it, with its earlier attempts; it is what is returned, or freed. */
struct job_result *remote_job_run(const struct remote_job *how, const struct ctx *ctx,
                                  struct job_result *begun);

/* What a job left there, in `work_dir`: under the names that it has here, and by the clock that all
 * of the run goes by, since the server's may be years off. */
int remote_job_adopt(const struct job *job, const char *work_dir, const struct job_result *begun,
                     struct err *err);

#endif
