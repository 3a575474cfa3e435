/* SPDX-License-Identifier: MIT
 *
 * What the parts of keeper use of each other: its thread (keeper.c), what it has (keeper_holds.c),
 * and who waits (keeper_wishes.c).
 *
 * Both lists are changed by the thread alone, but that others put a wish in front. What others may
 * look at, or set, is behind the lock.
 */
#ifndef HIL_STORE_KEEPER_PARTS_H
#define HIL_STORE_KEEPER_PARTS_H

#include "store/keeper.h"

#include <pthread.h>

struct hold {
    struct hold *next;
    struct keeper *keeper;
    char *board;
    int64_t number;   /* of leases.h: its fence */
    int64_t until_ns; /* as boot_now_ns() tells the time: safe until then */
    bool lost;
    char *why;           /* lost: who has it; NULL: nobody knows */
    bool asked;          /* somebody wants to know now */
    bool dropping, gone; /* is to be let go; is */
    bool orphan;         /* nobody waits for that any more */
    struct fence fence;  /* its descriptors are ours: a timer, an eventfd */
};

struct wish {
    struct wish *next;
    struct leases_seat seat;
    bool wait, queued;
    bool abandoned; /* nobody wants it any more */
    bool over;      /* it is off the list, and what follows is for its owner */
    int rc;
    struct err err;
    struct hold *hold;
    size_t index;
    int told_fd; /* eventfd: over, or `why` is new */
    char *why;   /* who has the boards */
    /* the thread's: */
    int64_t look_ns, peek_ns; /* when to ask the server, and the kernel, again */
    int64_t away_ns;          /* since when the server is; 0: it is not */
    struct strv here;         /* boards whose holder is of this host */
};

struct keeper {
    struct keeper_conf conf;
    struct leases_conf leases_conf;
    char *place;
    pthread_t thread;
    bool runs, stops;
    bool ended;
    bool silent; /* a hold could not be let go in time */
    int wake_fd; /* eventfd */
    int end_fd;  /* eventfd: the thread's questions end */
    struct ctx ctx;
    pthread_mutex_t lock;
    pthread_cond_t answered; /* CLOCK_MONOTONIC */
    unsigned answers;
    struct hold *holds;
    struct wish *wishes;
    struct err away; /* code 0: the server answers */
    /* the thread's: */
    struct leases *leases; /* NULL: never reached */
    int64_t again_ns;      /* when a server that is away is asked again */
    int64_t renew_ns;
    int64_t turn_ns; /* the beginning of this one */
};

int64_t boot_now_ns(void);
/* What a host is known by, while it is up. Caller frees. */
char *keeper_place(const char *runtime_dir);
/* Without boards. */
void keeper_seat(const struct holder *self, struct leases_seat *ret);
void keeper_wake(struct keeper *keeper);
/* Takes in what the server answered; false: it is away, for as long as again_ns says. */
bool keeper_heard(struct keeper *keeper, int rc, const struct err *err);
/* An error that a server which comes back does not have. */
bool keeper_is_away(int rc);

/* ---- what it has ---------------------------------------------------------------------------- */

/* `asked_ns`: before the server was asked for it. */
struct hold *hold_new(struct keeper *keeper, const char *board, int64_t number, int64_t asked_ns,
                      struct err *err);
void hold_free(struct hold *hold);
/* All of them, where it is time or somebody asks. */
void holds_renew(struct keeper *keeper);
void holds_tell_away(struct keeper *keeper); /* to those who ask */
void holds_let_go(struct keeper *keeper);
int64_t holds_due_ns(struct keeper *keeper);

/* ---- who waits ------------------------------------------------------------------------------ */

void wish_free(struct wish *wish);
void wishes_look(struct keeper *keeper, bool up);
bool wishes_renew(struct keeper *keeper);
/* The number of a waiter came, or NULL: news may have been lost. */
void wishes_told(struct keeper *keeper, const char *news);
int64_t wishes_due_ns(struct keeper *keeper);

#endif
