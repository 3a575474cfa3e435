/* SPDX-License-Identifier: MIT
 *
 * The USB serial ports that are plugged in: may we open them, and does somebody else?
 *
 * Nothing is opened: what is to know stands in the nodes' modes, in sysfs (Linux'
 * Documentation/ABI/testing/sysfs-bus-usb), in udev's database (/run/udev/data) and in /proc.
 */
#include "base/fs.h"
#include "base/str.h"
#include "doctor/checks.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LEVELS_MAX 8 /* from a tty up to its USB device */
#define UDEV_DATA_MAX ((size_t)64 << 10)

struct port {
    char *node, *device; /* /dev/ttyACM0; its USB device in sysfs, NULL: none */
};

static char *usb_device_of(const char *root, const char *tty)
{
    cleanup_free char *link = xasprintf("%s/sys/class/tty/%s/device", root, tty);
    char *at = realpath(link, NULL);

    for (int level = 0; at && level < LEVELS_MAX; level++) {
        cleanup_free char *vendor = fs_join(at, "idVendor");
        char *above;
        if (fs_exists(vendor))
            return at;
        above = fs_dirname(at);
        free(at);
        at = above;
    }
    free(at);
    return NULL;
}

/* ---- one port -------------------------------------------------------------------------------- */

static void look_at_rights(struct exam *exam, const char *node)
{
    struct stat status;
    const struct group *group;
    const struct passwd *user = getpwuid(getuid());

    if (access(node, R_OK | W_OK) == 0 || stat(node, &status) < 0)
        return;
    group = getgrgid(status.st_gid);
    exam_tell(exam, FINDING_BAD, "%s: this user may not open it (it belongs to group %s)", node,
              group ? group->gr_name : "?");
    if (group && (status.st_mode & S_IRGRP) && (status.st_mode & S_IWGRP) && status.st_gid != 0)
        exam_mend(exam,
                  "sudo usermod -aG %s %s, then log in again (a runner's service: restart it)",
                  group->gr_name, user ? user->pw_name : "USER");
    else
        exam_mend(exam, "a udev rule with MODE=\"0660\", GROUP=\"dialout\" for this device");
}

static void look_at_suspend(struct exam *exam, const struct port *port)
{
    if (!port->device || !sysfs_sleeps(port->device))
        return;
    exam_tell(exam, FINDING_WARN, "%s: the kernel puts its USB device to sleep when it is idle",
              port->node);
    exam_mend(exam, "echo on | sudo tee %s/power/control", port->device);
}

/* Whether udev has told ModemManager to keep off. */
static bool modem_ignored(const char *root, const char *node)
{
    cleanup_buf struct buf data = BUF_INIT(UDEV_DATA_MAX);
    cleanup_free char *path = NULL;
    struct stat status;

    if (stat(node, &status) < 0)
        return true;
    path = xasprintf("%s/run/udev/data/c%u:%u", root, major(status.st_rdev), minor(status.st_rdev));
    return fs_read(path, &data, NULL) == 0 && (strstr(data.data, "E:ID_MM_DEVICE_IGNORE=1") ||
                                               strstr(data.data, "E:ID_MM_PORT_IGNORE=1"));
}

/* ---- processes ------------------------------------------------------------------------------- */

static void comm_of(const char *root, const char *pid, char *ret, size_t room)
{
    cleanup_free char *dir = xasprintf("%s/proc/%s", root, pid);

    sysfs_line(dir, "comm", ret, room);
}

static bool has_open(const char *root, const char *pid, const char *node)
{
    cleanup_free char *dir = xasprintf("%s/proc/%s/fd", root, pid);
    DIR *fds = opendir(dir);
    struct dirent *entry;
    bool found = false;

    while (fds && !found && (entry = readdir(fds))) {
        char target[PATH_MAX];
        ssize_t size = readlinkat(dirfd(fds), entry->d_name, target, sizeof target - 1);
        if (size <= 0)
            continue;
        target[size] = '\0';
        found = str_eq(target, node);
    }
    if (fds)
        closedir(fds);
    return found;
}

struct crowd { /* what runs */
    bool modem_manager;
    struct strv pids;
};

static void look_around(const char *root, struct crowd *ret)
{
    cleanup_free char *path = xasprintf("%s/proc", root);
    DIR *processes = opendir(path);
    struct dirent *entry;

    while (processes && (entry = readdir(processes))) {
        char comm[64];
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        comm_of(root, entry->d_name, comm, sizeof comm);
        ret->modem_manager = ret->modem_manager || str_eq(comm, "ModemManager");
        strv_add(&ret->pids, entry->d_name);
    }
    if (processes)
        closedir(processes);
}

static void look_at_holders(struct exam *exam, const struct crowd *crowd, const char *node)
{
    for (size_t i = 0; i < crowd->pids.count; i++) {
        char comm[64];
        if (!has_open(exam->request->root, crowd->pids.items[i], node))
            continue;
        comm_of(exam->request->root, crowd->pids.items[i], comm, sizeof comm);
        if (str_eq(comm, "hil") || str_eq(comm, "hil-run")) /* a lease tells that better */
            continue;
        exam_tell(exam, FINDING_WARN, "%s is held by %s (process %s): a run would find it busy",
                  node, *comm ? comm : "a program", crowd->pids.items[i]);
        exam_mend(exam, "end it, or kill %s", crowd->pids.items[i]);
    }
}

/* ---- the check ------------------------------------------------------------------------------- */

static void look_at_port(struct exam *exam, const struct crowd *crowd, const struct port *port)
{
    size_t before = exam->findings->count;

    look_at_rights(exam, port->node);
    look_at_suspend(exam, port);
    look_at_holders(exam, crowd, port->node);
    if (crowd->modem_manager && !modem_ignored(exam->request->root, port->node)) {
        exam_tell(exam, FINDING_WARN,
                  "%s: ModemManager runs and sends it AT commands when it is plugged in",
                  port->node);
        exam_mend(exam, "sudo systemctl disable --now ModemManager, or a udev rule with "
                        "ENV{ID_MM_DEVICE_IGNORE}=\"1\"");
    }
    if (exam->findings->count == before)
        exam_tell(exam, FINDING_OK, "%s can be used", port->node);
}

void check_serial(struct exam *exam)
{
    static const char *const names[] = {"ttyUSB*", "ttyACM*"};
    const char *root = exam->request->root;
    struct crowd crowd = {0};
    size_t ports = 0;

    look_around(root, &crowd);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *pattern = xasprintf("%s/dev/%s", root, names[i]);
        glob_t found;
        if (glob(pattern, 0, NULL, &found) != 0)
            continue;
        ports += found.gl_pathc;
        for (size_t p = 0; p < found.gl_pathc; p++) {
            struct port port = {found.gl_pathv[p],
                                usb_device_of(root, fs_basename(found.gl_pathv[p]))};
            look_at_port(exam, &crowd, &port);
            free(port.device);
        }
        globfree(&found);
    }
    if (!ports)
        exam_tell(exam, FINDING_NOTE, "no USB serial port is plugged in");
    strv_done(&crowd.pids);
}
