/* SPDX-License-Identifier: MIT
 *
 * flash dfu and reset dfu, from their options to what the chip holds afterwards.
 */
#include "../scratch.h"
#include "lab.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const struct driver_env env = {.board = "b"};

static struct image image_of(struct segment *segments, size_t count)
{
    struct image image = {.name = (char *)(uintptr_t) "fw.elf", .format = "elf"};

    image.segments = segments;
    image.count = count;
    for (size_t i = 0; i < count; i++)
        image.size_bytes += segments[i].size;
    return image;
}

static uint8_t *pattern(size_t size)
{
    uint8_t *bytes = xmalloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    return bytes;
}

static int program(const char *options, const struct image *image, const struct ctx *ctx,
                   struct err *err)
{
    void *self = lab_driver(&flash_dfu.base, options, NULL);
    int rc;

    *err = (struct err){0};
    rc = flash_dfu.program(self, &env, image, ctx, err);
    lab_driver_free(&flash_dfu.base, self);
    return rc;
}

static int program_pattern(const char *options, size_t size, const struct ctx *ctx, struct err *err)
{
    cleanup_free uint8_t *bytes = pattern(size);
    struct segment segment = {.address = MODEL_FLASH, .bytes = bytes, .size = size};
    struct image image = image_of(&segment, 1);

    return program(options, &image, ctx, err);
}

Test(flash_dfu, writes_verifies_and_leaves)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model = mock_bootloader(
        mock, "1-1.3", "357B31563235", &(struct model_conf){.erase_ms = 20, .write_ms = 1}, NULL);
    cleanup_free uint8_t *bytes = pattern(70000);
    struct err err;

    cr_assert_eq(program_pattern("{path: 1-1.3}", 70000, &ctx, &err), 0, "%s", err.message);
    cr_assert(!memcmp(model->flash, bytes, 70000));
    cr_assert_eq(model->bad_writes, 0, "sectors were not erased before");
    cr_assert_eq(model->erases, 5, "%lu", model->erases); /* 4 of 16K and the one of 64K */
    cr_assert_eq(model->early_polls, 0, "asked while it was busy");
    cr_assert(model->booted);
    cr_assert_eq(model->boot_address, MODEL_FLASH);
    /* what was not the firmware's is as it was */
    cr_assert_eq(model->flash[128 * 1024], 0x5A);
    mock_free(mock);
}

Test(flash_dfu, the_address_is_sent_once_and_blank_blocks_never)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model = mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){0}, NULL);
    cleanup_free uint8_t *bytes = pattern(16384);
    struct segment segment = {.address = MODEL_FLASH, .bytes = bytes, .size = 16384};
    struct image image = image_of(&segment, 1);
    struct err err;

    memset(bytes + 4096, 0xFF, 4096); /* two blocks of eight */
    cr_assert_eq(program("{path: 1-1.3, leave: false}", &image, &ctx, &err), 0, "%s", err.message);
    cr_assert(!memcmp(model->flash, bytes, 16384));
    /* addresses: to look for protection, to write, to verify; 1 erase; 6 blocks */
    cr_assert_eq(model->downloads, 3 + 1 + 6, "%lu", model->downloads);
    cr_assert_eq(model->uploads, 1 + 8, "%lu", model->uploads);
    cr_assert(!model->booted);
    mock_free(mock);
}

Test(flash_dfu, segments_apart_and_in_one_word)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model = mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){0}, NULL);
    uint8_t a[] = {1, 2, 3}, b[] = {4, 5, 6}, c[] = {7};
    struct segment segments[] = {
        {MODEL_FLASH + 0x100, a, 3}, {MODEL_FLASH + 0x105, b, 3}, {MODEL_FLASH + 0x40001, c, 1}};
    struct image image = image_of(segments, 3);
    struct err err;

    cr_assert_eq(program("{serial: S}", &image, &ctx, &err), 0, "%s", err.message);
    cr_assert(!memcmp(model->flash + 0x100, "\1\2\3\xFF\xFF\4\5\6\xFF", 9));
    cr_assert_eq(model->flash[0x40001], 7);
    cr_assert_eq(model->erases, 2);
    cr_assert_eq(model->written, 64, "%lu", model->written); /* a word each */
    cr_assert_eq(model->bad_writes, 0);
    mock_free(mock);
}

