/* SPDX-License-Identifier: MIT */
#include "board/flash/stm32_uart_link.h"

#include "board/console/serial.h"

#include <string.h>

#define BITS 11 /* of a byte on the wire: start, eight, parity, stop */
#define PATIENCE_MS 1000
#define KNOCKS 10       /* in that time, without an answer; adapters may keep a byte for 16 ms */
#define SETTLES 20      /* the same, where it is only to be brought back */
#define SINGLES 12      /* such bytes, one at a time */
#define FLOOD_SIZE 1040 /* an extended erase of 0x0202 + 1 sectors takes 1033 */

void stm32_link_init(struct stm32_link *link, int fd, uint64_t speed)
{
    *link = (struct stm32_link){
        .fd = fd, .speed = speed, .patience_ms = PATIENCE_MS, .settles = SETTLES, .filler = 2};
}

uint8_t stm32_xor(const uint8_t *bytes, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum ^= bytes[i];
    return sum;
}

uint8_t stm32_filler(const uint8_t *bytes, size_t size)
{
    for (int filler = 2; filler < 256; filler += 2)
        if (!memchr(bytes, filler, size))
            return (uint8_t)filler;
    return 2;
}

static int64_t wire_ms(const struct stm32_link *link, size_t bytes)
{
    return (int64_t)(bytes * BITS * 1000 / link->speed) + 1;
}

/* A tty whose adapter is pulled answers EIO, or is at its end. */
static int gone(struct err *err)
{
    return err_set(err, ERR_GONE, "the port went away; was its adapter unplugged?");
}

static int put(struct stm32_link *link, const void *bytes, size_t size, const struct ctx *ctx,
               struct err *err)
{
    int rc = ctx_write(ctx, link->fd, bytes, size, err);

    if (rc == -ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT, "the port takes no bytes");
    return rc == 0 || rc == -ERR_CANCELLED ? rc : gone(err);
}

/* At least one byte. */
static ssize_t get(struct stm32_link *link, uint8_t *bytes, size_t room, const struct ctx *ctx,
                   struct err *err)
{
    ssize_t n = ctx_read(ctx, link->fd, bytes, room, err);

    if (n == -ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT, "the bootloader does not answer");
    return n > 0 || n == -ERR_CANCELLED ? n : gone(err);
}

int stm32_link_receive(struct stm32_link *link, uint8_t *bytes, size_t size, const struct ctx *ctx,
                       struct err *err)
{
    struct ctx until = ctx_narrow(ctx, link->patience_ms + wire_ms(link, size));

    for (size_t done = 0; done < size;) {
        ssize_t n = get(link, bytes + done, size - done, &until, err);
        if (n < 0)
            return (int)n;
        done += (size_t)n;
    }
    return 0;
}

static int judge(uint8_t byte, struct err *err)
{
    if (byte == STM32_ACK)
        return 0;
    if (byte == STM32_NACK)
        return err_set(err, ERR_REFUSED, "the bootloader refuses");
    return err_set(err, ERR_DATA, "0x%02x is no answer that a bootloader gives", byte);
}

static int await_ack(struct stm32_link *link, const struct ctx *until, struct err *err)
{
    uint8_t byte = STM32_BUSY;

    while (byte == STM32_BUSY) {
        ssize_t n = get(link, &byte, 1, until, err);
        if (n < 0)
            return (int)n;
    }
    return judge(byte, err);
}

int stm32_link_ack(struct stm32_link *link, const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, link->patience_ms);

    return await_ack(link, &until, err);
}

int stm32_link_send(struct stm32_link *link, const uint8_t *frame, size_t size, int64_t ms,
                    const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, ms + link->patience_ms + wire_ms(link, size));
    int rc;

    link->filler = stm32_filler(frame, size);
    rc = put(link, frame, size, &until, err);
    return rc < 0 ? rc : await_ack(link, &until, err);
}

int stm32_link_command(struct stm32_link *link, uint8_t command, const struct ctx *ctx,
                       struct err *err)
{
    link->stage = STM32_COMMAND;
    link->command = command;
    serial_flush(link->fd);
    return stm32_link_send(link, (const uint8_t[]){command, (uint8_t)~command}, 2, 0, ctx, err);
}

