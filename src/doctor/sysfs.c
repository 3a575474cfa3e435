/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/str.h"
#include "doctor/checks.h"

#include <stdio.h>
#include <string.h>

void sysfs_line(const char *dir, const char *name, char *ret, size_t room)
{
    cleanup_buf struct buf bytes = BUF_INIT(4096);
    cleanup_free char *path = fs_join(dir, name);

    ret[0] = '\0';
    if (fs_read(path, &bytes, NULL) == 0)
        snprintf(ret, room, "%.*s", (int)strcspn(bytes.data, "\n"), bytes.data);
}

bool sysfs_sleeps(const char *device)
{
    char control[32], delay[32];

    sysfs_line(device, "power/control", control, sizeof control);
    sysfs_line(device, "power/autosuspend_delay_ms", delay, sizeof delay);
    return str_eq(control, "auto") && delay[0] != '-';
}
