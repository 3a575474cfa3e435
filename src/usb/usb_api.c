/* SPDX-License-Identifier: MIT */
#include "usb/usb_api.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* POSIX promises that a function's address fits a void pointer; ISO C has no cast for it. */
static bool find(void *library, const char *name, void *ret_function)
{
    void *found = dlsym(library, name);

    memcpy(ret_function, &found, sizeof found);
    return found;
}

static void *load(const char *file, const char *package, struct err *err)
{
    void *library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);

    if (!library)
        err_set(err, ERR_TOOL, "usb: %s cannot be loaded (%s); try: apt install %s", file,
                dlerror(), package);
    return library;
}

static int check(const char *missing, struct err *err)
{
    return missing ? err_set(err, ERR_TOOL, "usb: this host's library has no %s", missing) : 0;
}

int udev_api_load(struct udev_api *ret, struct err *err)
{
    void *library = load("libudev.so.1", "libudev1", err);
    const char *missing = NULL;

    if (!library)
        return -ERR_TOOL;
#define X(name)                                    \
    if (!find(library, "udev_" #name, &ret->name)) \
        missing = "udev_" #name;
    UDEV_API_NAMES(X)
#undef X
    return check(missing, err);
}

int libusb_api_load(struct libusb_api *ret, struct err *err)
{
    void *library = load("libusb-1.0.so.0", "libusb-1.0-0", err);
    const char *missing = NULL;

    if (!library)
        return -ERR_TOOL;
#define X(name)                                      \
    if (!find(library, "libusb_" #name, &ret->name)) \
        missing = "libusb_" #name;
    LIBUSB_API_NAMES(X)
#undef X
    return check(missing, err);
}
