/* SPDX-License-Identifier: MIT */
#include "run/flashing.h"

#include "base/fs.h"
#include "base/guard.h"
#include "board/inventory.h"
#include "board/recovery.h"
#include "board/turn.h"
#include "notify/notifier.h"
#include "remote/servers.h"
#include "report/report.h"
#include "run/origin.h"
#include "run/quarantine.h"
#include "run/remote_flash.h"
#include "store/spool.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SWITCH_MS 30000 /* power and reset: switches answer in seconds or never */
#define CANCELLED_REST_MS 2000
#define TICK_MS 200
#define NAMES_SHOWN 5
#define BOARDS_SHOWN 20

struct flashing;

struct task { /* a board's */
    struct flashing *flashing;
    const struct job *job;
    struct board *board;
    struct flash_result *result;
    char *dir;        /* for what the tools print */
    int64_t ended_us; /* wall clock */
    pthread_t thread;
    bool started;
    bool gave_up; /* nothing helped: the board is to be quarantined */
};

struct flashing {
    struct flashing_request *request;
    struct ctx ctx;
    struct guard *guard;
    struct inventory inventory;
    struct plan plan;
    struct events *events;
    struct event_sink *live, *stream;
    struct servers servers;
    char *dir; /* temporary; NULL: out_dir is it */
    struct task *tasks;
    struct flash_result *results;
    size_t count;
    struct store *store; /* NULL: there is none */
    bool scratch;        /* it is in memory: the database is away, the spool gets it */
    int finished_fd;     /* eventfd: how many tasks have ended */
};

static void tell(const struct task *task, enum event_kind kind, const char *text)
{
    event_emit(task->flashing->events, (struct event){.kind = kind,
                                                      .board = task->result->board,
                                                      .test = task->job->name,
                                                      .text = text});
}

/* ---- one board --------------------------------------------------------------------------- */

static void tell_waiting(void *arg, const char *why)
{
    const struct task *task = arg;

    event_emit(task->flashing->events, (struct event){.kind = EVENT_STATE,
                                                      .board = task->result->board,
                                                      .text = "waiting",
                                                      .suite = why});
}

static int take_lease(struct task *task, struct lease **ret, struct err *err)
{
    const struct flashing *flashing = task->flashing;
    const struct flashing_request *request = flashing->request;
    const struct board_conf *conf = board_conf(task->board);
    int64_t wait_ms = request->wait_ms >= 0 ? request->wait_ms : conf->timeouts.lease;
    struct ctx wait = wait_ms > 0 ? ctx_narrow(&flashing->ctx, wait_ms) : flashing->ctx;
    size_t index;

    return lease_take(flashing->inventory.runtime_dir, flashing->inventory.lab->name, &conf->name,
                      1, &request->holder, wait_ms > 0, &wait, tell_waiting, task, ret, &index,
                      err);
}

/* Whether the image is there already, where that was asked for and can be told. */
static int compare(struct task *task, int64_t flash_ms, bool *ret_holds, struct err *err)
{
    struct ctx wait = ctx_narrow(&task->flashing->ctx, flash_ms);
    int rc;

    *ret_holds = false;
    if (!task->flashing->request->if_changed)
        return 0;
    tell(task, EVENT_STATE, "compare");
    rc = board_holds(task->board, task->job->image, &wait, ret_holds, err);
    if (rc != -ERR_CONFIG)
        return rc;
    tell(task, EVENT_NOTE, err->message);
    return 0;
}

static int flash_once(void *arg, const struct ctx *ctx, struct err *err)
{
    struct task *task = arg;
    struct timeouts timeouts = job_on_board(task->job, board_conf(task->board)).timeouts;
    struct ctx wait = ctx_narrow(ctx, timeouts.lease);
    int rc = board_flash_turn(task->board, &wait, err);

    tell(task, EVENT_STATE, "flash");
    wait = ctx_narrow(ctx, timeouts.flash);
    if (rc == 0)
        rc = board_flash(task->board, task->job->image, &wait, err);
    board_flash_turn_end(task->board);
    if (rc < 0)
        return rc;
    tell(task, EVENT_STATE, "verify");
    wait = ctx_narrow(ctx, timeouts.flash);
    return board_verify(task->board, task->job->image, &wait, err);
}

static void tell_recovery(void *arg, enum event_kind kind, const char *text)
{
    tell(arg, kind, text);
}

