/* SPDX-License-Identifier: MIT
 *
 * rig_slot: a place on the table where boards are plugged in: what state it is in, and what is to
 * be done next. Pure: events in, states and actions out.
 *
 *     empty → waiting → flashing → verifying → provisioning → testing → done | failed
 *               ↓           pulled while at work: "unplugged", and from the beginning when it returns
 *          seen-before      done earlier with the same firmware
 *
 * A slot is a hub port. A board leaves the bus and comes back while it is flashed, under another
 * id, and is the same board by its port; one of the same id with another serial number is another
 * board. What is done stays done, also when it leaves by itself right afterwards, as one does that
 * has no USB in its firmware.
 *
 *     todo = rig_slot_take(&slot, &event);          then do what its bits say, and report by events
 *     next = rig_slots_next(slots, count, &limits)  whose turn it is; NULL: nobody's for now
 */
#ifndef HIL_SERVE_RIG_SLOT_H
#define HIL_SERVE_RIG_SLOT_H

#include "conf/lab.h"

/* A board that is off the bus for longer while it is flashed was pulled. */
#define RIG_RETURN_MS 10000
#define RIG_TEXT_MAX 512

enum rig_state {
    RIG_EMPTY,
    RIG_WAITING, /* for its turn */
    RIG_FLASHING,
    RIG_VERIFYING,
    RIG_PROVISIONING,
    RIG_TESTING,
    RIG_DONE, /* may be unplugged */
    RIG_FAILED,
    RIG_UNPLUGGED, /* before it was done */
    RIG_SEEN,      /* before, and done then */
    RIG_STATES
};
extern const char *const rig_state_names[RIG_STATES + 1]; /* "empty" ... "seen-before", NULL */

struct rig_device { /* what is plugged in */
    bool matches;   /* it is one of those that are to be flashed */
    unsigned address;
    uint16_t vendor, product;
    char path[32], hub[32], controller[64], serial[128]; /* "": not known */
};

struct rig_slot {
    unsigned number; /* from 1 */
    enum rig_state state;
    int64_t since_us;         /* in this state; monotonic, as all times here */
    struct rig_device device; /* that the state is about; its path is the slot's */
    uint64_t order;           /* of arrival: the nth board */
    bool present;             /* something is plugged in now: */
    struct rig_device here;
    bool busy;       /* a worker is at the board */
    bool ending;     /* and was told to end */
    bool swapped;    /* what is here is another board, which has had no turn */
    bool back;       /* what is here came while the worker was at it */
    int64_t away_us; /* since when the board is off the bus; 0: it is there */
    int percent;     /* of the step; -1: not known */
    int64_t started_us, took_us;
    char identity[RIG_TEXT_MAX], reason[RIG_TEXT_MAX]; /* "": none */
};

enum rig_event_kind {
    RIG_PLUGGED,    /* device */
    RIG_PULLED,     /* whatever was at the port is gone */
    RIG_KNOWN,      /* the store's word on it: seen, and text says when; or not, and it may begin */
    RIG_REFUSED,    /* it must not begin: text says why */
    RIG_MOVED,      /* the board that was here is plugged in elsewhere */
    RIG_STARTED,    /* a worker is at it */
    RIG_STEP,       /* state, percent */
    RIG_GOT,        /* text: identities that it has drawn */
    RIG_ENDED_OK,   /* the worker has ended; text: what is worth saying */
    RIG_ENDED_BAD,  /* text: why */
    RIG_ENDED_AWAY, /* it failed because the board was gone; text: what it was at */
    RIG_TIME,       /* nothing but that time passes */
};
struct rig_event {
    enum rig_event_kind kind;
    int64_t now_us;
    struct rig_device device;
    enum rig_state state;
    int percent;
    bool seen;
    const char *text;
};

enum {                  /* what is to be done, or'ed */
       RIG_LOOK_UP = 1, /* ask the store whether it was done; RIG_KNOWN */
       RIG_CANCEL = 2,  /* the worker is to end */
       RIG_TELL = 4,    /* the state is new */
};
unsigned rig_slot_take(struct rig_slot *slot, const struct rig_event *event);

/* The board that waits longest and may begin; limits of 0 are none. */
struct rig_slot *rig_slots_next(struct rig_slot *slots, size_t count,
                                const struct max_parallel *limits);
/* Another slot where a board of the same serial number is plugged in now; NULL: there is none. */
const struct rig_slot *rig_slots_twin(const struct rig_slot *slots, size_t count,
                                      const struct rig_slot *slot);
size_t rig_slots_count(const struct rig_slot *slots, size_t count, enum rig_state state);

#endif
