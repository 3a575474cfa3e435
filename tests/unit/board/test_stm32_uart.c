/* SPDX-License-Identifier: MIT
 *
 * The UART bootloader's frames, which sectors a chip has, and the client against a bootloader on a
 * line that spoils any one byte.
 */
#include "base/str.h"
#include "board/console/serial.h"
#include "board/flash/stm32_uart_boot.h"
#include "board/flash/stm32_uart_chips.h"
#include "fake_stm32.h"

#include <criterion/criterion.h>
#include <string.h>

#define FLASH 0x08000000u

/* ---- frames ---------------------------------------------------------------------------------- */

Test(stm32_uart, erase_frames)
{
    static const uint16_t numbers[] = {0x0102, 0x0003};
    /* AN3155, Extended Erase: N - 1 and each number with its high byte first, XOR of all */
    static const uint8_t wide[] = {0x00, 0x01, 0x01, 0x02, 0x00, 0x03, 0x01};
    static const uint8_t narrow[] = {0x01, 0x02, 0x03, 0x00};
    uint8_t frame[2 * STM32_ERASE_MAX + 3];

    cr_assert_eq(stm32_erase_frame(true, numbers, 2, frame), sizeof wide);
    cr_expect(!memcmp(frame, wide, sizeof wide));
    cr_assert_eq(stm32_erase_frame(false, numbers, 2, frame), sizeof narrow);
    cr_expect(!memcmp(frame, narrow, sizeof narrow));
}

Test(stm32_uart, a_filler_is_even_and_not_in_the_frame)
{
    uint8_t all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    cr_expect_eq(stm32_filler((const uint8_t[]){0x31, 0xce}, 2), 2);
    cr_expect_eq(stm32_filler(all, 9), 10);
    cr_expect_eq(stm32_filler(all, sizeof all), 2);
    cr_expect_eq(stm32_filler(all, 0), 2);
}

/* ---- sectors --------------------------------------------------------------------------------- */

struct sector_row {
    uint16_t id;
    uint64_t at, sector, number, size;
};

Test(stm32_uart, sectors_of_chips)
{
    static const struct sector_row rows[] = {
        {0x410, 0x0801fc00, 0x0801fc00, 127, 1024}, /* RM0008, table 5 */
        {0x414, 0x0807ffff, 0x0807f800, 255, 2048}, /* table 6 */
        {0x413, 0x0800ffff, 0x0800c000, 3, 16384},  /* RM0090, table 5 */
        {0x413, 0x08010000, 0x08010000, 4, 65536},
        {0x413, 0x080e0001, 0x080e0000, 11, 131072},
        {0x419, 0x08100000, 0x08100000, 12, 16384}, /* table 6: bank 2 */
        {0x419, 0x081fffff, 0x081e0000, 23, 131072},
        {0x423, 0x08020000, 0x08020000, 5, 131072},  /* RM0368 */
        {0x449, 0x08040000, 0x08040000, 5, 262144},  /* RM0385 */
        {0x417, 0x08000080, 0x08000080, 1, 128},     /* RM0367 */
        {0x460, 0x0801ffff, 0x0801f800, 63, 2048},   /* RM0444 */
        {0x450, 0x081e0000, 0x081e0000, 15, 131072}, /* RM0433 */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct stm32_chip *chip = stm32_chip_find(rows[i].id);
        const struct dfuse_run *run;
        struct dfuse_map map;
        struct err err;
        cr_assert(chip, "0x%x", rows[i].id);
        cr_assert_eq(stm32_chip_map(chip, chip->id, 0, &map, &err), 0);
        run = dfuse_map_at(&map, rows[i].at);
        cr_assert(run, "%zu", i);
        cr_expect_eq(run->sector_size, rows[i].size, "%zu", i);
        cr_expect_eq(rows[i].at - (rows[i].at - run->at) % run->sector_size, rows[i].sector);
        cr_expect_eq(stm32_sector_number(&map, rows[i].at), rows[i].number, "%zu", i);
    }
}

