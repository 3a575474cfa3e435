/* SPDX-License-Identifier: MIT */
#include "board/flash/stm32_uart_boot.h"

#include <inttypes.h>
#include <string.h>

#define TRIES 3
#define OPEN_MS 4000
#define FLOOD_AT 13     /* knocks; odd: see knock() */
#define LEGACY_MAX 0xff /* AN3155, Erase Memory: page numbers are bytes */
/* The slowest sectors take 4 s for 128 KiB (an F4's data sheet, at the lowest voltage). */
#define ERASE_KIB_MS 80

/* ---- what can be tried again ----------------------------------------------------------------- */

struct attempt {
    int (*take)(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                struct err *err);
    const char *what; /* "read", "erase" */
    uint32_t at;
    uint8_t *ret;
    const uint8_t *bytes;
    size_t size;
    int64_t ms;
    bool sent; /* the data: what became of them is not known */
};

static bool may_be_noise(int rc)
{
    return rc == -ERR_REFUSED || rc == -ERR_DATA || rc == -ERR_TIMEOUT;
}

static int explain_refusal(const struct stm32_boot *boot, const struct attempt *attempt,
                           struct err *err)
{
    if (boot->link.stage == STM32_COMMAND)
        return err_set(err, ERR_PROTOCOL,
                       "the chip is read protected: the bootloader refuses to %s anything; "
                       "'stm32flash -k PORT' removes the protection, and erases the chip with it",
                       attempt->what);
    if (boot->link.stage == STM32_ADDRESS)
        return err_set(err, ERR_PROTOCOL,
                       "the bootloader refuses to %s at 0x%08" PRIx32
                       ": the chip has no such memory; is the firmware linked for this chip?",
                       attempt->what, attempt->at);
    return err_set(err, ERR_PROTOCOL,
                   "the bootloader refuses to %s, though it took the command; is the flash write "
                   "protected?",
                   attempt->what);
}

static int explain(const struct stm32_boot *boot, const struct attempt *attempt, int rc,
                   struct err *err)
{
    if (rc == -ERR_REFUSED)
        return explain_refusal(boot, attempt, err);
    err_wrap(err, "to %s was tried %d times in vain", attempt->what, TRIES);
    return err_hint(err, "; is the line noisy? a lower speed or a shorter cable may help");
}

/* A count, less one, and so many bytes, and an ACK. */
static int ask(struct stm32_boot *boot, uint8_t command, uint8_t ret[256], size_t *ret_size,
               const struct ctx *ctx, struct err *err)
{
    uint8_t count = 0;
    int rc = stm32_link_command(&boot->link, command, ctx, err);

    if (rc == 0)
        rc = stm32_link_receive(&boot->link, &count, 1, ctx, err);
    if (rc < 0)
        return rc;
    *ret_size = (size_t)count + 1;
    rc = stm32_link_receive(&boot->link, ret, *ret_size, ctx, err);
    return rc < 0 ? rc : stm32_link_ack(&boot->link, ctx, err);
}

/* A NACK may be a late one, of a byte before: only a whole answer says that both are together.
 * Where none comes it is waited longer. */
static int come_back(struct stm32_boot *boot, const struct ctx *ctx, struct err *err)
{
    uint8_t id[256];
    size_t size = 0;
    int rc = -ERR_TIMEOUT;

    for (int tries = 0; tries < TRIES && may_be_noise(rc); tries++) {
        rc = stm32_link_resync(&boot->link, ctx, err);
        if (rc < 0)
            return rc;
        rc = ask(boot, STM32_GET_ID, id, &size, ctx, err);
        if (rc < 0)
            boot->link.settles = boot->link.settles / 4 + 1;
    }
    if (!may_be_noise(rc))
        return rc;
    return err_set(err, ERR_PROTOCOL,
                   "the line is so noisy that the bootloader is not understood any more: take a "
                   "lower speed or a shorter cable, and reset the board into it");
}

