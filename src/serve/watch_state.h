/* SPDX-License-Identifier: MIT
 *
 * watch_state: what the files of `hil watch` share: the service with its follows, posts and
 * workers.
 */
#ifndef HIL_SERVE_WATCH_STATE_H
#define HIL_SERVE_WATCH_STATE_H

#include "base/journal.h"
#include "serve/message_id.h"
#include "serve/newest.h"
#include "serve/notify.h"
#include "serve/relay.h"
#include "serve/spool_sender.h"
#include "serve/watch.h"
#include "serve/webhook.h"
#include "serve/worker.h"

struct follow { /* a watch */
    const struct watch_conf *conf;
    char *name;
    struct newest newest; /* tag NULL: not known yet */
    char *error;          /* of the last look; NULL: it was answered */
    unsigned failures;    /* looks in a row */
    int64_t looked_ns;    /* the last look, */
    int64_t next_ns;      /* the next one */
    bool looked;
};

struct parcel { /* a file that some post needs */
    const struct follow *follow;
    const struct github_file *file;
    char *place, *path; /* path NULL: not fetched yet */
    char *error;        /* why not */
    unsigned failures;
    int64_t again_ns;
};

struct post { /* a board that is watched */
    const struct board_conf *board;
    struct follow *follow;
    const struct github_file *file; /* NULL: `why` says why not */
    char *image, *why;
    enum watch_action action;
    int64_t until_us, again_ns;
    char *told;    /* the last line about it that was not of a flash */
    bool decided;  /* action is of use */
    bool tried;    /* with `once`: it had its turn */
    bool deferred; /* its turn had no outcome: text says why */
    enum verdict verdict;
    int64_t took_us;
    char *text; /* what came of it */
};

enum hand_kind { HAND_BOARD, HAND_PARCEL };
struct hand { /* a worker and what it is at */
    struct worker worker;
    enum hand_kind kind;
    char *name; /* the board, or the parcel's place */
    char *tag, *asset, *image;
    bool golden;
};

struct watch {
    const struct watch_request *request;
    struct ctx ctx; /* cancelled by SIGINT and SIGTERM */
    int stop_fd, reload_fd, epoll_fd, lock_fd;
    char *state_dir, *files_dir, *lab_path;
    char *state_path;    /* of service-watch.json; NULL: none is written */
    char *state_written; /* what it has */
    struct lab *lab;
    struct watch_plan plan;
    struct github *github;
    struct follow *follows;
    struct post *posts;
    size_t follow_count, post_count;
    struct parcel *parcels;
    size_t parcel_count;
    struct hand *hands;
    size_t hand_count;
    struct notify notify;
    struct journal journal;
    struct spool_sender sender;
    struct webhook hook;
    struct relay relay;    /* closed, where the lab's store is a file */
    int64_t away_ns;       /* when servers are asked again for their boards */
    int64_t hook_again_ns; /* when they are opened again, where one is closed that should not be */
};

/* watch_tell.c: a line for people, and the report of one round. */
struct watch_line {  /* what it is of, for the journal's fields; NULL: does not apply */
    const char *who; /* stands before the words */
    enum journal_priority priority;
    const char *id; /* serve/message_id.h */
    const struct watch_conf *conf;
    const char *board, *tag, *asset, *verdict;
};
__attribute__((format(printf, 3, 4))) void
watch_tell(const struct watch *watch, struct watch_line line, const char *format, ...);
/* Of the service itself, and of a watch. */
struct watch_line watch_line(enum journal_priority priority, const char *who);
struct watch_line watch_line_of(enum journal_priority priority, const struct follow *follow);
/* Of a board, where it is not what was said of it last. */
__attribute__((format(printf, 4, 5))) void watch_tell_post(const struct watch *watch,
                                                           struct post *post,
                                                           enum journal_priority priority,
                                                           const char *format, ...);
void watch_tell_decision(const struct watch *watch, struct post *post,
                         const struct store_watched *known);
enum verdict watch_verdict(const struct watch *watch);
int watch_write_json(const struct watch *watch, int fd, struct err *err);
/* What hil serve shows of it: service-watch.json in the runtime directory, where it has changed. */
void watch_write_state(struct watch *watch);

/* watch_lab.c: lab.yaml read, and what is followed made from it. */
int watch_load(struct watch *watch, struct err *err);
void watch_unload(struct watch *watch);

/* watch_look.c: GitHub is asked where it is due, and each post knows its file then. */
void watch_look(struct watch *watch);

/* watch_hands.c: workers. */
bool watch_busy(const struct watch *watch, enum hand_kind kind, const char *name);
int watch_fetch(struct watch *watch, const struct parcel *parcel, struct err *err);
int watch_flash(struct watch *watch, const struct post *post, const char *path, bool golden,
                struct err *err);
/* There is something newer for the board: a worker that still waits for it need not go on. */
void watch_supersede(struct watch *watch, const struct post *post);
/* Takes in every worker that has ended. */
void watch_reap(struct watch *watch);
/* Ends all of them, within STOP_MS. */
void watch_dismiss(struct watch *watch);

/* watch_hook.c: GitHub's deliveries, here and on the lab's other hosts. */
int watch_hook_open(struct watch *watch, struct err *err); /* anew, what lab.yaml has of them */
bool watch_hook_misses(const struct watch *watch);         /* one is closed that it has */
void watch_hook_take(struct watch *watch);
void watch_hook_close(struct watch *watch);

#endif
