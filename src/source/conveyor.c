/* SPDX-License-Identifier: MIT */
#include "source/conveyor.h"

#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BLOCKS 6

struct block {
    size_t size;
    uint8_t bytes[CONVEYOR_BLOCK];
};

/* Two counting semaphores that poll() can wait for say whose a block is; the blocks are used in
 * turn. */
struct conveyor {
    int full, empty; /* eventfds: blocks to take, blocks to fill */
    struct block *blocks;
    size_t filled, taken; /* handed over, and taken, so far: the putter's, the taker's */
    atomic_size_t total;  /* to be taken; SIZE_MAX until the end is known */
    bool owned;           /* by the putter: the block after `filled` may be written */
    bool held;            /* by the taker: the block before `taken` is in use */
};

int conveyor_new(struct conveyor **ret, struct err *err)
{
    struct conveyor *belt = xcalloc(1, sizeof *belt);

    belt->full = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    belt->empty = eventfd(BLOCKS, EFD_CLOEXEC | EFD_SEMAPHORE);
    belt->blocks = xcalloc(BLOCKS, sizeof *belt->blocks);
    atomic_init(&belt->total, SIZE_MAX);
    *ret = belt;
    if (belt->full >= 0 && belt->empty >= 0)
        return 0;
    err_sys(err, errno, "eventfd");
    conveyor_free(belt);
    *ret = NULL;
    return -ERR_IO;
}

static int await(int semaphore, const struct ctx *ctx, struct err *err)
{
    uint64_t one;
    int rc = ctx_wait(ctx, semaphore, POLLIN, err);

    if (rc < 0)
        return rc;
    return read(semaphore, &one, sizeof one) == sizeof one ? 0 : err_sys(err, errno, "eventfd");
}

/* Cannot block: the count never comes near its limit. */
static void post(int semaphore)
{
    while (eventfd_write(semaphore, 1) < 0 && errno == EINTR)
        ;
}

static void hand_over(struct conveyor *belt)
{
    belt->filled++;
    belt->owned = false;
    post(belt->full);
}

int conveyor_put(struct conveyor *belt, const void *bytes, size_t count, const struct ctx *ctx,
                 struct err *err)
{
    while (count) {
        struct block *block = &belt->blocks[belt->filled % BLOCKS];
        size_t room;
        if (!belt->owned) {
            int rc = await(belt->empty, ctx, err);
            if (rc < 0)
                return rc;
            belt->owned = true;
            block->size = 0;
        }
        room = CONVEYOR_BLOCK - block->size < count ? CONVEYOR_BLOCK - block->size : count;
        memcpy(block->bytes + block->size, bytes, room);
        block->size += room;
        bytes = (const uint8_t *)bytes + room;
        count -= room;
        if (block->size == CONVEYOR_BLOCK)
            hand_over(belt);
    }
    return 0;
}

void conveyor_end(struct conveyor *belt)
{
    if (belt->owned)
        hand_over(belt);
    atomic_store(&belt->total, belt->filled);
    post(belt->full); /* a taker that waits looks at the total */
}

ssize_t conveyor_take(struct conveyor *belt, const void **ret, const struct ctx *ctx,
                      struct err *err)
{
    struct block *block = &belt->blocks[belt->taken % BLOCKS];
    int rc;

    if (belt->held)
        post(belt->empty);
    belt->held = false;
    if (belt->taken == atomic_load(&belt->total))
        return 0;
    rc = await(belt->full, ctx, err);
    if (rc < 0)
        return rc;
    if (belt->taken == atomic_load(&belt->total))
        return 0;
    belt->held = true;
    belt->taken++;
    *ret = block->bytes;
    return (ssize_t)block->size;
}

void conveyor_free(struct conveyor *belt)
{
    if (!belt)
        return;
    close_fd(&belt->full);
    close_fd(&belt->empty);
    free(belt->blocks);
    free(belt);
}