static int write_image(struct task *task, struct err *err)
{
    const struct recovery_flash how = {flash_once, NULL, tell_recovery, task};
    struct recovery recovery = {.count = 0};
    int rc = recovery_flash(task->board, &how, &task->flashing->ctx, &recovery, err);

    task->gave_up = recovery.gave_up;
    return rc;
}

/* A board that nothing can reset has its firmware all the same. */
static int start_firmware(struct task *task, struct err *err)
{
    struct ctx wait = ctx_narrow(&task->flashing->ctx, SWITCH_MS);
    int rc;

    if (task->flashing->request->no_reset)
        return 0;
    tell(task, EVENT_STATE, "reset");
    rc = board_reset(task->board, &wait, err);
    if (rc != -ERR_CONFIG)
        return rc;
    tell(task, EVENT_NOTE, err->message);
    return 0;
}

static int take_steps(struct task *task, struct err *err)
{
    struct timeouts timeouts = job_on_board(task->job, board_conf(task->board)).timeouts;
    struct ctx wait = ctx_narrow(&task->flashing->ctx, SWITCH_MS);
    bool holds = false;
    int rc;

    tell(task, EVENT_STATE, "power");
    rc = board_power_on(task->board, &wait, err);
    if (rc == 0)
        rc = compare(task, timeouts.flash, &holds, err);
    if (rc == 0 && !holds)
        rc = write_image(task, err);
    if (rc == 0)
        rc = start_firmware(task, err);
    if (rc == 0)
        task->result->outcome = holds ? FLASH_UNCHANGED : FLASH_DONE;
    return rc;
}

static bool was_off(struct task *task)
{
    struct ctx wait = ctx_narrow(&task->flashing->ctx, SWITCH_MS);
    bool is_on = true;

    return board_ends_with_us(task->board) ||
           (board_drivers(task->board).power &&
            board_is_on(task->board, &wait, &is_on, NULL) == 0 && !is_on);
}

static void rest(struct task *task)
{
    const struct ctx *ctx = &task->flashing->ctx;
    struct ctx wait = ctx_cleanup(ctx, ctx_cancelled(ctx) ? CANCELLED_REST_MS : SWITCH_MS);
    struct err err = {0};

    tell(task, EVENT_STATE, "rest");
    if (board_rest(task->board, &wait, &err) < 0)
        tell(task, EVENT_WARNING, err.message);
}

static void flash_board(struct task *task, struct err *err)
{
    int64_t began = ctx_now_ns();
    int rc = fs_mkdirs(task->dir, 0777, err);
    bool off;

    tell(task, EVENT_JOB_START, NULL);
    board_attach(task->board, task->dir, task->job->name, task->flashing->events);
    off = was_off(task);
    if (rc == 0)
        rc = take_steps(task, err);
    if (off)
        rest(task);
    if (rc == -ERR_CANCELLED)
        err_set(err, ERR_CANCELLED, "cancelled");
    task->result->took_us = (ctx_now_ns() - began) / 1000;
    task->ended_us = (int64_t)time(NULL) * 1000000;
}

/* ---- what became of it ------------------------------------------------------------------- */

static void say_outcome(const struct task *task)
{
    const struct flash_result *result = task->result;
    const char *name = fs_basename(result->firmware);
    char took[32];
    cleanup_free char *text = NULL;

    str_from_us(result->took_us, took);
    if (result->outcome == FLASH_FAILED)
        text = xasprintf("%s: %s%s%s", name, result->reason, result->log ? "; see " : "",
                         result->log ? result->log : "");
    else if (result->outcome == FLASH_UNCHANGED)
        text = xasprintf("holds %s already, %s", name, took);
    else
        text = xasprintf("%s, %.1f KiB in %s", name, (double)result->bytes / 1024, took);
    event_emit(task->flashing->events, (struct event){.kind = EVENT_JOB_END,
                                                      .board = result->board,
                                                      .test = task->job->name,
                                                      .text = text,
                                                      .number = result->outcome == FLASH_FAILED});
}

/* Kept where it was asked for, and of a board that failed. */
static void keep_log(struct task *task)
{
    struct flash_result *result = task->result;
    char *log = fs_join(task->dir, "flash.log");
    bool keep = !task->flashing->dir || result->outcome == FLASH_FAILED;

    keep = keep && fs_exists(log);
    if (!keep && task->flashing->dir)
        fs_remove_tree(task->dir);
    if (keep)
        result->log = log;
    else
        free(log);
}

