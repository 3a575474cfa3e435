/* SPDX-License-Identifier: MIT
 *
 * mock: USB trees that this process and its children see instead of the host's, through umockdev.
 *
 * What runs on it must have libumockdev-preload in front of libc: unit tests link it, programs get
 * it by LD_PRELOAD. Requests to bootloaders are answered by a model; a device that leaves its
 * bootloader is unplugged, and comes back as its firmware where that is told.
 */
#ifndef HIL_TEST_USB_MOCK_H
#define HIL_TEST_USB_MOCK_H

#include "model.h"

struct mock;

struct mock_interface {
    uint8_t class, subclass, protocol;
    const char *name, *tty; /* tty: "ttyACM0"; NULL: none */
};

/* What a hub answers to questions about itself (USB 2.0, 11.24.2.5). */
struct mock_hub {
    unsigned ports;          /* 0: it answers nothing */
    uint8_t characteristics; /* 0: ganged, 1: each port by itself, 2: cannot switch */
    bool silent;             /* takes requests, and never answers */
    const char *twin;        /* the other side of its box, plugged before it; NULL: none */
};

struct mock_device {
    const char *path; /* "usb1", "1-1", "1-1.4": a hub before what hangs on it */
    uint16_t vendor, product;
    const char *serial, *maker, *name, *drive;
    const char *speed; /* Mbit/s; NULL: "12" */
    uint8_t class;
    struct mock_hub hub;
    unsigned long *requests;   /* counts who opens it, and what they ask; NULL: nobody */
    bool unconfigured, sleeps; /* sleeps: the kernel suspends it when it is idle */
    struct mock_interface interfaces[8];
};

struct mock *mock_new(void);
void mock_free(struct mock *mock);
void mock_plug(struct mock *mock, const struct mock_device *device);
void mock_unplug(struct mock *mock, const char *path);
/* The two halves of it, for who must be there between them: sysfs lags behind what is told. */
void mock_tell_removal(struct mock *mock, const char *path);
void mock_take_away(struct mock *mock, const char *path);
/* The model lives as long as the mock. `firmware`: what comes once it has booted; NULL: nothing. */
struct model *mock_bootloader(struct mock *mock, const char *path, const char *serial,
                              const struct model_conf *conf, const struct mock_device *firmware);
/* Called, in another thread, when a model has left its bootloader. */
void mock_on_boot(struct mock *mock, void (*call)(void *arg, struct model *model), void *arg);
/* An open node that is claimed by somebody else, from now on. */
void mock_hold(struct mock *mock, const char *path);

#endif