Test(stm32_uart, chips_end_where_their_flash_does)
{
    static const struct {
        uint16_t id;
        uint64_t kib;
    } rows[] = {{0x412, 32},   {0x410, 128},  {0x414, 512},  {0x430, 1024}, {0x411, 1024},
                {0x413, 1024}, {0x419, 2048}, {0x421, 512},  {0x423, 256},  {0x431, 512},
                {0x458, 128},  {0x463, 1536}, {0x449, 1024}, {0x452, 512},  {0x440, 64},
                {0x422, 256},  {0x438, 64},   {0x415, 1024}, {0x464, 128},  {0x466, 64},
                {0x468, 128},  {0x447, 192},  {0x427, 256},  {0x450, 2048}, {0x495, 1024}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dfuse_map map;
        struct err err;
        cr_assert_eq(stm32_chip_map(stm32_chip_find(rows[i].id), rows[i].id, 0, &map, &err), 0);
        cr_expect_eq(dfuse_map_bytes(&map), rows[i].kib * 1024, "0x%x", rows[i].id);
        cr_expect_null(dfuse_map_at(&map, FLASH + rows[i].kib * 1024));
    }
}

Test(stm32_uart, a_page_size_is_for_what_is_not_known_and_wins)
{
    struct dfuse_map map;
    struct err err;

    cr_expect_null(stm32_chip_find(0x999));
    cr_expect_eq(stm32_chip_map(NULL, 0x999, 0, &map, &err), -ERR_CONFIG);
    cr_expect(strstr(err.message, "chip 0x999") && strstr(err.message, "page-size"));
    cr_expect_eq(stm32_chip_map(NULL, 0x999, 4096, &map, &err), 0);
    cr_expect_eq(stm32_sector_number(&map, FLASH + 3 * 4096 + 1), 3);
    cr_expect_eq(stm32_chip_map(stm32_chip_find(0x469), 0x469, 0, &map, &err), -ERR_CONFIG);
    cr_expect(strstr(err.message, "STM32G47x/48x") && strstr(err.message, "option bytes"));
    cr_expect_eq(stm32_chip_map(stm32_chip_find(0x469), 0x469, 2048, &map, &err), 0);
    cr_expect_eq(stm32_chip_map(stm32_chip_find(0x413), 0x413, 2048, &map, &err), 0);
    cr_expect_eq(stm32_sector_number(&map, FLASH + 16384), 8);
}

/* ---- the client ------------------------------------------------------------------------------ */

struct pair {
    struct fake_stm32 *fake;
    struct stm32_boot boot;
    int fd;
    struct ctx ctx;
    struct err err;
};

static void meet(struct pair *pair, struct fake_stm32 *fake)
{
    struct ctx root = ctx_root(-1, NULL);

    *pair = (struct pair){.fake = fake, .ctx = ctx_narrow(&root, 20000)};
    pair->fd = fake_stm32_start(fake);
    cr_assert_eq(stm32_boot_open(&pair->boot, pair->fd, 115200, &pair->ctx, &pair->err), 0,
                 "said %u, heard %u: %s", fake->said_number, fake->heard_number, pair->err.message);
    pair->boot.link.patience_ms = 120; /* the fake answers at once */
}

static void part(struct pair *pair)
{
    serial_close(pair->fd);
    fake_stm32_stop(pair->fake);
    fake_stm32_free(pair->fake);
}

static const char text[] = "two word";