/* On its server, which has the lease, the drivers and the recovery. */
static void flash_there(struct task *task, struct err *err)
{
    const struct flashing_request *request = task->flashing->request;
    const struct remote_flash how = {.job = task->job,
                                     .board = board_conf(task->board),
                                     .work_dir = task->dir,
                                     .holder = &request->holder,
                                     .wait_ms = request->wait_ms,
                                     .write = &request->plan.write,
                                     .if_changed = request->if_changed,
                                     .no_reset = request->no_reset,
                                     .events = task->flashing->events};

    const struct inventory *inventory = &task->flashing->inventory;
    struct turn *turn = NULL;

    if (turn_take_server(inventory->runtime_dir, inventory->lab->name, how.board->server,
                         &task->flashing->ctx, &turn, err) < 0)
        return;
    tell(task, EVENT_JOB_START, NULL);
    remote_flash_run(&how, &task->flashing->ctx, task->result, err);
    turn_drop(turn);
    task->ended_us = (int64_t)time(NULL) * 1000000;
}

static void *work(void *arg)
{
    struct task *task = arg;
    struct lease *lease = NULL;
    struct err err = {0};

    if (board_conf(task->board)->server)
        flash_there(task, &err);
    else if (take_lease(task, &lease, &err) == 0)
        flash_board(task, &err);
    lease_drop(lease);
    if (task->result->outcome == FLASH_FAILED)
        task->result->reason = xstrdup(err.code == ERR_CANCELLED ? "cancelled" : err.message);
    keep_log(task);
    say_outcome(task);
    (void)!write(task->flashing->finished_fd, &(uint64_t){1}, sizeof(uint64_t));
    return NULL;
}

/* ---- all boards -------------------------------------------------------------------------- */

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

/* True where the board is in quarantine: nothing is done to it. */
static bool is_barred(struct task *task)
{
    const struct flashing *flashing = task->flashing;

    if (board_conf(task->board)->server)
        return false; /* its server knows */
    task->result->reason =
        quarantine_words(flashing->store, flashing->inventory.lab->name, task->result->board);
    if (task->result->reason)
        say_outcome(task);
    return task->result->reason;
}

static void set_aside(struct flashing *flashing, const struct task *task)
{
    const struct lab *lab = flashing->inventory.lab;
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};
    struct notifier *notifier = notifier_open(lab, dir, &err);

    if (err.code)
        tell(task, EVENT_WARNING, err.message);
    quarantine_add(flashing->store, lab->name, task->result->board, task->result->reason,
                   flashing->events, notifier);
    notifier_close(notifier);
}

static void run_tasks(struct flashing *flashing)
{
    uint64_t started = 0;

    event_emit(flashing->events,
               (struct event){.kind = EVENT_RUN_START, .number = flashing->count});
    for (size_t i = 0; i < flashing->count; i++) {
        struct task *task = &flashing->tasks[i];
        if (is_barred(task))
            continue;
        task->started = pthread_create(&task->thread, NULL, work, task) == 0;
        started += task->started;
        if (!task->started)
            task->result->reason =
                xstrdup("no more threads can be had; try: ulimit -u, or fewer boards at once");
    }
    wait_for_all(flashing, started);
    for (size_t i = 0; i < flashing->count; i++) {
        const struct task *task = &flashing->tasks[i];
        if (task->started)
            pthread_join(task->thread, NULL);
        if (task->gave_up && !flashing->request->no_quarantine)
            set_aside(flashing, task);
    }
}

static void no_memory(const struct flashing *flashing, struct err *err)
{
    err_wrap(err, "what the boards carry is not remembered");
    event_emit(flashing->events, (struct event){.kind = EVENT_WARNING, .text = err->message});
}

static void open_store(struct flashing *flashing)
{
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};

    if (store_open(&flashing->inventory.lab->store, dir, true, &flashing->store, &err) == 0)
        return;
    flashing->scratch =
        flashing->inventory.lab->store.url && store_scratch(&flashing->store, NULL) == 0;
    if (!flashing->scratch) {
        no_memory(flashing, &err);
        return;
    }
    err_wrap(&err, "what the boards carry waits on this host");
    event_emit(flashing->events, (struct event){.kind = EVENT_WARNING, .text = err.message});
}

