/* SPDX-License-Identifier: MIT */
#include "fake_stm32.h"

#include "base/str.h"
#include "board/console/serial.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLASH_AT 0x08000000u

struct fake_stm32 *fake_stm32_new(void)
{
    struct fake_stm32 *fake = xcalloc(1, sizeof *fake);

    memset(fake->flash, 0x5a, sizeof fake->flash);
    return fake;
}

/* ---- the wire: false once the client is gone ------------------------------------------------- */

static bool hear(struct fake_stm32 *fake, uint8_t *ret)
{
    for (;;) {
        if (read(fake->fd, ret, 1) != 1)
            return false;
        if (fake->heard++ != fake->heard_number || !fake->heard_how)
            return true;
        if (fake->heard_how == FAKE_GARBLE) {
            *ret ^= 0x24;
            return true;
        }
    }
}

static bool hear_all(struct fake_stm32 *fake, uint8_t *ret, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!hear(fake, &ret[i]))
            return false;
    return true;
}

static void say_all(struct fake_stm32 *fake, const uint8_t *bytes, size_t size)
{
    (void)!write(fake->fd, bytes, size);
}

static void say(struct fake_stm32 *fake, bool good)
{
    uint8_t byte = good ? 0x79 : 0x1f;

    if (fake->said++ == fake->said_number && fake->said_how) {
        if (fake->said_how == FAKE_LOSE)
            return;
        byte ^= 0x20;
    }
    if (!good)
        usleep(1000 * fake->nack_late_ms);
    say_all(fake, &byte, 1);
}

static uint8_t sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;

    while (size--)
        total ^= *bytes++;
    return total;
}

/* ---- the commands ---------------------------------------------------------------------------- */

static void get(struct fake_stm32 *fake)
{
    uint8_t list[] = {7, 0x31, 0, 1, 2, 0x11, 0x21, 0x31, fake->narrow ? 0x43 : 0x44};

    say_all(fake, list, sizeof list);
    say(fake, true);
}

/* 0: told to be wrong, or the client is gone. */
static uint32_t address(struct fake_stm32 *fake)
{
    uint8_t frame[5];
    uint32_t at;
    bool good;

    if (!hear_all(fake, frame, sizeof frame))
        return 0;
    at = (uint32_t)frame[0] << 24 | (uint32_t)frame[1] << 16 | (uint32_t)frame[2] << 8 | frame[3];
    good = !sum(frame, sizeof frame) && at >= FLASH_AT && at < FLASH_AT + sizeof fake->flash;
    say(fake, good);
    return good ? at : 0;
}

static void read_memory(struct fake_stm32 *fake)
{
    uint32_t at = address(fake);
    uint8_t count[2];
    bool good;

    if (!at || !hear_all(fake, count, sizeof count))
        return;
    at -= FLASH_AT;
    good = (count[0] ^ count[1]) == 0xff && at + count[0] + 1 <= sizeof fake->flash;
    say(fake, good);
    if (good)
        say_all(fake, fake->flash + at, count[0] + 1u);
}

static void write_memory(struct fake_stm32 *fake)
{
    uint32_t at = address(fake);
    uint8_t frame[258];
    size_t size;

    if (!at || !hear(fake, &frame[0]) || !hear_all(fake, frame + 1, frame[0] + 2u))
        return;
    size = frame[0] + 1u;
    at -= FLASH_AT;
    if (sum(frame, size + 2) || at + size > sizeof fake->flash || at % 4 || size % 4) {
        say(fake, false);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        fake->bad_writes += fake->flash[at + i] != 0xff;
        fake->flash[at + i] &= frame[1 + i];
    }
    fake->written += (unsigned)size;
    say(fake, true);
}

static bool erase_pages(struct fake_stm32 *fake, const uint8_t *numbers, unsigned count)
{
    unsigned width = fake->narrow ? 1 : 2;

    for (unsigned i = 0; i < count * width; i += width)
        if ((width == 2 ? numbers[i] << 8 | numbers[i + 1] : numbers[i]) >= (int)FAKE_STM32_PAGES)
            return false;
    for (unsigned i = 0; i < count * width; i += width) {
        unsigned page = numbers[i + width - 1];
        fake->erased[page] = true;
        memset(fake->flash + page * FAKE_STM32_PAGE, 0xff, FAKE_STM32_PAGE);
    }
    return true;
}

static void erase(struct fake_stm32 *fake)
{
    static const unsigned counts_max = 0x10000;
    unsigned width = fake->narrow ? 1 : 2, count;
    cleanup_free uint8_t *frame = xmalloc(2 * counts_max + 3);

    if (!hear_all(fake, frame, width))
        return;
    count = (width == 2 ? (unsigned)frame[0] << 8 | frame[1] : frame[0]) + 1;
    fake->most_pages = count > fake->most_pages ? count : fake->most_pages;
    if (!hear_all(fake, frame + width, (size_t)count * width + 1))
        return;
    say(fake,
        !sum(frame, width + (size_t)count * width + 1) && erase_pages(fake, frame + width, count));
}

static void obey(struct fake_stm32 *fake, uint8_t command)
{
    bool known = command == 0 || command == 2 || command == 0x11 || command == 0x21 ||
                 command == 0x31 || command == (fake->narrow ? 0x43 : 0x44);

    say(fake, known && !(fake->protect && command > 2));
    if (!known || (fake->protect && command > 2))
        return;
    if (command == 0)
        get(fake);
    else if (command == 2)
        say_all(fake, (const uint8_t[]){1, 0x04, 0x40}, 3), say(fake, true);
    else if (command == 0x11)
        read_memory(fake);
    else if (command == 0x21)
        fake->went = address(fake);
    else if (command == 0x31)
        write_memory(fake);
    else
        erase(fake);
}

static void *live(void *arg)
{
    struct fake_stm32 *fake = arg;
    uint8_t pair[2];

    while (hear(fake, &pair[0]) && pair[0] != 0x7f)
        continue;
    say(fake, true);
    while (!fake->went && hear_all(fake, pair, 2)) {
        if ((pair[0] ^ pair[1]) == 0xff)
            obey(fake, pair[0]);
        else
            say(fake, false);
    }
    return NULL;
}

int fake_stm32_start(struct fake_stm32 *fake)
{
    struct err err = {0};
    int client = -1;

    fake->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(fake->fd >= 0 && grantpt(fake->fd) == 0 && unlockpt(fake->fd) == 0);
    cr_assert_eq(serial_open(ptsname(fake->fd), 115200, &client, &err), 0, "%s", err.message);
    cr_assert_eq(pthread_create(&fake->thread, NULL, live, fake), 0);
    return client;
}

void fake_stm32_stop(struct fake_stm32 *fake)
{
    pthread_join(fake->thread, NULL);
    close(fake->fd);
}

void fake_stm32_free(struct fake_stm32 *fake)
{
    free(fake);
}
