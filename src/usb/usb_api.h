/* SPDX-License-Identifier: MIT
 *
 * usb_api: libudev, which tells what is plugged in, and libusb, which talks to one device.
 *
 * Loaded when first asked for, as the other libraries that most runs never need. Members of
 * udev_api are called as their functions, less "udev_"; those of libusb_api less "libusb_".
 *
 * May be called from any thread. What was loaded stays until the program ends.
 */
#ifndef HIL_USB_USB_API_H
#define HIL_USB_USB_API_H

#include "base/err.h"

#include <libudev.h>
#include <libusb.h>

#define UDEV_API_NAMES(X)                         \
    X(device_get_devnode)                         \
    X(device_get_devtype)                         \
    X(device_get_parent_with_subsystem_devtype)   \
    X(device_get_property_value)                  \
    X(device_get_sysattr_value)                   \
    X(device_get_sysname)                         \
    X(device_get_syspath)                         \
    X(device_new_from_syspath)                    \
    X(device_unref)                               \
    X(enumerate_add_match_subsystem)              \
    X(enumerate_get_list_entry)                   \
    X(enumerate_new)                              \
    X(enumerate_scan_devices)                     \
    X(enumerate_unref)                            \
    X(list_entry_get_name)                        \
    X(list_entry_get_next)                        \
    X(monitor_enable_receiving)                   \
    X(monitor_filter_add_match_subsystem_devtype) \
    X(monitor_get_fd)                             \
    X(monitor_new_from_netlink)                   \
    X(monitor_receive_device)                     \
    X(monitor_unref)                              \
    X(new)                                        \
    X(unref)

#define LIBUSB_API_NAMES(X)            \
    X(alloc_transfer)                  \
    X(cancel_transfer)                 \
    X(claim_interface)                 \
    X(close)                           \
    X(error_name)                      \
    X(exit)                            \
    X(free_config_descriptor)          \
    X(free_pollfds)                    \
    X(free_transfer)                   \
    X(get_active_config_descriptor)    \
    X(get_device)                      \
    X(get_next_timeout)                \
    X(get_pollfds)                     \
    X(handle_events_timeout_completed) \
    X(init)                            \
    X(release_interface)               \
    X(reset_device)                    \
    X(set_interface_alt_setting)       \
    X(set_option)                      \
    X(strerror)                        \
    X(submit_transfer)                 \
    X(wrap_sys_device)

struct udev_api {
#define X(name) __typeof__(udev_##name) *(name);
    UDEV_API_NAMES(X)
#undef X
};

struct libusb_api {
#define X(name) __typeof__(libusb_##name) *(name);
    LIBUSB_API_NAMES(X)
#undef X
};

/* -ERR_TOOL: the library is not installed, or too old. */
int udev_api_load(struct udev_api *ret, struct err *err);
int libusb_api_load(struct libusb_api *ret, struct err *err);

#endif
