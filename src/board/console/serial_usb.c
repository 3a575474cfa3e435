/* SPDX-License-Identifier: MIT
 *
 * Which tty a USB device has. /sys/class/tty/NAME/device leads into the directory of its interface,
 * "1-1.4:1.2", below that of its device, "1-1.4", whose attribute `serial` is the serial number
 * (Linux' Documentation/ABI/stable/sysfs-bus-usb).
 */
#include "base/fs.h"
#include "base/str.h"
#include "board/console/serial.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX 8 /* from a tty up: a little more than interface and device, for odd drivers */

/* The directory of the USB interface that `directory` belongs to; NULL: it belongs to none. */
static char *interface_dir(const char *directory)
{
    char *at = realpath(directory, NULL);

    for (int level = 0; at && level < LEVELS_MAX; level++) {
        const char *name = fs_basename(at);
        const char *colon = strchr(name, ':');
        char *parent;
        if (colon && strspn(name, "0123456789-.") == (size_t)(colon - name) && strchr(colon, '.'))
            return at;
        parent = fs_dirname(at);
        free(at);
        at = parent;
    }
    free(at);
    return NULL;
}

static bool has_serial(const char *device, const char *wanted)
{
    cleanup_free char *attribute = fs_join(device, "serial");
    cleanup_buf struct buf serial = BUF_INIT(4096);

    if (fs_read(attribute, &serial, NULL) < 0)
        return false;
    while (serial.size && serial.data[serial.size - 1] == '\n')
        serial.data[--serial.size] = '\0';
    return !strcmp(serial.data, wanted);
}

/* "1-1.4:1.2" is interface 2 of what is plugged at 1-1.4. */
static bool is_meant(const char *tty_device, const struct serial_usb *usb)
{
    cleanup_free char *interface = interface_dir(tty_device);
    cleanup_free char *device = interface ? fs_dirname(interface) : NULL;

    return interface && (!usb->path || !strcmp(fs_basename(device), usb->path)) &&
           (!usb->interface || !strcmp(strrchr(interface, '.') + 1, usb->interface)) &&
           (!usb->serial || has_serial(device, usb->serial));
}

static void find_all(const char *sysfs, const struct serial_usb *usb, struct strv *ret)
{
    cleanup_free char *pattern = xasprintf("%s/class/tty/*/device", sysfs);
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        cleanup_free char *tty = fs_dirname(found.gl_pathv[i]);
        if (is_meant(found.gl_pathv[i], usb))
            strv_addf(ret, "/dev/%s", fs_basename(tty));
    }
    globfree(&found);
}

/* "with serial number 'A50285BI' at 1-1.4, interface 2" */
static char *describe(const struct serial_usb *usb)
{
    struct buf out = BUF_INIT(1024);

    if (usb->serial)
        buf_addf(&out, " with serial number '%s'", usb->serial);
    if (usb->path)
        buf_addf(&out, " at %s", usb->path);
    if (usb->interface)
        buf_addf(&out, ", interface %s", usb->interface);
    return buf_steal(&out);
}

int serial_find_usb(const char *sysfs, const struct serial_usb *usb, char **ret_path,
                    struct err *err)
{
    cleanup_strv struct strv ttys = {0};
    cleanup_free char *what = describe(usb);

    find_all(sysfs, usb, &ttys);
    if (!ttys.count)
        return err_set(err, ERR_NOT_FOUND,
                       "no tty of a USB device%s; is it plugged in? "
                       "'ls -l /dev/serial/by-id' shows what is",
                       what);
    if (ttys.count > 1)
        return err_set(err, ERR_CONFIG,
                       "the USB device%s has %zu ttys, %s and %s among them; give its 'interface', "
                       "or 'path', best a link in /dev/serial/by-id",
                       what, ttys.count, ttys.items[0], ttys.items[1]);
    *ret_path = xstrdup(ttys.items[0]);
    return 0;
}
