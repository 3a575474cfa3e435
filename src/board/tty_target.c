/* SPDX-License-Identifier: MIT */
#include "board/tty_target.h"

#include "base/str.h"
#include "board/console/serial.h"
#include "usb/usb.h"

#include <errno.h>
#include <sys/stat.h>

/* A board that was just switched on needs a moment until its tty is there. */
#define APPEAR_MS 5000
#define RETRY_MS 20

bool tty_target_given(const struct tty_target *target)
{
    return target->path || target->usb_serial || target->usb_path;
}

bool tty_target_lasts(const struct tty_target *target)
{
    return !target->path ||
           (!str_starts(target->path, "/dev/tty") && !str_starts(target->path, "/dev/pts/"));
}

const char *tty_target_name(const struct tty_target *target)
{
    return target->path ? target->path : target->usb_serial ? target->usb_serial : target->usb_path;
}

void tty_target_check(const struct tty_target *target, const char *what, const char *path,
                      bool required, const struct yaml_node *node, struct diags *diags)
{
    bool usb = target->usb_serial || target->usb_path;
    uint64_t number;

    if (target->path && usb)
        diag_key(diags, node, "%s needs either '%s' or 'usb-serial', not both", what, path);
    else if (required && !tty_target_given(target))
        diag_key(diags, node, "%s needs either '%s' or 'usb-serial'", what, path);
    if (target->usb_path && !usb_path_valid(target->usb_path))
        diag_node(diags, yaml_get(node, "usb-path"),
                  "%s: '%s' is not a hub path such as 1-1.4; hil discover shows them", what,
                  target->usb_path);
    if (target->interface && !usb)
        diag_node(diags, yaml_get(node, "interface"),
                  "%s: an interface is of a USB device: give 'usb-serial' or 'usb-path', too",
                  what);
    else if (target->interface &&
             str_to_u64(target->interface, UINT8_MAX, "interface", &number, NULL) < 0)
        diag_node(diags, yaml_get(node, "interface"), "%s: '%s' is no interface's number", what,
                  target->interface);
}

int tty_target_find(const struct tty_target *target, char **ret_path, struct err *err)
{
    const struct serial_usb usb = {target->usb_serial, target->usb_path, target->interface};

    if (!target->path)
        return serial_find_usb("/sys", &usb, ret_path, err);
    *ret_path = xstrdup(target->path);
    return 0;
}

int tty_target_present(const struct tty_target *target, struct err *err)
{
    cleanup_free char *found = NULL;
    struct stat status;

    if (!target->path)
        return tty_target_find(target, &found, err);
    if (stat(target->path, &status) < 0)
        return err_sys(err, errno, "%s", target->path);
    return S_ISCHR(status.st_mode) ? 0 : err_set(err, ERR_NOT_FOUND, "%s: is no tty", target->path);
}

static int open_now(const struct tty_target *target, tty_open *open, const void *arg, int *ret_fd,
                    struct err *err)
{
    cleanup_free char *path = NULL;
    int rc = tty_target_find(target, &path, err);

    return rc < 0 ? rc : open(path, arg, ret_fd, err);
}

int tty_target_open(const struct tty_target *target, tty_open *open, const void *arg,
                    const struct ctx *ctx, int *ret_fd, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, APPEAR_MS);
    bool missed = false;

    for (;;) {
        struct err why = {0};
        int rc = open_now(target, open, arg, ret_fd, &why);
        missed = missed || rc == -ERR_NOT_FOUND;
        /* udev sets a new node's permissions a little after it appears */
        bool passes = rc == -ERR_NOT_FOUND || (missed && why.sys_errno == EACCES);
        if (!passes || ctx_left_ms(&until) == 0) {
            if (rc < 0 && err)
                *err = why;
            return rc;
        }
        if (ctx_sleep(&until, RETRY_MS, err) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    }
}