/* All of what flashing does, on pages 2 and 3. */
static int flash_something(struct pair *pair)
{
    static const uint16_t numbers[] = {2, 3};
    uint8_t is[sizeof text - 1];
    uint16_t id = 0;
    int rc = stm32_boot_id(&pair->boot, &id, &pair->ctx, &pair->err);

    if (rc == 0)
        rc = stm32_boot_erase(&pair->boot, numbers, 2, 2048, &pair->ctx, &pair->err);
    for (uint32_t i = 0; i < 2 && rc == 0; i++)
        rc = stm32_boot_write(&pair->boot, FLASH + 2048 + 4 * i, (const uint8_t *)text + 4 * i, 4,
                              &pair->ctx, &pair->err);
    if (rc == 0)
        rc = stm32_boot_read(&pair->boot, FLASH + 2048, is, sizeof is, &pair->ctx, &pair->err);
    cr_expect(rc < 0 || (id == 0x440 && !memcmp(is, text, sizeof is)));
    return rc;
}

static void check(const struct pair *pair, int rc)
{
    const struct fake_stm32 *fake = pair->fake;

    cr_assert_eq(rc, 0, "said %u, heard %u: %s", fake->said_number, fake->heard_number,
                 pair->err.message);
    for (unsigned i = 0; i < FAKE_STM32_PAGES; i++)
        cr_expect_eq(fake->erased[i], i == 2 || i == 3, "said %u, heard %u: page %u",
                     fake->said_number, fake->heard_number, i);
    cr_expect(!memcmp(fake->flash + 2048, text, sizeof text - 1));
    cr_expect_eq(fake->bad_writes, 0, "said %u, heard %u", fake->said_number, fake->heard_number);
    cr_expect_eq(fake->written, sizeof text - 1, "said %u, heard %u: %u", fake->said_number,
                 fake->heard_number, fake->written);
    cr_expect(fake->heard_how || fake->most_pages <= 3, "said %u: %u", fake->said_number,
              fake->most_pages);
    cr_expect(fake->flash[2047] == 0x5a && fake->flash[4096] == 0x5a);
}

static void flash_with(struct fake_stm32 *fake, unsigned *ret_heard, unsigned *ret_said)
{
    struct pair pair;

    meet(&pair, fake);
    check(&pair, flash_something(&pair));
    *ret_heard = fake->heard;
    *ret_said = fake->said;
    if (!fake->heard_how && !fake->said_how)
        cr_expect_eq(pair.boot.mended, 0);
    part(&pair);
}

static struct fake_stm32 *spoiling(bool narrow, enum fake_spoil heard, enum fake_spoil said,
                                   unsigned number)
{
    struct fake_stm32 *fake = fake_stm32_new();

    fake->narrow = narrow;
    fake->heard_how = heard;
    fake->said_how = said;
    fake->heard_number = fake->said_number = number;
    return fake;
}

/* Sync, GET, GET ID, erase: then the high byte of the count. Garbled it asks for tens of kilobytes:
 * those are not waited for, and it is told that the board needs a reset. */
#define COUNT_HIGH (1 + 2 + 2 + 2)

static void sweep(bool narrow, enum fake_spoil heard, enum fake_spoil said)
{
    unsigned heard_total, said_total, unused;

    flash_with(spoiling(narrow, FAKE_SPOIL_NOTHING, FAKE_SPOIL_NOTHING, 0), &heard_total,
               &said_total);
    for (unsigned i = 0; i < (heard ? heard_total : said_total); i++)
        if (narrow || heard != FAKE_GARBLE || i != COUNT_HIGH)
            flash_with(spoiling(narrow, heard, said, i), &unused, &unused);
}

Test(stm32_uart_noise, any_answer_lost)
{
    sweep(false, FAKE_SPOIL_NOTHING, FAKE_LOSE);
}

Test(stm32_uart_noise, any_answer_garbled)
{
    sweep(false, FAKE_SPOIL_NOTHING, FAKE_GARBLE);
    sweep(true, FAKE_SPOIL_NOTHING, FAKE_GARBLE);
}

Test(stm32_uart_noise, any_byte_lost)
{
    sweep(false, FAKE_LOSE, FAKE_SPOIL_NOTHING);
}

Test(stm32_uart_noise, any_byte_lost_with_narrow_numbers)
{
    sweep(true, FAKE_LOSE, FAKE_SPOIL_NOTHING);
}