Test(flash_dfu, protection_is_known_before_anything_is_erased)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model =
        mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.protect = true}, NULL);
    struct err err;

    cr_assert_eq(program_pattern("{path: 1-1.3}", 5000, &ctx, &err), -ERR_REFUSED);
    cr_assert(strstr(err.message, "reading before erasing"), "%s", err.message);
    cr_assert(strstr(err.message, "read protection is on (RDP)"), "%s", err.message);
    cr_assert(strstr(err.message, "errVENDOR"), "%s", err.message);
    cr_assert_eq(model->erases, 0);
    cr_assert_eq(model->downloads, 1); /* the address */
    mock_free(mock);
}

Test(flash_dfu, a_worn_out_cell_is_named)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.bad_byte = 4099}, NULL);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 9000, &ctx, &err), -ERR_REFUSED);
    cr_assert(strstr(err.message, "verify: 0x08001003 holds 0xff"), "%s", err.message);
    mock_free(mock);
}

Test(flash_dfu, firmware_for_other_addresses_is_refused_with_the_memory_there_is)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model = mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){0}, NULL);
    uint8_t byte = 0;
    struct segment segment = {.address = 0x1FFFC000, .bytes = &byte, .size = 1};
    struct image image = image_of(&segment, 1);
    struct err err;

    cr_assert_eq(program("{path: 1-1.3}", &image, &ctx, &err), -ERR_CONFIG);
    cr_assert(strstr(err.message, "Internal Flash 0x08000000-0x0800ffff"), "%s", err.message);
    cr_assert_eq(program("{path: 1-1.3, alt: nonsense}", &image, &ctx, &err), -ERR_CONFIG);
    cr_assert(strstr(err.message, "it has: 0 '@Internal Flash"), "%s", err.message);
    cr_assert_eq(model->downloads, 0);
    mock_free(mock);
}

Test(flash_dfu, a_setting_with_an_odd_name_spoils_no_other)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    uint8_t byte = 0;
    struct segment segment = {.address = 0x20000000, .bytes = &byte, .size = 1};
    struct image image = image_of(&segment, 1);
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.odd = true}, NULL);
    cr_assert_eq(program_pattern("{path: 1-1.3, leave: false}", 100, &ctx, &err), 0, "%s",
                 err.message);
    cr_assert_eq(program("{path: 1-1.3}", &image, &ctx, &err), -ERR_CONFIG);
    cr_assert(strstr(err.message, "'@Device Feature/0xWHAT' (not understood)"), "%s", err.message);
    mock_free(mock);
}

Test(flash_dfu, unplugged_in_the_middle)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.unplug_after = 10000}, NULL);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 50000, &ctx, &err), -ERR_GONE);
    cr_assert_str_eq(err.message, "1-1.3: writing at 0x08002000: the device went away");
    mock_free(mock);
}

Test(flash_dfu, silence_ends_with_the_deadline)
{
    struct ctx ctx = within(400);
    struct mock *mock = lab_new();
    struct err err;
    int64_t began = ctx_now_ns();

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.silent_after = 10000}, NULL);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 50000, &ctx, &err), -ERR_TIMEOUT);
    cr_assert(strstr(err.message, "does not answer"), "%s", err.message);
    cr_assert_lt(ctx_now_ns() - began, 2000000000);
    mock_free(mock);
}

Test(flash_dfu, a_device_that_stays_busy_ends_with_the_deadline_too)
{
    struct ctx ctx = within(300);
    struct mock *mock = lab_new();
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.busy = true}, NULL);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 5000, &ctx, &err), -ERR_TIMEOUT);
    cr_assert(strstr(err.message, "the device stays busy") || strstr(err.message, "not answer"),
              "%s", err.message);
    mock_free(mock);
}

