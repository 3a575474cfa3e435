/* SPDX-License-Identifier: MIT
 *
 * Which tty a USB device has. /sys/class/tty/NAME/device leads into the device's directory; its USB
 * device is the nearest one above that has the attribute `serial` (Linux'
 * Documentation/ABI/stable/sysfs-bus-usb).
 */
#include "base/fs.h"
#include "base/str.h"
#include "board/console/serial.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX 8 /* from a tty up: interface, device, and a little more for odd drivers */

/* The serial number of the USB device that `directory` belongs to; "" where there is none. */
static void read_serial(const char *directory, struct buf *ret)
{
    cleanup_free char *at = realpath(directory, NULL);

    for (int level = 0; at && level < LEVELS_MAX; level++) {
        cleanup_free char *attribute = fs_join(at, "serial");
        char *parent;
        if (fs_read(attribute, ret, NULL) == 0) {
            while (ret->size && ret->data[ret->size - 1] == '\n')
                ret->data[--ret->size] = '\0';
            return;
        }
        parent = fs_dirname(at);
        free(at);
        at = parent;
    }
}

static void find_all(const char *sysfs, const char *usb_serial, struct strv *ret)
{
    cleanup_free char *pattern = xasprintf("%s/class/tty/*/device", sysfs);
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        cleanup_buf struct buf serial = BUF_INIT(4096);
        cleanup_free char *tty = fs_dirname(found.gl_pathv[i]);
        read_serial(found.gl_pathv[i], &serial);
        if (!strcmp(serial.data, usb_serial))
            strv_addf(ret, "/dev/%s", fs_basename(tty));
    }
    globfree(&found);
}

int serial_find_usb(const char *sysfs, const char *usb_serial, char **ret_path, struct err *err)
{
    cleanup_strv struct strv ttys = {0};

    find_all(sysfs, usb_serial, &ttys);
    if (!ttys.count)
        return err_set(err, ERR_NOT_FOUND,
                       "no tty of a USB device with serial number '%s'; is it plugged in? "
                       "'ls -l /dev/serial/by-id' shows what is",
                       usb_serial);
    if (ttys.count > 1)
        return err_set(err, ERR_CONFIG,
                       "USB device '%s' has %zu ttys, %s and %s among them; give 'path' instead, "
                       "best a link in /dev/serial/by-id",
                       usb_serial, ttys.count, ttys.items[0], ttys.items[1]);
    *ret_path = xstrdup(ttys.items[0]);
    return 0;
}
