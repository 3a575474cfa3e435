/* SPDX-License-Identifier: MIT */
#include "serve/page/page.h"

#include "base/fs.h"
#include "base/guard.h"
#include "base/hash.h"
#include "base/text.h"
#include "serve/listen.h"
#include "serve/loop.h"
#include "serve/page/page_state.h"
#include "serve/page/web.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium/randombytes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <time.h>

#define LOOK_MS 1000     /* between two looks while somebody watches */
#define LOOK_SOON_MS 100 /* after a lease was taken or given back */
#define PUMP_MS 50       /* after a file grew */
#define INOTIFY_MS 60000 /* then what is listened to is chosen anew */
#define FRESH_MS 1000
#define IDLE_MS 60000
#define LINE_BYTES_MAX 1024

__attribute__((format(printf, 4, 0))) static void put(const struct page *page,
                                                      enum journal_priority priority,
                                                      struct journal_field field,
                                                      const char *format, va_list args)
{
    char text[LINE_BYTES_MAX] = "hil serve: ";
    size_t head = strlen(text);
    const struct lab *lab = page->inventory.lab;
    const struct journal_field fields[] = {
        {"HIL_LAB", lab ? lab->name : NULL}, field, {NULL, NULL}};

    vsnprintf(text + head, sizeof text - head, format, args);
    cleanup_free char *clean = text_clean_dup(text, sizeof text, TEXT_ONE_LINE);
    if (journal_send(&page->journal, priority, clean, fields))
        return;
    fprintf(page->request->out, "%s\n", clean);
    fflush(page->request->out);
}

void page_tell(const struct page *page, enum journal_priority priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(page, priority, (struct journal_field){NULL, NULL}, format, args);
    va_end(args);
}

void page_tell_of(const struct page *page, enum journal_priority priority,
                  struct journal_field field, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(page, priority, field, format, args);
    va_end(args);
}

struct page_board *page_board(const struct page *page, const char *name)
{
    const struct board_conf *conf = lab_board(page->inventory.lab, name);

    return conf ? &page->boards[conf - page->inventory.lab->boards] : NULL;
}

/* ---- looking, only while somebody does ------------------------------------------------------- */

static bool is_watched(const struct page *page)
{
    return web_counts(page->web).viewers > 0;
}

/* A log that is written on a thousand times a second wakes us twenty times. */
static void hear(struct page *page, bool on)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = page->files_fd};

    if (page->files_fd >= 0 && page->deaf == on)
        epoll_ctl(page->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, page->files_fd, &event);
    page->deaf = !on;
}

/* Opened anew each minute: files that nobody writes on any more drop out. */
static void listen_to_files(struct page *page)
{
    if (page->files_fd < 0 || ctx_now_ns() >= page->ears_ns) {
        close_fd(&page->files_fd);
        page->files_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        page->ears_ns = loop_after_ms(INOTIFY_MS);
        page->deaf = true;
    }
    page_listen_to_files(page);
    hear(page, true);
}

static void take_files(struct page *page)
{
    char bytes[4096];

    while (read(page->files_fd, bytes, sizeof bytes) > 0)
        ; /* which of them, the pump sees */
    loop_sooner(&page->pump_due_ns, loop_after_ms(PUMP_MS));
    hear(page, false);
}

