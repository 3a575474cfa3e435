/* SPDX-License-Identifier: MIT */
#include "serve/page/services.h"

#include "serve/schedule.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MS 1000
#define MOST_MS 60000
#define GOOD_NS INT64_C(60000000000) /* it lived so long: its next end is a first one again */
#define GRACE_MS 2500
#define ARGS_MAX 16

const struct service_row services_table[] = {
    {"watch", "the newest firmware from GitHub on every board"},
    {"rig", "every board that is plugged in"},
    {NULL, NULL},
};

void services_open(struct services *services, const char *program, const char *lab,
                   const struct ctx *ctx)
{
    *services = (struct services){.program = program, .lab = lab, .ctx = ctx};
    for (size_t i = 0; services_table[i].name; i++)
        services->items[i].row = &services_table[i];
}

bool services_want(struct services *services, const char *name, const struct strv *more)
{
    for (size_t i = 0; services->items[i].row; i++) {
        struct service *service = &services->items[i];
        if (!str_eq(service->row->name, name))
            continue;
        service->wanted = true;
        strv_add(&service->argv, name);
        for (size_t j = 0; more && j < more->count; j++)
            strv_add(&service->argv, more->items[j]);
        return true;
    }
    return false;
}

static void later(struct service *service)
{
    service->ended = true;
    int64_t ms = schedule_backoff(FIRST_MS, MOST_MS, service->failures++, schedule_random());

    service->again_ns = ctx_now_ns() + ms * 1000000;
}

static void start(const struct services *services, struct service *service)
{
    static const char *const without[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", NULL};
    const char *argv[ARGS_MAX + 1] = {services->program};
    struct proc_spec spec = {
        .argv = argv, .env = without, .out_fd = STDOUT_FILENO, .grace_ms = GRACE_MS};
    size_t count = 1;

    for (size_t i = 0; i < service->argv.count && count < ARGS_MAX - 2; i++)
        argv[count++] = service->argv.items[i];
    argv[count++] = "--lab";
    argv[count] = services->lab;
    service->started_ns = ctx_now_ns();
    service->since_unix_s = (int64_t)time(NULL);
    if (proc_start(&spec, services->ctx, &service->proc, NULL) < 0) {
        service->exit_code = 3;
        later(service);
    }
}

static void take_end(struct service *service)
{
    service->exit_code = proc_exit_code(service->proc);
    proc_stop(service->proc);
    service->proc = NULL;
    service->since_unix_s = (int64_t)time(NULL);
    if (ctx_now_ns() - service->started_ns > GOOD_NS)
        service->failures = 0;
    later(service);
}

bool services_turn(struct services *services, int64_t *due_ns)
{
    bool changed = false;

    for (size_t i = 0; services->items[i].row; i++) {
        struct service *service = &services->items[i];
        if (!service->wanted)
            continue;
        if (service->proc && !proc_running(service->proc)) {
            take_end(service);
            changed = true;
        }
        if (!service->proc && ctx_now_ns() >= service->again_ns) {
            start(services, service);
            changed = true;
        }
        if (!service->proc && service->again_ns < *due_ns)
            *due_ns = service->again_ns;
    }
    return changed;
}

void services_signal(const struct services *services, int number)
{
    for (size_t i = 0; services->items[i].row; i++)
        if (services->items[i].proc)
            syscall(SYS_pidfd_send_signal, proc_pidfd(services->items[i].proc), number, NULL, 0);
}

void services_close(struct services *services)
{
    services_signal(services, SIGTERM); /* all of them first, then each is waited for */
    for (size_t i = 0; services->items[i].row; i++) {
        proc_stop(services->items[i].proc);
        services->items[i].proc = NULL;
        strv_done(&services->items[i].argv);
    }
}