static int persist(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                   struct err *err)
{
    for (int tries = 1;; tries++) {
        int rc = attempt->take(boot, attempt, ctx, err);
        if (!may_be_noise(rc) || ctx_left_ms(ctx) == 0)
            return rc;
        if (tries == TRIES)
            return explain(boot, attempt, rc, err);
        boot->mended++;
        rc = come_back(boot, ctx, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- GET and GET ID -------------------------------------------------------------------------- */

static int take_get(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                    struct err *err)
{
    uint8_t bytes[256];
    size_t size = 0;
    int rc = ask(boot, STM32_GET, bytes, &size, ctx, err);

    (void)attempt;
    if (rc < 0)
        return rc;
    memset(boot->knows, 0, sizeof boot->knows);
    boot->version = bytes[0];
    for (size_t i = 1; i < size; i++)
        boot->knows[bytes[i]] = true;
    if (boot->knows[STM32_GET_ID] && boot->knows[STM32_READ] && boot->knows[STM32_WRITE])
        return 0;
    return err_set(err, ERR_DATA, "what the bootloader says it can do makes no sense");
}

static int take_id(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                   struct err *err)
{
    uint8_t bytes[256];
    size_t size = 0;
    int rc = ask(boot, STM32_GET_ID, bytes, &size, ctx, err);

    if (rc < 0)
        return rc;
    if (size != 2)
        return err_set(err, ERR_DATA, "a chip id of %zu bytes", size);
    memcpy(attempt->ret, bytes, 2);
    return 0;
}

int stm32_boot_id(struct stm32_boot *boot, uint16_t *ret, const struct ctx *ctx, struct err *err)
{
    uint8_t id[2] = {0};
    struct attempt attempt = {.take = take_id, .what = "tell the chip's id", .ret = id};
    int rc = persist(boot, &attempt, ctx, err);

    *ret = (uint16_t)(id[0] << 8 | id[1]);
    return rc;
}

/* ---- who is there? --------------------------------------------------------------------------- */

static int nobody(const struct stm32_boot *boot, bool heard, struct err *err)
{
    if (heard)
        return err_set(err, ERR_TIMEOUT,
                       "what answers is no bootloader; is the board running its firmware? set "
                       "BOOT0 high and reset it; if it is in its bootloader, reset it there once: "
                       "it keeps the speed (now: %" PRIu64 ") of its first byte",
                       boot->link.speed);
    return err_set(err, ERR_TIMEOUT,
                   "no bootloader answers at %" PRIu64
                   " baud: is BOOT0 high, was the board reset then, and does this port lead to an "
                   "UART that AN2606 names for the chip, RX to TX?",
                   boot->link.speed);
}

/* A bootloader that another host has left in the middle of a frame answers nothing until that is
 * complete. But one that has only just started takes its speed from the first byte, so 0x7F is
 * tried for a while before the flood. Where it waits for a count, the first of them is that, 128
 * data and a checksum: of an odd number of them and of fillers the sum is never the filler. */
static int knock(struct stm32_boot *boot, unsigned tries, bool *heard, const struct ctx *ctx,
                 struct err *err)
{
    struct attempt attempt = {.take = take_get};
    uint8_t byte = 0;
    int rc = tries == FLOOD_AT ? stm32_link_flood(&boot->link, ctx, err) : 0;

    if (rc == 0)
        rc = stm32_link_knock(&boot->link, ctx, &byte, err);
    *heard = *heard || rc == -ERR_DATA;
    if (rc < 0)
        return rc;
    rc = take_get(boot, &attempt, ctx, err);
    if (!may_be_noise(rc))
        return rc;
    *heard = true;
    rc = stm32_link_resync(&boot->link, ctx, err);
    return rc < 0 ? rc : err_set(err, ERR_DATA, "what it can do was not understood");
}

int stm32_boot_open(struct stm32_boot *boot, int fd, uint64_t speed, const struct ctx *ctx,
                    struct err *err)
{
    struct ctx until = ctx_narrow(ctx, OPEN_MS);
    bool heard = false;

    *boot = (struct stm32_boot){.blank = 0xff};
    stm32_link_init(&boot->link, fd, speed);
    for (unsigned tries = 0;; tries++) {
        int rc = knock(boot, tries, &heard, &until, err);
        if (!may_be_noise(rc))
            return rc;
        if (ctx_left_ms(&until) == 0)
            return nobody(boot, heard, err);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int begin(struct stm32_boot *boot, uint8_t command, uint32_t at, const struct ctx *ctx,
                 struct err *err)
{
    int rc = stm32_link_command(&boot->link, command, ctx, err);

    if (rc == 0)
        rc = stm32_link_address(&boot->link, at, ctx, err);
    boot->link.stage = rc == 0 ? STM32_DATA : boot->link.stage;
    return rc;
}

static int take_read(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                     struct err *err)
{
    uint8_t count = (uint8_t)(attempt->size - 1);
    int rc = begin(boot, STM32_READ, attempt->at, ctx, err);

    if (rc == 0)
        rc =
            stm32_link_send(&boot->link, (const uint8_t[]){count, (uint8_t)~count}, 2, 0, ctx, err);
    return rc < 0 ? rc : stm32_link_receive(&boot->link, attempt->ret, attempt->size, ctx, err);
}

int stm32_boot_read(struct stm32_boot *boot, uint32_t at, uint8_t *bytes, size_t size,
                    const struct ctx *ctx, struct err *err)
{
    struct attempt attempt = {
        .take = take_read, .what = "read", .at = at, .ret = bytes, .size = size};

    return persist(boot, &attempt, ctx, err);
}

/* 0: it is there; 1: it is not, and may be written. */
static int look(struct stm32_boot *boot, const struct attempt *written, const struct ctx *ctx,
                struct err *err)
{
    uint8_t is[STM32_BLOCK] = {0};
    struct attempt attempt = {.at = written->at, .ret = is, .size = written->size};
    int rc = take_read(boot, &attempt, ctx, err);

    if (rc < 0 || !memcmp(is, written->bytes, written->size))
        return rc;
    for (size_t i = 0; i < written->size; i++)
        if (is[i] != boot->blank)
            return err_set(err, ERR_PROTOCOL,
                           "0x%08" PRIx32 " holds 0x%02x, and 0x%02x was written; flash again",
                           written->at + (uint32_t)i, is[i], written->bytes[i]);
    return 1;
}

static int take_write(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                      struct err *err)
{
    uint8_t frame[1 + STM32_BLOCK + 1] = {(uint8_t)(attempt->size - 1)};
    int rc = attempt->sent ? look(boot, attempt, ctx, err) : 1;

    if (rc <= 0)
        return rc;
    attempt->sent = false;
    rc = begin(boot, STM32_WRITE, attempt->at, ctx, err);
    if (rc < 0)
        return rc;
    memcpy(frame + 1, attempt->bytes, attempt->size);
    frame[1 + attempt->size] = stm32_xor(frame, 1 + attempt->size);
    attempt->sent = true;
    return stm32_link_send(&boot->link, frame, attempt->size + 2, 0, ctx, err);
}

int stm32_boot_write(struct stm32_boot *boot, uint32_t at, const uint8_t *bytes, size_t size,
                     const struct ctx *ctx, struct err *err)
{
    struct attempt attempt = {
        .take = take_write, .what = "write", .at = at, .bytes = bytes, .size = size};

    return persist(boot, &attempt, ctx, err);
}

/* ---- erase and go ---------------------------------------------------------------------------- */

size_t stm32_erase_frame(bool extended, const uint16_t *numbers, size_t count, uint8_t *ret)
{
    size_t size = 0;

    if (extended)
        ret[size++] = (uint8_t)((count - 1) >> 8);
    ret[size++] = (uint8_t)(count - 1);
    for (size_t i = 0; i < count; i++) {
        if (extended)
            ret[size++] = (uint8_t)(numbers[i] >> 8);
        ret[size++] = (uint8_t)numbers[i];
    }
    ret[size] = stm32_xor(ret, size);
    return size + 1;
}

static int take_erase(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                      struct err *err)
{
    uint8_t command = boot->knows[STM32_EXTENDED_ERASE] ? STM32_EXTENDED_ERASE : STM32_ERASE;
    int rc = stm32_link_command(&boot->link, command, ctx, err);

    if (rc < 0)
        return rc;
    boot->link.stage = STM32_DATA;
    return stm32_link_send(&boot->link, attempt->bytes, attempt->size, attempt->ms, ctx, err);
}

int stm32_boot_erase(struct stm32_boot *boot, const uint16_t *numbers, size_t count, uint64_t bytes,
                     const struct ctx *ctx, struct err *err)
{
    bool extended = boot->knows[STM32_EXTENDED_ERASE];
    uint8_t frame[2 * STM32_ERASE_MAX + 3];
    struct attempt attempt = {.take = take_erase,
                              .what = "erase",
                              .bytes = frame,
                              .ms = (int64_t)(bytes / 1024) * ERASE_KIB_MS};

    for (size_t i = 0; i < count && !extended; i++)
        if (numbers[i] > LEGACY_MAX)
            return err_set(err, ERR_CONFIG,
                           "sector %u cannot be erased: this bootloader counts to %d; link the "
                           "firmware for lower addresses, or flash through another port",
                           numbers[i], LEGACY_MAX);
    attempt.size = stm32_erase_frame(extended, numbers, count, frame);
    return persist(boot, &attempt, ctx, err);
}

static int take_go(struct stm32_boot *boot, struct attempt *attempt, const struct ctx *ctx,
                   struct err *err)
{
    return begin(boot, STM32_GO, attempt->at, ctx, err);
}

int stm32_boot_go(struct stm32_boot *boot, uint32_t at, const struct ctx *ctx, struct err *err)
{
    struct attempt attempt = {.take = take_go, .what = "start", .at = at};

    return persist(boot, &attempt, ctx, err);
}