static void *cancel_soon(void *arg)
{
    usleep(200000);
    eventfd_write(*(int *)arg, 1);
    return NULL;
}

Test(flash_dfu, cancel_ends_a_transfer_that_is_never_answered)
{
    int cancel = eventfd(0, 0);
    struct ctx ctx = ctx_root(cancel, NULL);
    struct mock *mock = lab_new();
    int64_t began = ctx_now_ns();
    pthread_t thread;
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.silent_after = 10000}, NULL);
    pthread_create(&thread, NULL, cancel_soon, &cancel);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 50000, &ctx, &err), -ERR_CANCELLED);
    cr_assert_lt(ctx_now_ns() - began, 1500000000);
    pthread_join(thread, NULL);
    close(cancel);
    mock_free(mock);
}

Test(flash_dfu, cancel_ends_a_poll_timeout)
{
    int cancel = eventfd(0, 0);
    struct ctx ctx = ctx_root(cancel, NULL);
    struct mock *mock = lab_new();
    int64_t began = ctx_now_ns();
    pthread_t thread;
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.erase_ms = 60000}, NULL);
    pthread_create(&thread, NULL, cancel_soon, &cancel);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 50000, &ctx, &err), -ERR_CANCELLED);
    cr_assert_lt(ctx_now_ns() - began, 1500000000);
    pthread_join(thread, NULL);
    close(cancel);
    mock_free(mock);
}

Test(flash_dfu, busy_with_another_program)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){0}, NULL);
    mock_hold(mock, "1-1.3");
    cr_assert_eq(program_pattern("{path: 1-1.3}", 100, &ctx, &err), -ERR_BUSY);
    cr_assert(strstr(err.message, "another program"), "%s", err.message);
    mock_free(mock);
}

Test(flash_dfu, one_serial_number_twice_needs_a_path)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *second;
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){0}, NULL);
    second = mock_bootloader(mock, "1-1.4", "S", &(struct model_conf){0}, NULL);
    cr_assert_eq(program_pattern("{serial: S}", 100, &ctx, &err), -ERR_CONFIG);
    cr_assert(strstr(err.message, "1-1.3 and 1-1.4"), "%s", err.message);
    cr_assert_eq(program_pattern("{path: 1-1.4, serial: S}", 100, &ctx, &err), 0, "%s",
                 err.message);
    cr_assert_eq(second->written, 128);
    mock_free(mock);
}

Test(flash_dfu, firmware_is_sent_into_its_bootloader_and_comes_back)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct mock_device firmware = {.path = "1-1.3", .vendor = 0x0483, .product = 0x5740};
    struct model *model =
        mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.runtime = true}, &firmware);
    struct err err;

    cr_assert_eq(program_pattern("{path: 1-1.3, returns: '0483:5740'}", 3000, &ctx, &err), 0, "%s",
                 err.message);
    cr_assert(model->booted);
    cr_assert_eq(model->written, 3008);
    mock_free(mock);
}

Test(flash_dfu, firmware_that_does_not_come_back)
{
    struct ctx ctx = within(2000);
    struct mock *mock = lab_new();
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){0}, NULL);
    cr_assert_eq(program_pattern("{path: 1-1.3, returns: '0483:5740'}", 3000, &ctx, &err),
                 -ERR_TIMEOUT);
    cr_assert_str_eq(err.message, "1-1.3: no device 0483:5740 came back at 1-1.3");
    mock_free(mock);
}

Test(flash_dfu, a_bootloader_that_stays)
{
    struct ctx ctx = within(2000);
    struct mock *mock = lab_new();
    struct err err;

    mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){.stays = true}, NULL);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 3000, &ctx, &err), -ERR_TIMEOUT);
    cr_assert(strstr(err.message, "is BOOT0 still set?"), "%s", err.message);
    mock_free(mock);
}

