/* SPDX-License-Identifier: MIT
 *
 * The serial ports of a host that is made of files: /dev, /proc, /run/udev and /sys below a scratch
 * directory. The node is a plain file, so its device number is 0:0.
 */
#include "doctor/checks.h"

#include "../scratch.h"

#include <string.h>

static void put(const char *root, const char *path, const char *text)
{
    cleanup_free char *full = xasprintf("%s/%s", root, path), *dir = fs_dirname(full);

    cr_assert_eq(fs_mkdirs(dir, 0700, NULL), 0);
    cr_assert_eq(fs_write(full, text, strlen(text), NULL), 0);
}

static void put_link(const char *root, const char *path, const char *target)
{
    cleanup_free char *full = xasprintf("%s/%s", root, path), *dir = fs_dirname(full);

    cr_assert_eq(fs_mkdirs(dir, 0700, NULL), 0);
    cr_assert_eq(symlink(target, full), 0);
}

/* An adapter in port 1 of the first bus, as Linux shows it. */
static char *make_host(const char *control)
{
    char *root = scratch_make();

    put(root, "dev/ttyUSB0", "");
    put(root, "sys/devices/usb1/1-1/idVendor", "0403\n");
    put(root, "sys/devices/usb1/1-1/power/control", control);
    put(root, "sys/devices/usb1/1-1/power/autosuspend_delay_ms", "2000\n");
    put(root, "sys/devices/usb1/1-1/1-1:1.0/ttyUSB0/port_number", "0\n");
    put_link(root, "sys/class/tty/ttyUSB0/device", "../../../devices/usb1/1-1/1-1:1.0/ttyUSB0");
    put(root, "proc/1/comm", "systemd\n");
    return root;
}

static struct findings examine(const char *root)
{
    struct doctor_request request = {.root = root};
    struct ctx ctx = ctx_root(-1, NULL);
    struct findings findings = {0};
    struct exam exam = {.request = &request, .ctx = &ctx, .check = "serial", .findings = &findings};

    check_serial(&exam);
    return findings;
}

static void expect_one(struct findings *findings, enum finding_level level, const char *what,
                       const char *mend)
{
    cr_assert_eq(findings->count, 1, "%zu findings", findings->count);
    cr_expect_eq(findings->items[0].level, level, "%s", findings->items[0].what);
    cr_expect(strstr(findings->items[0].what, what), "%s", findings->items[0].what);
    if (mend)
        cr_expect(findings->items[0].mend && strstr(findings->items[0].mend, mend), "%s",
                  findings->items[0].mend);
    else
        cr_expect_null(findings->items[0].mend);
    findings_done(findings);
}

Test(doctor_serial, a_port_that_can_be_used)
{
    cleanup_scratch char *root = make_host("on\n");
    struct findings findings = examine(root);

    expect_one(&findings, FINDING_OK, "ttyUSB0 can be used", NULL);
}

Test(doctor_serial, none_is_plugged_in)
{
    cleanup_scratch char *root = scratch_make();
    struct findings findings = examine(root);

    expect_one(&findings, FINDING_NOTE, "no USB serial port", NULL);
}

Test(doctor_serial, a_device_that_the_kernel_puts_to_sleep)
{
    cleanup_scratch char *root = make_host("auto\n");
    struct findings findings = examine(root);

    expect_one(&findings, FINDING_WARN, "to sleep", "/usb1/1-1/power/control");
    put(root, "sys/devices/usb1/1-1/power/autosuspend_delay_ms", "-1000\n"); /* never */
    findings = examine(root);
    expect_one(&findings, FINDING_OK, "can be used", NULL);
}

Test(doctor_serial, modem_manager_unless_udev_keeps_it_away)
{
    cleanup_scratch char *root = make_host("on\n");
    struct findings findings;

    put(root, "proc/77/comm", "ModemManager\n");
    findings = examine(root);
    expect_one(&findings, FINDING_WARN, "ModemManager runs", "ID_MM_DEVICE_IGNORE");
    put(root, "run/udev/data/c0:0", "I:1\nE:ID_MM_DEVICE_IGNORE=1\n");
    findings = examine(root);
    expect_one(&findings, FINDING_OK, "can be used", NULL);
}

Test(doctor_serial, a_program_that_holds_it_but_not_a_run_of_hil)
{
    cleanup_scratch char *root = make_host("on\n");
    cleanup_free char *node = xasprintf("%s/dev/ttyUSB0", root);
    struct findings findings;

    put(root, "proc/88/comm", "picocom\n");
    put_link(root, "proc/88/fd/3", node);
    put(root, "proc/99/comm", "hil\n");
    put_link(root, "proc/99/fd/9", node);
    findings = examine(root);
    expect_one(&findings, FINDING_WARN, "held by picocom (process 88)", "kill 88");
}
