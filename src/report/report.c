/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include "base/fs.h"
#include "base/str.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const struct report_format *const report_formats[] = {&report_junit, &report_json, &report_summary,
                                                      &report_html, NULL};

struct report_order {
    const struct report_format *format;
    char *path;
};

void report_prepare(void)
{
    for (size_t i = 0; report_formats[i]; i++)
        if (report_formats[i]->prepare)
            report_formats[i]->prepare();
}

int report_write(const struct report_format *format, const struct run_result *run, const char *path,
                 struct err *err)
{
    struct fs_draft draft;
    int rc;

    if (str_eq(path, "-")) {
        rc = format->write(run, STDOUT_FILENO, err);
        return rc < 0 ? err_wrap(err, "standard output") : 0;
    }
    rc = fs_draft_open(&draft, path, err);
    if (rc < 0)
        return rc;
    rc = format->write(run, draft.fd, err);
    if (rc == 0)
        return fs_draft_commit(&draft, err);
    fs_draft_abort(&draft);
    return err_wrap(err, "%s", path);
}

bool report_orders_add(struct report_orders *orders, const char *name, const char *path)
{
    const struct report_format *const *format = report_formats;

    while (*format && !str_eq((*format)->name, name))
        format++;
    if (!*format)
        return false;
    orders->items = xrealloc(orders->items, orders->count + 1, sizeof *orders->items);
    orders->items[orders->count++] = (struct report_order){*format, xstrdup(path)};
    orders->to_stdout += str_eq(path, "-");
    return true;
}

static bool may_be_replaced(const struct report_order *order)
{
    cleanup_close int fd = open(order->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    char first;

    return fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || read(fd, &first, 1) != 1 ||
           first == order->format->first;
}

int report_orders_check(const struct report_orders *orders, struct err *err)
{
    for (size_t i = 0; i < orders->count; i++)
        if (!may_be_replaced(&orders->items[i]))
            return err_set(err, ERR_USAGE,
                           "--%s: %s is there already, and is no such report; name another file",
                           orders->items[i].format->name, orders->items[i].path);
    return 0;
}

int report_orders_write(const struct report_orders *orders, const struct run_result *run,
                        struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < orders->count && rc == 0; i++)
        rc = report_write(orders->items[i].format, run, orders->items[i].path, err);
    return rc;
}

void report_orders_done(struct report_orders *orders)
{
    for (size_t i = 0; i < orders->count; i++)
        free(orders->items[i].path);
    free(orders->items);
    *orders = (struct report_orders){0};
}