Test(flash_dfu, waits_for_a_board_that_was_just_switched_on)
{
    struct ctx ctx = within(400);
    struct mock *mock = lab_new();
    struct err err;

    cr_assert_eq(program_pattern("{path: 1-1.3}", 10, &ctx, &err), -ERR_NOT_FOUND);
    cr_assert(strstr(err.message, "no bootloader at '1-1.3'"), "%s", err.message);
    mock_plug(mock,
              &(struct mock_device){
                  .path = "1-1.3", .vendor = 0x0483, .product = 0x374b, .name = "STM32 STLink"});
    ctx = within(400);
    cr_assert_eq(program_pattern("{path: 1-1.3}", 10, &ctx, &err), -ERR_NOT_FOUND);
    cr_assert(strstr(err.message, "STM32 STLink (0483:374b) at 1-1.3 is not in its bootloader"),
              "%s", err.message);
    mock_free(mock);
}

Test(flash_dfu, plain_dfu_is_written_and_read_back)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model = mock_bootloader(mock, "1-1.3", "S",
                                          &(struct model_conf){.plain = true, .write_ms = 2}, NULL);
    cleanup_free uint8_t *bytes = pattern(5000);
    struct err err;

    cr_assert_eq(program_pattern("{path: 1-1.3}", 5000, &ctx, &err), 0, "%s", err.message);
    cr_assert(!memcmp(model->flash, bytes, 5000));
    cr_assert_eq(model->uploads, 3);
    cr_assert_eq(model->early_polls, 0);
    cr_assert(model->booted);
    mock_free(mock);
}

Test(flash_dfu, plain_dfu_that_waits_for_a_reset)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model = mock_bootloader(
        mock, "1-1.3", "S", &(struct model_conf){.plain = true, .fragile = true}, NULL);
    struct err err;

    cr_assert_eq(program_pattern("{path: 1-1.3, leave: false}", 5000, &ctx, &err), 0, "%s",
                 err.message);
    cr_assert_eq(model->uploads, 0);
    cr_assert(model->booted);
    mock_free(mock);
}

Test(flash_dfu, options)
{
    static const char *const rows[][2] = {
        {"{}", "needs path or serial"},
        {"{path: /dev/ttyACM0}", "not a hub path"},
        {"{path: 1-}", "not a hub path"},
        {"{path: 1-1.3, returns: stm32}", "not a USB id"},
        {"{path: 1-1.3, returns: '0483:57401'}", "not a USB id"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *mistake = NULL;
        void *self = lab_driver(&flash_dfu.base, rows[i][0], &mistake);
        cr_expect(mistake && strstr(mistake, rows[i][1]), "%s: %s", rows[i][0], mistake);
        lab_driver_free(&flash_dfu.base, self);
    }
}

Test(reset_dfu, starts_what_flash_dfu_has_left_there)
{
    struct ctx ctx = within(20000);
    struct mock *mock = lab_new();
    struct model *model = mock_bootloader(mock, "1-1.3", "S", &(struct model_conf){0}, NULL);
    void *self = lab_driver(&reset_dfu.base, "{path: 1-1.3}", NULL);
    struct err err = {0};

    cr_assert_eq(program_pattern("{path: 1-1.3, leave: false}", 100, &ctx, &err), 0, "%s",
                 err.message);
    cr_assert(!model->booted);
    cr_assert_eq(reset_dfu.reset(self, &env, &ctx, &err), 0, "%s", err.message);
    cr_assert(model->booted);
    cr_assert_eq(model->boot_address, MODEL_FLASH);
    ctx = within(300);
    cr_assert_eq(reset_dfu.reset(self, &env, &ctx, &err), -ERR_NOT_FOUND);
    cr_assert(strstr(err.message, "leave: false"), "%s", err.message);
    lab_driver_free(&reset_dfu.base, self);
    mock_free(mock);
}
