/* SPDX-License-Identifier: MIT */
#include "run/flashing.h"

#include "base/fs.h"
#include "report/report.h"
#include "run/flashing_parts.h"
#include "run/origin.h"
#include "run/remember.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 200

static void wait_for_all(struct flashing *flashing, uint64_t left)
{
    struct ctx wait = {.deadline_ns = CTX_NEVER, .cancel_fd = -1}; /* the tasks see a cancel */
    uint64_t ended;

    while (left) {
        struct ctx moment = ctx_narrow(&wait, TICK_MS);
        if (ctx_wait(&moment, flashing->finished_fd, POLLIN, NULL) == -ERR_TIMEOUT)
            event_emit(flashing->events, (struct event){.kind = EVENT_TICK});
        else if (read(flashing->finished_fd, &ended, sizeof ended) == (ssize_t)sizeof ended)
            left -= ended;
    }
}

static void run_tasks(struct flashing *flashing)
{
    uint64_t started = 0;

    event_emit(flashing->events,
               (struct event){.kind = EVENT_RUN_START, .number = flashing->count});
    for (size_t i = 0; i < flashing->count; i++) {
        struct task *task = &flashing->tasks[i];
        if (flashing_is_barred(task))
            continue;
        task->started = pthread_create(&task->thread, NULL, flashing_work, task) == 0;
        started += task->started;
        if (!task->started)
            task->result->reason =
                xstrdup("no more threads can be had; try: ulimit -u, or fewer boards at once");
    }
    store_rest(flashing->store);
    wait_for_all(flashing, started);
    remember_within(flashing->store, &flashing->ctx);
    for (size_t i = 0; i < flashing->count; i++) {
        const struct task *task = &flashing->tasks[i];
        if (task->started)
            pthread_join(task->thread, NULL);
        if (task->gave_up && !flashing->request->no_quarantine)
            flashing_set_aside(flashing, task);
    }
}

static int make_tasks(struct flashing *flashing, struct err *err)
{
    const struct flashing_request *request = flashing->request;
    const struct inventory *inventory = &flashing->inventory;
    int rc = request->out_dir ? fs_mkdirs(request->out_dir, 0777, err)
                              : fs_temp_dir(&flashing->dir, err);

    flashing->count = flashing->plan.count;
    flashing->tasks = xcalloc(flashing->count, sizeof *flashing->tasks);
    flashing->results = xcalloc(flashing->count, sizeof *flashing->results);
    for (size_t i = 0; i < flashing->count; i++) {
        const struct job *job = &flashing->plan.jobs[i];
        const struct board_conf *conf = job->boards[0];
        struct flash_result *result = &flashing->results[i];
        *result = (struct flash_result){.board = xstrdup(conf->name),
                                        .firmware = xstrdup(job->image->name),
                                        .bytes = job->image->size_bytes};
        memcpy(result->sha256, job->image->sha256, sizeof result->sha256);
        flashing->tasks[i] = (struct task){
            .flashing = flashing,
            .job = job,
            .board = inventory_board(inventory, conf),
            .result = result,
            .dir = fs_join(flashing->dir ? flashing->dir : request->out_dir, conf->name)};
    }
    return rc;
}

static void flashing_close(struct flashing *flashing)
{
    live_close(flashing->live);
    event_log_close(flashing->stream, NULL);
    events_free(flashing->events);
    plan_done(&flashing->plan);
    for (size_t i = 0; i < flashing->count; i++)
        free(flashing->tasks[i].dir);
    free(flashing->tasks);
    claims_close(flashing->claims);
    inventory_close(&flashing->inventory);
    servers_forget(&flashing->servers);
    store_close(flashing->store);
    if (flashing->dir)
        rmdir(flashing->dir); /* unless a log is kept in it */
    free(flashing->dir);
    close_fd(&flashing->finished_fd);
    guard_stop(flashing->guard);
    outlet_close(flashing->outlet);
}

int flashing_run(struct flashing_request *request, struct flash_result **ret, size_t *ret_count,
                 struct err *err)
{
    struct flashing flashing = {.request = request, .finished_fd = -1};
    int rc = guard_start(&flashing.guard, err);
    struct term term;

    flashing.ctx = ctx_root(request->cancel_fd, flashing.guard);
    flashing.events = events_new();
    term = request->term;
    if (rc == 0)
        rc = outlet_open(term.out, request->cancel_fd, &flashing.outlet, err);
    if (flashing.outlet)
        term.out = outlet_stream(flashing.outlet);
    flashing.live = live_open(&term, request->verbosity, origin_in_actions());
    events_add(flashing.events, flashing.live);
    if (rc == 0 && request->events_path) {
        flashing.stream = event_stream_open(request->events_path, err);
        rc = flashing.stream ? 0 : -(int)err->code;
    }
    if (flashing.stream)
        events_add(flashing.events, flashing.stream);
    if (rc == 0)
        rc = flashing_plan(&flashing, err);
    if (rc == 0 && (flashing.finished_fd = eventfd(0, EFD_CLOEXEC)) < 0)
        rc = err_set(err, ERR_LIMIT, "no more descriptors can be had");
    if (rc == 0)
        rc = make_tasks(&flashing, err);
    if (rc == 0) {
        flashing_open_store(&flashing);
        flashing.claims = claims_open(flashing.inventory.lab, flashing.inventory.runtime_dir);
        run_tasks(&flashing);
        claims_close(flashing.claims);
        flashing.claims = NULL;
        flashing_remember(&flashing);
    } else {
        flashing_done(flashing.results, flashing.count);
    }
    *ret = rc == 0 ? flashing.results : NULL;
    *ret_count = rc == 0 ? flashing.count : 0;
    flashing_close(&flashing);
    return rc;
}

void flashing_done(struct flash_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(results[i].board);
        free(results[i].firmware);
        free(results[i].reason);
        free(results[i].log);
    }
    free(results);
}
