/* SPDX-License-Identifier: MIT
 *
 * rig_parts: what the files of `hil rig` share: the rig while it runs.
 */
#ifndef HIL_SERVE_RIG_PARTS_H
#define HIL_SERVE_RIG_PARTS_H

#include "base/buf.h"
#include "base/ctx.h"
#include "base/journal.h"
#include "run/plan.h"
#include "serve/notify.h"
#include "serve/rig.h"
#include "serve/rig_conf.h"
#include "serve/rig_slot.h"
#include "serve/rig_work.h"
#include "serve/spool_sender.h"
#include "serve/worker.h"
#include "usb/hotplug.h"

#define RIG_SLOTS_MAX 1024

struct rig_setup { /* what lab.yaml and the command line say; replaced as a whole */
    struct lab *lab;
    struct rig_conf conf;
    struct plan plan; /* its one image is what boards get */
    char *lab_path;
};

struct rig_hand { /* a worker */
    struct worker worker;
    int news_fd; /* -1: it runs on-done or on-fail */
    size_t slot; /* index */
};

struct rig_counts {
    uint64_t boards, done, failed, unplugged, seen; /* since the beginning */
};

struct rig {
    const struct rig_request *request;
    struct ctx ctx; /* cancelled by SIGINT and SIGTERM */
    int stop_fd, reload_fd, epoll_fd, lock_fd;
    char *state_dir, *runtime_dir;
    struct rig_setup setup;
    struct hotplug *hotplug;
    struct rig_slot *slots; /* RIG_SLOTS_MAX of them: pointers stay */
    size_t slot_count;
    struct rig_hand *hands;
    size_t hand_count;
    struct rig_counts counts;
    bool firmware_failed, lab_failed; /* for the verdict */
    int64_t started_us;               /* Unix time */
    struct notify notify;
    struct journal journal;
    struct spool_sender sender;
    /* the table on the terminal, and service-rig.json: what they show is not the newest */
    bool stale, unpublished;
    int64_t painted_ns, published_ns;
    size_t painted;  /* lines that stand there */
    struct buf said; /* lines to be printed above */
};

/* rig.c: an event for a slot, and all that follows from it. */
void rig_happens(struct rig *rig, struct rig_slot *slot, struct rig_event event);

/* rig_setup.c: lab.yaml and the firmware, read and checked; the old ones stay where that fails. */
int rig_load(struct rig *rig, struct err *err);
void rig_setup_done(struct rig_setup *setup);

/* rig_hands.c: workers. */
int rig_start(struct rig *rig, struct rig_slot *slot, struct err *err);
void rig_cancel(struct rig *rig, const struct rig_slot *slot);
/* on-done or on-fail, where there is one. */
void rig_call(struct rig *rig, const struct rig_slot *slot);
/* Takes in what workers tell, and those that have ended. */
void rig_reap(struct rig *rig);
void rig_dismiss(struct rig *rig); /* all of them, within a few seconds */

/* rig_shift.c: the end of it. */
int rig_sum_up(const struct rig *rig, enum verdict *ret, struct err *err);

/* rig_notice.c: those who are not there (notify:). */
struct rig_summary;
void rig_notice_failed(const struct rig *rig, const struct rig_slot *slot);
void rig_notice_pools(struct rig *rig);
void rig_notice_shift(const struct rig *rig, const struct rig_summary *summary);

/* rig_tell.c: lines, the table, and the state for others. */
__attribute__((format(printf, 3, 4))) void rig_say(struct rig *rig, const struct rig_slot *slot,
                                                   const char *format, ...);
/* lab.yaml or the firmware is wrong, and the old one stays. */
void rig_tell_refused(struct rig *rig, const struct err *why);
void rig_tell_slot(struct rig *rig, const struct rig_slot *slot);
/* Paints and publishes what is due; returns when it wants to be called again, or CTX_NEVER. */
int64_t rig_show(struct rig *rig);
void rig_show_end(struct rig *rig);

/* rig_view.c: the table. */
void rig_view_wipe(struct rig *rig, struct buf *frame);
void rig_view_paint(struct rig *rig, bool last, struct buf *frame);

#endif