Test(stm32_uart_noise, any_byte_garbled)
{
    sweep(false, FAKE_GARBLE, FAKE_SPOIL_NOTHING);
}

Test(stm32_uart_noise, any_byte_garbled_with_narrow_numbers)
{
    sweep(true, FAKE_GARBLE, FAKE_SPOIL_NOTHING);
}

/* The answer to one byte then looks like that to the next. */
Test(stm32_uart_noise, answers_that_come_late)
{
    for (unsigned i = 5; i < 15; i++) {
        struct fake_stm32 *fake = spoiling(false, FAKE_SPOIL_NOTHING, FAKE_GARBLE, i);
        unsigned unused;
        fake->nack_late_ms = 8;
        flash_with(fake, &unused, &unused);
    }
}

Test(stm32_uart_noise, what_cannot_be_mended_is_told)
{
    struct pair pair;

    meet(&pair, spoiling(false, FAKE_GARBLE, FAKE_SPOIL_NOTHING, COUNT_HIGH));
    cr_expect_eq(flash_something(&pair), -ERR_TIMEOUT);
    cr_expect(strstr(pair.err.message, "reset the board into it"), "%s", pair.err.message);
    part(&pair);
}

Test(stm32_uart, what_it_can)
{
    struct pair pair;

    meet(&pair, spoiling(true, FAKE_SPOIL_NOTHING, FAKE_SPOIL_NOTHING, 0));
    cr_expect_eq(pair.boot.version, 0x31);
    cr_expect(pair.boot.knows[STM32_ERASE] && !pair.boot.knows[STM32_EXTENDED_ERASE]);
    cr_expect_eq(pair.boot.blank, 0xff);
    part(&pair);
}

Test(stm32_uart, a_protected_chip_tells_its_id_and_nothing_else)
{
    struct fake_stm32 *fake = fake_stm32_new();
    uint8_t byte[4];
    struct pair pair;
    uint16_t id;

    fake->protect = true;
    meet(&pair, fake);
    cr_expect_eq(stm32_boot_id(&pair.boot, &id, &pair.ctx, &pair.err), 0);
    cr_expect_eq(stm32_boot_read(&pair.boot, FLASH, byte, 4, &pair.ctx, &pair.err), -ERR_PROTOCOL);
    cr_expect(strstr(pair.err.message, "the chip is read protected"), "%s", pair.err.message);
    part(&pair);
}

Test(stm32_uart, an_address_that_the_chip_has_not_got)
{
    struct pair pair;
    uint8_t byte[4];

    meet(&pair, fake_stm32_new());
    cr_expect_eq(stm32_boot_read(&pair.boot, FLASH + 0x10000, byte, 4, &pair.ctx, &pair.err),
                 -ERR_PROTOCOL);
    cr_expect(
        strstr(pair.err.message, "refuses to read at 0x08010000: the chip has no such memory"),
        "%s", pair.err.message);
    part(&pair);
}

Test(stm32_uart, narrow_numbers_end_at_255)
{
    static const uint16_t number = 256;
    struct pair pair;

    meet(&pair, spoiling(true, FAKE_SPOIL_NOTHING, FAKE_SPOIL_NOTHING, 0));
    cr_expect_eq(stm32_boot_erase(&pair.boot, &number, 1, 1024, &pair.ctx, &pair.err), -ERR_CONFIG);
    cr_expect(strstr(pair.err.message, "sector 256 cannot be erased"), "%s", pair.err.message);
    cr_expect(!pair.fake->erased[0]);
    part(&pair);
}

Test(stm32_uart, go)
{
    struct pair pair;

    meet(&pair, fake_stm32_new());
    cr_assert_eq(stm32_boot_go(&pair.boot, FLASH + 0x100, &pair.ctx, &pair.err), 0, "%s",
                 pair.err.message);
    serial_close(pair.fd);
    fake_stm32_stop(pair.fake);
    cr_expect_eq(pair.fake->went, FLASH + 0x100);
    fake_stm32_free(pair.fake);
}