/* hil watch keeps a record of its own. */
static int record_flash(const struct flashing *flashing, struct store *store,
                        const struct task *task, struct err *err)
{
    const struct flash_result *result = task->result;
    bool there = result->outcome != FLASH_FAILED;
    cleanup_free char *text = NULL;

    if (flashing->request->no_quarantine || result->outcome == FLASH_UNCHANGED)
        return 0;
    text = there ? xasprintf("%s (%.8s) by %s", fs_basename(result->firmware), result->sha256,
                             flashing->request->holder.user ? flashing->request->holder.user : "-")
                 : xasprintf("%s failed: %s", fs_basename(result->firmware), result->reason);
    return store_event(store, "flash", flashing->inventory.lab->name, result->board, text,
                       task->ended_us, err);
}

static int write_down(const struct flashing *flashing, struct store *store, struct err *err)
{
    const char *lab = flashing->inventory.lab->name;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < flashing->count; i++) {
        const struct flash_result *result = &flashing->results[i];
        bool there = result->outcome != FLASH_FAILED;
        if (there || result->took_us)
            rc = store_carries(store, lab, result->board, there ? result->sha256 : NULL,
                               fs_basename(result->firmware), flashing->tasks[i].ended_us, err);
        if (rc == 0 && (there || result->took_us))
            rc = record_flash(flashing, store, &flashing->tasks[i], err);
    }
    return rc;
}

/* Once more, from the beginning: what the server has already is not added again. */
static int write_down_here(struct flashing *flashing, struct err *err)
{
    store_close(flashing->store);
    flashing->store = NULL;
    flashing->scratch = store_scratch(&flashing->store, err) == 0;
    return flashing->scratch ? write_down(flashing, flashing->store, err) : -(int)err->code;
}

/* What each board that was touched carries now. That nobody could write it down is told, no more. */
static void remember(struct flashing *flashing)
{
    const struct lab *lab = flashing->inventory.lab;
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};
    size_t sent;
    int rc;

    if (!flashing->store)
        return;
    rc = write_down(flashing, flashing->store, &err);
    if (rc < 0 && lab->store.url && !flashing->scratch)
        rc = write_down_here(flashing, &err);
    if (rc == 0 && flashing->scratch)
        rc = spool_keep(dir, lab->name, flashing->store, &err);
    else if (rc == 0 && lab->store.url)
        spool_send(dir, lab->name, flashing->store, SPOOL_SEND_MS, &sent, NULL);
    if (rc < 0)
        no_memory(flashing, &err);
}

/* ---- before: all that can be wrong with the request -------------------------------------- */

static int check_one_image(const struct plan *plan, size_t first, const struct flash_order *order,
                           struct err *err)
{
    size_t count = plan->image_count - first;
    int rc;

    if (count == 1)
        return 0;
    rc = err_set(err, ERR_USAGE, "%s: these are %zu images, and a board takes one:",
                 order->firmware ? order->firmware : "the download", count);
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
        err_hint(err, "%s %s", i ? "," : "", plan->images[first + i]->name);
    if (count > NAMES_SHOWN)
        err_hint(err, ", ...");
    return rc;
}

static int no_choice(const struct lab *lab, struct err *err)
{
    int rc = err_set(err, ERR_USAGE, "which board? name it as BOARD=FIRMWARE or with --board;");

    for (size_t i = 0; i < lab->count && i < BOARDS_SHOWN; i++)
        err_hint(err, "%s %s", i ? "," : " there are:", lab->boards[i].name);
    if (lab->count > BOARDS_SHOWN)
        err_hint(err, ", ... (hil boards lists them)");
    return rc;
}

/* Of a board on `server`: pi1/dfu1. Caller frees. */
static char *full_name(const struct flashing_request *request, const char *board)
{
    return request->server ? xasprintf("%s/%s", request->server, board) : xstrdup(board);
}

static void add_boards(const struct flashing_request *request, const struct flash_order *order,
                       struct strv *ret)
{
    const struct strv *selectors = &request->plan.selectors;

    if (order->board)
        strv_add_owned(ret, full_name(request, order->board));
    for (size_t i = 0; !order->board && i < selectors->count; i++)
        strv_add_owned(ret, full_name(request, selectors->items[i]));
}

/* What says which boards are meant; none: something does not. */
static struct strv named_boards(const struct flashing_request *request)
{
    struct strv names = {0};

