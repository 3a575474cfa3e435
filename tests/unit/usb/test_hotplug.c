/* SPDX-License-Identifier: MIT
 *
 * Devices that come and go while we look.
 */
#include "lab.h"
#include "usb/hotplug.h"

#include <poll.h>

static const struct mock_device board = {.path = "1-1.4",
                                         .vendor = 0x0483,
                                         .product = 0xdf11,
                                         .serial = "357B31563235",
                                         .interfaces = {{0xfe, 1, 2, "@Internal Flash", 0}}};

static struct hotplug *open_it(void)
{
    struct hotplug *hotplug = NULL;
    struct err err = {0};

    cr_assert_eq(hotplug_open(&hotplug, &err), 0, "%s", err.message);
    return hotplug;
}

static bool next(struct hotplug *hotplug, struct hotplug_change *ret)
{
    struct err err = {0};
    int rc = hotplug_next(hotplug, ret, &err);

    cr_assert_geq(rc, 0, "%s", err.message);
    return rc == 1;
}

/* The kernel's messages come when they come. */
static void await(struct hotplug *hotplug, bool plugged, const char *path)
{
    struct pollfd fd = {.fd = hotplug_fd(hotplug), .events = POLLIN};
    struct hotplug_change change;

    while (!next(hotplug, &change))
        cr_assert_eq(poll(&fd, 1, 10000), 1, "no word of %s", path);
    cr_assert_eq(change.plugged, plugged);
    cr_assert_str_eq(change.path, path);
}

Test(hotplug, what_is_there_already_comes_first)
{
    struct mock *mock = lab_new();
    struct hotplug_change change;
    struct hotplug *hotplug;

    mock_plug(mock, &board);
    hotplug = open_it();
    cr_assert(next(hotplug, &change));
    cr_expect(change.plugged);
    cr_expect_str_eq(change.path, "1-1.4");
    cr_expect_str_eq(change.hub, "1-1");
    cr_expect_str_eq(change.controller, "0000:00:14.0");
    cr_expect_str_eq(change.serial, "357B31563235");
    cr_expect_eq(change.vendor, 0x0483);
    cr_expect_eq(change.product, 0xdf11);
    cr_expect(!next(hotplug, &change), "hubs are nobody's board: %s", change.path);
    hotplug_close(hotplug);
    mock_free(mock);
}

Test(hotplug, plugged_and_pulled)
{
    struct mock *mock = lab_new();
    struct hotplug *hotplug = open_it();
    struct hotplug_change change;

    cr_assert(!next(hotplug, &change));
    mock_plug(mock, &board);
    await(hotplug, true, "1-1.4");
    mock_unplug(mock, "1-1.4");
    await(hotplug, false, "1-1.4");
    cr_assert(!next(hotplug, &change));
    hotplug_close(hotplug);
    mock_free(mock);
}

Test(hotplug, one_that_is_told_before_sysfs_shows_it_is_not_missed)
{
    struct mock *mock = lab_new();
    struct hotplug *hotplug = open_it();
    struct hotplug_change change;
    struct pollfd fd = {.fd = hotplug_fd(hotplug), .events = POLLIN};

    cr_assert(!next(hotplug, &change));
    mock_plug(mock, &board);
    await(hotplug, true, "1-1.4");
    mock_tell_removal(mock, "1-1.4");
    cr_assert_eq(poll(&fd, 1, 10000), 1, "no word");
    cr_assert(!next(hotplug, &change), "it is there still");
    mock_take_away(mock, "1-1.4");
    await(hotplug, false, "1-1.4");
    cr_assert(!next(hotplug, &change));
    hotplug_close(hotplug);
    mock_free(mock);
}

Test(hotplug, one_that_left_and_came_back_between_two_looks_is_both)
{
    struct mock *mock = lab_new();
    struct hotplug_change change;
    struct hotplug *hotplug;
    unsigned address;

    mock_plug(mock, &board);
    hotplug = open_it();
    cr_assert(next(hotplug, &change));
    address = change.address;
    cr_assert(!next(hotplug, &change));
    mock_unplug(mock, "1-1.4");
    mock_plug(mock, &board);
    await(hotplug, false, "1-1.4");
    cr_assert(next(hotplug, &change));
    cr_assert(change.plugged);
    cr_assert_neq(change.address, address);
    hotplug_close(hotplug);
    mock_free(mock);
}
