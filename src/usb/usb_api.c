/* SPDX-License-Identifier: MIT */
#include "usb/usb_api.h"

#include "base/library.h"

static const struct library udev = {
    .title = "libudev", .files = {"libudev.so.1"}, .package = "libudev1"};
static const struct library libusb = {
    .title = "libusb", .files = {"libusb-1.0.so.0"}, .package = "libusb-1.0-0"};

#define X(name) LIBRARY_SYMBOL(struct udev_api, udev_##name, name)
static const struct library_symbol udev_symbols[] = {UDEV_API_NAMES(X){0}};
#undef X
#define X(name) LIBRARY_SYMBOL(struct libusb_api, libusb_##name, name)
static const struct library_symbol libusb_symbols[] = {LIBUSB_API_NAMES(X){0}};
#undef X

int udev_api_load(struct udev_api *ret, struct err *err)
{
    return library_load(&udev, udev_symbols, ret, err);
}

int libusb_api_load(struct libusb_api *ret, struct err *err)
{
    return library_load(&libusb, libusb_symbols, ret, err);
}