    for (size_t i = 0; i < request->order_count; i++)
        add_boards(request, &request->orders[i], &names);
    return names;
}

static int add_order(struct flashing *flashing, const struct flash_order *order, struct err *err)
{
    struct flashing_request *request = flashing->request;
    struct plan_options options = request->plan;
    struct strv selectors = {0};
    size_t first = flashing->plan.image_count;
    int rc;

    add_boards(request, order, &selectors);
    options.selectors = selectors;
    options.lab = flashing->inventory.lab;
    options.all = true; /* labels mean every board that has them */
    options.repeat = 1;
    options.download = order->firmware ? NULL : &request->download;
    rc = options.selectors.count || options.lab->count == 1
             ? plan_add_images(&flashing->plan, &options, &order->firmware, !!order->firmware,
                               &flashing->ctx, err)
             : no_choice(options.lab, err);
    strv_done(&selectors);
    return rc == 0 ? check_one_image(&flashing->plan, first, order, err) : rc;
}

static int check_boards(const struct flashing *flashing, struct err *err)
{
    const struct plan *plan = &flashing->plan;
    const struct inventory *inventory = &flashing->inventory;

    for (size_t i = 0; i < plan->count; i++) {
        const struct board_conf *conf = plan->jobs[i].boards[0];
        for (size_t j = 0; j < i; j++)
            if (plan->jobs[j].boards[0] == conf)
                return err_set(err, ERR_USAGE, "board %s cannot have both %s and %s", conf->name,
                               plan->jobs[j].image->name, plan->jobs[i].image->name);
        if (board_accepts(inventory_board(inventory, conf), plan->jobs[i].image, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static void note_download(void *arg, const char *text)
{
    const struct flashing *flashing = arg;

    event_emit(flashing->events, (struct event){.kind = EVENT_NOTE, .text = text});
}

static int make_plan(struct flashing *flashing, struct err *err)
{
    struct flashing_request *request = flashing->request;
    cleanup_strv struct strv selectors = named_boards(request);
    const struct servers_wanted wanted = {.lab_option = request->lab, .selectors = &selectors};
    int rc =
        servers_inventory(&wanted, &flashing->ctx, &flashing->inventory, &flashing->servers, err);

    if (rc == 0)
        rc = inventory_allow(&flashing->inventory, &request->plan.write, err);
    request->download.note = note_download;
    request->download.arg = flashing;
    for (size_t i = 0; i < request->order_count && rc == 0; i++)
        rc = add_order(flashing, &request->orders[i], err);
    if (rc == 0)
        rc = check_boards(flashing, err);
    if (rc == 0 && request->max_parallel)
        flashing->inventory.lab->max_parallel.lab = request->max_parallel;
    if (rc == -ERR_CONFIG) {
        servers_blame(&flashing->servers, err);
        rc = -(int)err->code;
    }
    return rc;
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
    inventory_close(&flashing->inventory);
    servers_forget(&flashing->servers);
    store_close(flashing->store);
    if (flashing->dir)
        rmdir(flashing->dir); /* unless a log is kept in it */
    free(flashing->dir);
    close_fd(&flashing->finished_fd);
    guard_stop(flashing->guard);
}

int flashing_run(struct flashing_request *request, struct flash_result **ret, size_t *ret_count,
                 struct err *err)
{
    struct flashing flashing = {.request = request, .finished_fd = -1};
    int rc = guard_start(&flashing.guard, err);

    flashing.ctx = ctx_root(request->cancel_fd, flashing.guard);
    flashing.events = events_new();
    flashing.live = live_open(&request->term, request->verbosity, origin_in_actions());
    events_add(flashing.events, flashing.live);
    if (rc == 0 && request->events_path) {
        flashing.stream = event_stream_open(request->events_path, err);
        rc = flashing.stream ? 0 : -(int)err->code;
    }
    if (flashing.stream)
        events_add(flashing.events, flashing.stream);
    if (rc == 0)
        rc = make_plan(&flashing, err);
    if (rc == 0 && (flashing.finished_fd = eventfd(0, EFD_CLOEXEC)) < 0)
        rc = err_set(err, ERR_LIMIT, "no more descriptors can be had");
    if (rc == 0)
        rc = make_tasks(&flashing, err);
    if (rc == 0) {
        open_store(&flashing);
        run_tasks(&flashing);
        remember(&flashing);
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
