/* SPDX-License-Identifier: MIT
 *
 * mock_parts: what the two halves of the mock share: what is plugged in, and who answers for it.
 */
#ifndef HIL_TEST_USB_MOCK_PARTS_H
#define HIL_TEST_USB_MOCK_PARTS_H

#include "mock.h"

#include <pthread.h>
#include <umockdev.h>

#define URBS_MAX 16
#define DEVICES_MAX 64
#define PARTS_MAX 512

struct urb {
    UMockdevIoctlData *data;
    int64_t due_us; /* INT64_MAX: never */
    int status, moved;
    bool discarded;
};

struct plugged {
    struct mock *mock;
    char path[32], serial[64], node[32];
    struct model *model;
    struct mock_hub hub; /* where there is no model */
    unsigned long *requests;
    bool here, held;
    struct mock_device firmware;
    bool has_firmware;
    UMockdevIoctlBase *handler;
    struct urb urbs[URBS_MAX];
    size_t urb_count;
};

struct mock {
    UMockdevTestbed *testbed;
    pthread_mutex_t lock;
    struct plugged *devices[DEVICES_MAX];
    size_t count;
    struct {
        char path[32], *syspath;
    } parts[PARTS_MAX]; /* what stands in sysfs for a device: to be removed with it */
    size_t part_count;
    unsigned next_address;
    void (*on_boot)(void *arg, struct model *model);
    void *on_boot_arg;
};

/* A request to a device's node; takes the mock's lock. */
gboolean mock_on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg);
/* After a request: has it left, or gone over to its bootloader? Then the bus shows that. */
void mock_follow(struct plugged *device);
/* Takes what stands in sysfs for it away. */
void mock_unplug_path(struct mock *mock, const char *path);

#endif
