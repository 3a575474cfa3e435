/* SPDX-License-Identifier: MIT
 *
 * The DFU client against a model of an STM32's bootloader, over libusb and an emulated usbfs.
 */
#include "lab.h"
#include "usb/dfu_find.h"

/* On the hub's port 3 a bootloader. */
static struct mock *lab(const struct model_conf *conf, struct model **ret)
{
    struct mock *mock = lab_new();

    *ret = mock_bootloader(mock, "1-1.3", "357B31563235", conf, NULL);
    return mock;
}

static struct dfu *find(const struct ctx *ctx)
{
    struct dfu_select select = {.path = "1-1.3"};
    struct err err = {0};
    struct dfu *dfu = NULL;
    char *path = NULL;

    cr_assert_eq(dfu_find(&select, &dfu, &path, ctx, &err), 0, "%s", err.message);
    cr_assert_str_eq(path, "1-1.3");
    free(path);
    return dfu;
}

Test(dfu, opens_and_reads_the_memory)
{
    struct ctx ctx = within(10000);
    struct model *model;
    struct mock *mock = lab(&(struct model_conf){0}, &model);
    struct dfu *dfu = find(&ctx);

    cr_assert(dfu->st && dfu->can_upload && !dfu->runtime);
    cr_assert_eq(dfu->block_size, 2048);
    cr_assert_eq(dfu->count, 4);
    cr_assert_str_eq(dfu->settings[0].map.name, "Internal Flash");
    cr_assert_eq(dfuse_map_bytes(&dfu->settings[0].map), 1024 * 1024);
    cr_assert_str_eq(dfu->settings[3].map.name, "Device Feature");
    dfu_close(dfu);
    mock_free(mock);
}

Test(dfu, an_earlier_program_left_it_in_the_middle)
{
    struct ctx ctx = within(10000);
    struct model *model;
    struct mock *mock = lab(&(struct model_conf){0}, &model);
    struct dfu *dfu = find(&ctx);
    struct err err = {0};

    model->state = 10; /* dfuERROR */
    model->status = 3;
    cr_assert_eq(dfu_select(dfu, 0, &ctx, &err), 0, "%s", err.message);
    model->state = 9; /* dfuUPLOAD-IDLE */
    cr_assert_eq(dfu_select(dfu, 0, &ctx, &err), 0, "%s", err.message);
    cr_assert_eq(model->state, 2);
    dfu_close(dfu);
    mock_free(mock);
}

Test(dfu, errors_come_in_words_and_leave_it_idle)
{
    struct ctx ctx = within(10000);
    struct model *model;
    struct mock *mock = lab(&(struct model_conf){0}, &model);
    struct dfu *dfu = find(&ctx);
    struct err err = {0};

    cr_assert_eq(dfu_select(dfu, 0, &ctx, &err), 0);
    cr_assert_eq(dfuse_erase(dfu, 0x20000000, &ctx, &err), -ERR_REFUSED);
    cr_assert(strstr(err.message, "erasing the sector at 0x20000000"), "%s", err.message);
    cr_assert(strstr(err.message, "errTARGET"), "%s", err.message);
    cr_assert_eq(dfu->status, 1);
    cr_assert_eq(model->state, 2);
    /* a read in the middle of a download is out of order: a stall, whose reason is asked for */
    cr_assert_eq(dfuse_point(dfu, MODEL_FLASH, &ctx, &err), 0);
    cr_assert_eq(dfu_read(dfu, 2, (uint8_t[8]){0}, 8, &ctx, &err), -ERR_REFUSED);
    cr_assert(strstr(err.message, "errSTALLEDPKT"), "%s", err.message);
    cr_assert_eq(model->state, 2);
    dfu_close(dfu);
    mock_free(mock);
}

Test(dfu, functional_descriptors)
{
    struct dfu dfu = {0};

    cr_assert(dfu_read_functional((uint8_t[]){9, 0x21, 0x0b, 255, 0, 0, 8, 0x1a, 1}, 9, &dfu));
    cr_assert(dfu.st && dfu.can_upload && !dfu.survives && dfu.detaches);
    cr_assert_eq(dfu.detach_ms, 255);
    cr_assert_eq(dfu.block_size, 2048);
    /* DFU 1.0: without a version; behind another descriptor */
    cr_assert(dfu_read_functional((uint8_t[]){2, 0x24, 7, 0x21, 5, 1, 0, 64, 0}, 9, &dfu));
    cr_assert(!dfu.st && dfu.survives && !dfu.can_upload);
    cr_assert_eq(dfu.block_size, 64);
    cr_assert(dfu_read_functional((uint8_t[]){9, 0x21, 0x0b, 255, 0, 0, 0, 0x10, 1}, 9, &dfu));
    cr_assert_eq(dfu.block_size, 1024, "nonsense is not believed");
    cr_assert(!dfu_read_functional((uint8_t[]){9, 0x21, 0x0b, 255, 0, 0, 8, 0x1a}, 8, &dfu));
    cr_assert(!dfu_read_functional((uint8_t[]){0, 0x21, 0, 0}, 4, &dfu));
}
