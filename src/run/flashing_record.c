/* SPDX-License-Identifier: MIT
 *
 * What became of the boards: told, logged, and kept in the store.
 */
#include "base/fs.h"
#include "notify/notifier.h"
#include "run/flashing_parts.h"
#include "run/quarantine.h"
#include "store/spool.h"

#include <stdlib.h>

void flashing_tell(const struct task *task, enum event_kind kind, const char *text)
{
    event_emit(task->flashing->events, (struct event){.kind = kind,
                                                      .board = task->result->board,
                                                      .test = task->job->name,
                                                      .text = text});
}

void flashing_say_outcome(const struct task *task)
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

void flashing_keep_log(struct task *task)
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

static void no_memory(const struct flashing *flashing, struct err *err)
{
    err_wrap(err, "what the boards carry is not remembered");
    event_emit(flashing->events, (struct event){.kind = EVENT_WARNING, .text = err->message});
}

void flashing_open_store(struct flashing *flashing)
{
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};

    if (store_open_within(&flashing->inventory.lab->store, dir, true, &flashing->ctx,
                          &flashing->store, &err) == 0)
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

bool flashing_is_barred(struct task *task)
{
    const struct flashing *flashing = task->flashing;

    if (board_conf(task->board)->server)
        return false; /* its server knows */
    task->result->reason =
        quarantine_words(flashing->store, flashing->inventory.lab->name, task->result->board);
    if (task->result->reason)
        flashing_say_outcome(task);
    return task->result->reason;
}

void flashing_set_aside(struct flashing *flashing, const struct task *task)
{
    const struct lab *lab = flashing->inventory.lab;
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};
    struct notifier *notifier = notifier_open(lab, dir, &err);

    if (err.code)
        flashing_tell(task, EVENT_WARNING, err.message);
    quarantine_add(flashing->store, lab->name, task->result->board, task->result->reason,
                   flashing->events, notifier);
    notifier_close(notifier);
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

void flashing_remember(struct flashing *flashing)
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
