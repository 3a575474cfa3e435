/* SPDX-License-Identifier: MIT
 *
 * page_state: what the files of `hil serve` share: the service with its boards, runs and viewers.
 */
#ifndef HIL_SERVE_PAGE_PAGE_STATE_H
#define HIL_SERVE_PAGE_PAGE_STATE_H

#include "base/journal.h"
#include "run/standing.h"
#include "serve/listen.h"
#include "serve/message_id.h"
#include "serve/notify.h"
#include "serve/page/access.h"
#include "serve/page/asker.h"
#include "serve/page/child.h"
#include "serve/page/console.h"
#include "serve/page/page.h"
#include "serve/page/run_follow.h"
#include "serve/page/services.h"
#include "serve/page/topic.h"
#include "serve/spool_sender.h"
#include "store/charts.h"

#include <sys/stat.h>

#define PAGE_RUNS_MAX 512     /* that are remembered */
#define PAGE_CHILDREN_MAX 8   /* boards that something is done with at once */
#define PAGE_CONSOLES_MAX 128 /* that somebody looks at */

struct page_board {           /* what is known of a board; as many as the lab has */
    struct standing standing; /* of the last look; conf NULL: there was none */
    char *reason;             /* of the last verdict; NULL: none */
    bool asked, present, healthy;
    char *why;       /* it is not */
    char *out, *dir; /* of the run that was seen on it last; NULL: none was */
    char *lock_name; /* of its lease's file */
};

struct page_there { /* boards of servers */
    struct child child;
    int64_t due_ns;
    struct strv names, texts; /* each board's JSON, as hil boards --json has it */
    int64_t told_unix_s;      /* 0: never */
};

struct page_totals { /* lines of metrics */
    struct buf jobs, seconds;
};
struct page_store {            /* as it has answered last; of each board: in its standing */
    struct stat seen[2];       /* its file and its log, when they were read */
    int64_t asked_ns;          /* when a store on a server was; 0: never */
    struct question *asking;   /* that is not answered yet; the asker's; NULL: none */
    uint64_t answers;          /* that have come */
    char *why;                 /* there was no answer the last time; NULL: there was one */
    struct leases_row *leases; /* of boards that hosts share, as that server had them */
    size_t lease_count;
    struct page_totals totals;
};

struct page_act { /* something that is done with a board for a viewer */
    struct child child;
    char *board, *what; /* NULL: none */
};

struct web;
struct page {
    const struct page_request *request;
    struct ctx ctx; /* cancelled by SIGINT and SIGTERM */
    struct guard *guard;
    int stop_fd, reload_fd, epoll_fd, listen_fd;
    int leases_fd; /* inotify of the runtime directory, */
    int files_fd;  /* and of what is read while somebody watches */
    char address[LISTEN_NAME_SIZE];
    char *program, *state_dir, *lab_path;
    struct inventory inventory;
    struct page_board *boards;
    struct run_follow **runs;
    size_t run_count;
    struct console *consoles;
    struct child presence;
    struct page_there there;
    struct page_act acts[PAGE_CHILDREN_MAX];
    struct asker *asker;
    struct page_store store;
    struct services services;

    struct topic topic;
    uint64_t number; /* of the newest frame */
    char epoch[17];  /* new with each start */
    struct access access;
    struct web *web;
    struct notify notify;
    struct journal journal;
    struct spool_sender sender;

    bool runs_changed;   /* since they were remembered */
    int64_t looked_ns;   /* the last look; 0: none */
    int64_t presence_ns; /* the next time that devices are looked for */
    int64_t look_due_ns, pump_due_ns;
    bool deaf;       /* files_fd is not listened to until the next pump */
    int64_t ears_ns; /* when it is opened anew */
    int64_t started_unix_s;
};

/* page.c: a line for people. */
__attribute__((format(printf, 3, 4))) void
page_tell(const struct page *page, enum journal_priority priority, const char *format, ...);
/* The same with a field of the journal's: HIL_BOARD, MESSAGE_ID. */
__attribute__((format(printf, 4, 5))) void page_tell_of(const struct page *page,
                                                        enum journal_priority priority,
                                                        struct journal_field field,
                                                        const char *format, ...);
/* Makes sure that what is shown is not old, where nobody was looking until now. */
void page_freshen(struct page *page);
struct page_board *page_board(const struct page *page, const char *name); /* NULL: none */

/* look.c: leases and other services' files are looked at, and the store is asked where it has news,
 */
void page_look(struct page *page);
void page_look_again(struct page *page); /* and it is not */
/* A file of the runtime directory was written to: if it is a lease's, whose run has the board now
 * is known, however short it has it and whether anybody watches or not. */
void page_glimpse(struct page *page, const char *name);
void page_forget_boards(struct page *page);
/* remembered.c: what the store says of the boards. */
void page_ask_store(struct page *page);
void page_take_answers(struct page *page); /* also to history.c's questions */
void page_forget_store(struct page *page);
/* say.c: and what is news is said. */
void page_say_boards(struct page *page);
void page_put_board(const struct page *page, const struct page_board *board, struct json_out *out);
void page_say_lab(struct page *page);
void page_say_services(struct page *page);
void page_say_file(struct page *page, const char *service, const cJSON *state);
void page_say_act(struct page *page, const char *board, const char *what, const char *state,
                  const char *text);

/* follow.c: runs' events and consoles. True where there is more to be read at once. */
struct run_follow *page_run_of(struct page *page, const char *out); /* made where it is missing */
struct run_follow *page_run_by_id(const struct page *page, const char *id, size_t length);
bool page_pump(struct page *page, bool *ret_changed);
struct console *page_console(struct page *page, const char *board); /* NULL: too many */
void page_console_leave(struct console *console);
void page_listen_to_files(const struct page *page);
void page_forget_runs(struct page *page);

/* memory.c: which run was seen on each board last, over a restart; it may be missing or broken. */
void page_recall(struct page *page);
void page_remember(const struct page *page);

/* there.c: boards of servers. */
void page_ask_there(struct page *page);
void page_take_there(struct page *page);
void page_end_there(struct page *page);

/* acts.c: children: who is there, and what viewers have asked for. */
void page_ask_presence(struct page *page);
void page_take_children(struct page *page);
/* `what` is one of "reset", "on", "off", "cycle", "release". */
int page_act(struct page *page, const char *board, const char *what, struct err *err);
void page_end_children(struct page *page);
/* When it ends, the loop turns. */
void page_listen_to_child(const struct page *page, const struct child *child);

/* metrics.c: Prometheus' text format 0.0.4. */
void page_metrics(const struct page *page, struct buf *out);
int page_metrics_total(void *arg, const struct history_total *total); /* into page_totals */

/* history.c: charts and past jobs as a JSON object; `days`, `board` and `test` may be NULL. */
struct page_history; /* asked for; */
int page_history_ask(struct page *page, const char *days, const char *board, const char *test,
                     struct page_history **ret, struct err *err);
bool page_history_is_here(const struct page_history *history); /* answered or not: */
int page_history_text(const struct page_history *history, const struct buf **ret, struct err *err);
void page_history_drop(struct page_history *history); /* it may not be here; NULL is fine */
void page_history_take(struct question *question);

#endif