int stm32_link_address(struct stm32_link *link, uint32_t at, const struct ctx *ctx, struct err *err)
{
    uint8_t frame[5] = {(uint8_t)(at >> 24), (uint8_t)(at >> 16), (uint8_t)(at >> 8), (uint8_t)at};

    frame[4] = stm32_xor(frame, 4);
    link->stage = STM32_ADDRESS;
    return stm32_link_send(link, frame, sizeof frame, 0, ctx, err);
}

/* One byte out, one back. */
static int poke(struct stm32_link *link, uint8_t byte, int64_t ms, uint8_t *ret_heard,
                const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, ms + wire_ms(link, 2));
    int rc;
    ssize_t n;

    serial_flush(link->fd);
    rc = put(link, &byte, 1, &until, err);
    if (rc < 0)
        return rc;
    n = get(link, ret_heard, 1, &until, err);
    return n < 0 ? (int)n : 0;
}

int stm32_link_knock(struct stm32_link *link, const struct ctx *ctx, uint8_t *ret_heard,
                     struct err *err)
{
    int rc = poke(link, STM32_SYNC, link->patience_ms / KNOCKS, ret_heard, ctx, err);

    if (rc < 0 || *ret_heard == STM32_ACK || *ret_heard == STM32_NACK)
        return rc;
    return judge(*ret_heard, err);
}

/* Until it is quiet. Firmware that never is is no bootloader, either. */
static int drain(struct stm32_link *link, const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, link->patience_ms);
    uint8_t bytes[256];
    ssize_t n = 1;

    while (n > 0) {
        struct ctx quiet = ctx_narrow(&until, link->patience_ms / link->settles);
        n = get(link, bytes, sizeof bytes, &quiet, err);
    }
    return n == -ERR_TIMEOUT ? ctx_check(ctx, err) : (int)n;
}

int stm32_link_flood(struct stm32_link *link, const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, link->patience_ms + wire_ms(link, FLOOD_SIZE));
    uint8_t bytes[FLOOD_SIZE];
    int rc;

    memset(bytes, link->filler, sizeof bytes);
    rc = put(link, bytes, sizeof bytes, &until, err);
    return rc < 0 ? rc : drain(link, ctx, err);
}

/* Until a NACK comes: 1: it did, 0: it did not. */
static int singles(struct stm32_link *link, const struct ctx *ctx, struct err *err)
{
    for (int i = 0; i < SINGLES; i++) {
        uint8_t heard = 0;
        int rc = poke(link, link->filler, link->patience_ms / link->settles, &heard, ctx, err);
        if (rc == 0 && heard == STM32_NACK)
            return 1;
        if (rc == -ERR_GONE || rc == -ERR_CANCELLED)
            return rc;
        rc = ctx_check(ctx, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The bootloader may wait for the rest of any frame, whole or short of a byte that was lost. An
 * even filler that is not 0 makes no good frame from its first byte on: as a count it wants an odd
 * number of bytes more, so that all of them, the count too, cancel out, and a checksum of 0 is
 * never sent (addresses the same); as a command it is not its own complement. One that is not in
 * the last frame makes no good one of its rest where one byte is missing, as the checksum would be
 * that byte. Two fillers as an extended erase's count ask for hundreds of sectors, though: that one
 * gets a short frame with a wrong checksum instead. */
int stm32_link_resync(struct stm32_link *link, const struct ctx *ctx, struct err *err)
{
    static const uint8_t short_erase[] = {0, 0, 0, 0, 0x5a};
    int rc = 0;

    if (link->stage == STM32_COMMAND && link->command == STM32_EXTENDED_ERASE)
        rc = put(link, short_erase, sizeof short_erase, ctx, err);
    if (rc == 0)
        rc = drain(link, ctx, err);
    if (rc == 0)
        rc = singles(link, ctx, err);
    if (rc == 0)
        rc = stm32_link_flood(link, ctx, err);
    if (rc == 0)
        rc = singles(link, ctx, err);
    if (rc == 0 || rc == -ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT,
                       "the bootloader does not answer any more: reset the board into it, and "
                       "flash again");
    return rc < 0 ? rc : 0;
}