static void take_leases(struct page *page)
{
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got;

    while ((got = read(page->leases_fd, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + got;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            if (event->len && event->mask & IN_MODIFY)
                page_glimpse(page, event->name);
            at += sizeof *event + event->len;
        }
        loop_sooner(&page->look_due_ns, loop_after_ms(LOOK_SOON_MS));
    }
}

static void look(struct page *page)
{
    page_look(page);
    page_ask_presence(page);
    page_ask_there(page);
    page->look_due_ns = loop_after_ms(LOOK_MS);
    loop_sooner(&page->pump_due_ns, loop_after_ms(0));
}

static void pump(struct page *page)
{
    bool changed = false, more = page_pump(page, &changed);

    page->pump_due_ns = more ? loop_after_ms(0) : INT64_MAX;
    if (changed)
        page_say_boards(page);
    listen_to_files(page);
}

void page_freshen(struct page *page)
{
    if (page->looked_ns && ctx_now_ns() - page->looked_ns < FRESH_MS * 1000000LL)
        return;
    look(page);
    pump(page);
    page_say_boards(page); /* what a run says of its boards is known only now */
}

/* ---- the lab --------------------------------------------------------------------------------- */

static int load(struct page *page, struct err *err)
{
    cleanup_free char *path = lab_find(page->request->lab, err);
    struct inventory inventory;
    int rc = path ? inventory_open(path, &inventory, err) : -(int)err->code;

    if (!path)
        return rc;
    if (rc < 0) {
        inventory_close(&inventory);
        return rc;
    }
    page_forget_boards(page);
    inventory_close(&page->inventory);
    page->inventory = inventory;
    page->boards = xcalloc(inventory.lab->count, sizeof *page->boards);
    for (size_t i = 0; i < inventory.lab->count; i++)
        page->boards[i].lock_name = lease_file(inventory.lab->name, inventory.lab->boards[i].name);
    page_recall(page);
    free(page->lab_path);
    page->lab_path = realpath(path, NULL);
    if (!page->lab_path)
        page->lab_path = xstrdup(path);
    return 0;
}

static void reload(struct page *page)
{
    struct err err = {0};

    notify_send(&page->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
                (long long)(ctx_now_ns() / 1000));
    if (load(page, &err) < 0) {
        page_tell_of(page, JOURNAL_ERR,
                     (struct journal_field){"MESSAGE_ID", MESSAGE_ID_CONF_REFUSED},
                     "lab.yaml is wrong, so the old one stays: %s", err.message);
    } else {
        page_tell(page, JOURNAL_INFO, "%s was read again", page->lab_path);
        page->services.lab = page->lab_path;
        page->presence_ns = page->there.due_ns = 0;
        look(page);
    }
    services_signal(&page->services, SIGHUP);
    notify_send(&page->notify, "READY=1");
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* When there is something to do, should nothing happen before. */
static int64_t due_ns(const struct page *page)
{
    int64_t due = loop_after_ms(IDLE_MS), web_ms = web_timeout_ms(page->web);

    if (is_watched(page)) {
        loop_sooner(&due, page->look_due_ns);
        loop_sooner(&due, page->pump_due_ns);
    }
    if (web_ms >= 0)
        loop_sooner(&due, loop_after_ms(web_ms));
    if (page->notify.watchdog_ms)
        loop_sooner(&due, loop_after_ms(page->notify.watchdog_ms / 2));
    return due;
}

static void wait_for_news(struct page *page, int64_t due)
{
    struct epoll_event events[16];
    int64_t left_ms = (due - ctx_now_ns() + 999999) / 1000000;
    int count =
        epoll_wait(page->epoll_fd, events, ARRAY_SIZE(events), left_ms < 0 ? 0 : (int)left_ms);

    for (int i = 0; i < count; i++)
        if (events[i].data.fd == page->files_fd)
            take_files(page);
    take_leases(page);
    if (loop_drained(page->reload_fd))
        reload(page);
}

static void tell_ends(struct page *page)
{
    for (size_t i = 0; page->services.items[i].row; i++) {
        struct service *service = &page->services.items[i];
        if (!service->ended)
            continue;
        service->ended = false;
        if (service->exit_code < 0)
            page_tell(page, JOURNAL_ERR, "hil %s was ended by a signal, and is started again",
                      service->row->name);
        else
            page_tell(page, JOURNAL_ERR, "hil %s has ended with exit code %d, and is started again",
                      service->row->name, service->exit_code);
    }
}

/* One that ends wakes the loop. */
static void turn_services(struct page *page, int64_t *due)
{
    struct epoll_event event = {.events = EPOLLIN};

    if (!services_turn(&page->services, due))
        return;
    page_say_services(page);
    tell_ends(page);
    for (size_t i = 0; page->services.items[i].row; i++) {
        const struct service *service = &page->services.items[i];
        event.data.fd = service->proc ? proc_pidfd(service->proc) : -1;
        if (service->proc) /* again for one that has not changed: refused */
            epoll_ctl(page->epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
    }
}

static int run_on(struct page *page, struct err *err)
{
    while (!ctx_cancelled(&page->ctx)) {
        int64_t due = due_ns(page);
        turn_services(page, &due);
        spool_sender_turn(&page->sender, page->inventory.lab, page->lab_path, page->state_dir,
                          &page->ctx, &due);
        wait_for_news(page, due);
        page_take_answers(page);
        page_take_children(page);
        if (is_watched(page)) {
            if (ctx_now_ns() >= page->look_due_ns)
                look(page);
            if (ctx_now_ns() >= page->pump_due_ns)
                pump(page);
        } else {
            hear(page, false);
        }
        web_wake(page->web);
        if (web_turn(page->web) && !asker_is_stuck(page->asker))
            notify_alive(&page->notify);
    }
    notify_send(&page->notify, "STOPPING=1");
    return err_set(err, ERR_CANCELLED, "cancelled");
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int listen_on(struct page *page, int fd, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(page->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? err_sys(err, errno, "epoll")
                                                                    : 0;
}

static int open_descriptors(struct page *page, struct err *err)
{
    int rc;

    page->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    page->stop_fd = loop_stops();
    page->reload_fd = loop_reloads();
    if (page->epoll_fd < 0 || page->stop_fd < 0 || page->reload_fd < 0)
        return err_set(err, ERR_LIMIT, "no more descriptors can be had");
    /* One that cannot be had (users have few) is made up for by looking each second. */
    page->leases_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (page->leases_fd >= 0)
        inotify_add_watch(page->leases_fd, page->inventory.runtime_dir,
                          IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO);
    page->ctx = ctx_root(page->stop_fd, page->guard);
    rc = page->leases_fd < 0 ? 0 : listen_on(page, page->leases_fd, err);
    if (rc == 0)
        rc = listen_on(page, page->stop_fd, err);
    return rc == 0 ? listen_on(page, page->reload_fd, err) : rc;
}

static void open_services(struct page *page)
{
    const struct page_request *request = page->request;
    cleanup_strv struct strv more = {0};

    if (request->github_token_file) {
        strv_add(&more, "--token-file");
        strv_add(&more, request->github_token_file);
    }
    services_open(&page->services, page->program, page->lab_path, &page->ctx);
    for (const char *const *name = request->services; name && *name; name++)
        services_want(&page->services, *name, &more);
}

/* What others can reach needs more care than what only this host can. */
static int check_reach(const struct page *page, struct err *err)
{
    if (listen_is_loopback(page->listen_fd) || page->access.token)
        return 0;
    if (page->request->control)
        return err_set(err, ERR_USAGE,
                       "--allow-control on an address that others can reach needs --token-file");
    page_tell(page, JOURNAL_WARNING,
              "whoever can reach %s can read the boards' output; --token-file asks for a "
              "token",
              page->request->listen);
    return 0;
}

static int open_all(struct page *page, struct err *err)
{
    const struct page_request *request = page->request;
    int rc = guard_start(&page->guard, err);

    if (rc == 0)
        rc = load(page, err);
    if (rc == 0)
        rc = open_descriptors(page, err);
    if (rc == 0)
        rc = asker_open(page->state_dir, &page->ctx, &page->asker, err);
    if (rc == 0)
        rc = listen_on(page, asker_fd(page->asker), err);
    if (rc == 0)
        rc =
            access_open(&page->access, request->token_file, request->hosts, request->tls_cert, err);
    if (rc == 0)
        rc = listen_at(request->listen, "--listen", &page->listen_fd, err);
    if (rc == 0)
        listen_name(page->listen_fd, page->address);
    if (rc == 0)
        rc = check_reach(page, err);
    if (rc == 0)
        rc = web_open(page, &page->web, err);
    if (rc == 0)
        rc = listen_on(page, web_fd(page->web), err);
    if (rc == 0)
        open_services(page);
    return rc;
}

static void close_all(struct page *page)
{
    services_close(&page->services);
    page_end_children(page);
    spool_sender_end(&page->sender);
    web_close(page->web);
    page_forget_runs(page);
    page_forget_boards(page);
    asker_close(page->asker);
    free(page->store.why);
    topic_done(&page->topic);
    access_done(&page->access);
    inventory_close(&page->inventory);
    notify_close(&page->notify);
    journal_close(&page->journal);
    close_fd(&page->files_fd);
    close_fd(&page->leases_fd);
    close_fd(&page->listen_fd);
    close_fd(&page->epoll_fd);
    close_fd(&page->reload_fd);
    close_fd(&page->stop_fd);
    guard_stop(page->guard);
    free(page->lab_path);
    free(page->state_dir);
    free(page->program);
}

static void begin(struct page *page)
{
    unsigned char random[(sizeof page->epoch - 1) / 2];

    randombytes_buf(random, sizeof random);
    hex_encode(random, sizeof random, page->epoch);
    page->program = child_program();
    page->state_dir = fs_state_dir();
    page->started_unix_s = (int64_t)time(NULL);
    page->deaf = true;
    page_forget_store(page);
    notify_open(&page->notify);
    journal_open(&page->journal, fileno(page->request->out), JOURNAL_SOCKET);
}

int page_run(const struct page_request *request, struct err *err)
{
    struct page page = {.request = request,
                        .stop_fd = -1,
                        .reload_fd = -1,
                        .epoll_fd = -1,
                        .leases_fd = -1,
                        .files_fd = -1,
                        .listen_fd = -1};
    int rc;

    begin(&page);
    rc = open_all(&page, err);
    if (rc == 0) {
        page_tell(&page, JOURNAL_INFO, "lab %s is at %s://%s/", page.inventory.lab->name,
                  request->tls_cert ? "https" : "http", page.address);
        notify_send(&page.notify, "READY=1\nSTATUS=%s", page.address);
        rc = run_on(&page, err);
    }
    close_all(&page);
    return rc;
}
