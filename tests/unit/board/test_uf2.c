/* SPDX-License-Identifier: MIT
 *
 * flash uf2 on a directory that plays the drive: what a drive answers that is pulled, or that goes
 * away as it should, comes from fdatasync() here. Real block devices: tests/program/test_uf2.py and
 * ci/usb-lab.
 */
#include "base/fs.h"
#include "base/str.h"
#include "board/console_tty.h"
#include "board/flash/flash.h"
#include "board/flash/uf2_info.h"
#include "fake_kernel.h"
#include "image/image.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define RP2040_INFO "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"
#define PIECES 5
#define IMAGE_SIZE ((PIECES * 64 * 1024 - 5000) / 2) /* 256 bytes are a block of 512 */

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

static struct {
    char *dir;
    unsigned synced;  /* pieces so far */
    unsigned fail_at; /* piece, from 1; 0: never */
    int fail_with;    /* errno; 0: it succeeds */
    bool vanish;      /* then */
} drive;

static void vanish(void)
{
    cleanup_free char *info = fs_join(drive.dir, UF2_INFO_FILE);

    unlink(info);
}

int __wrap_fdatasync(int fd)
{
    if (!drive.dir || ++drive.synced != drive.fail_at)
        return __real_fdatasync(fd);
    if (drive.vanish)
        vanish();
    errno = drive.fail_with;
    return drive.fail_with ? -1 : 0;
}

static void appear(const char *info)
{
    cleanup_free char *path = fs_join(drive.dir, UF2_INFO_FILE);

    cr_assert_eq(fs_write(path, info, strlen(info), NULL), 0);
}

static struct ctx within(int64_t ms)
{
    struct ctx root = ctx_root(-1, NULL);

    return ctx_narrow(&root, ms);
}

static struct image *firmware(void)
{
    struct image_options options = {.has_at = true, .at = 0x10000000};
    uint8_t *bytes = xcalloc(IMAGE_SIZE, 1);
    struct image *image = NULL;

    memset(bytes, 'x', IMAGE_SIZE);
    cr_assert_eq(image_load("fw", bytes, IMAGE_SIZE, &options, &image, NULL), 0);
    free(bytes);
    return image;
}

static int flash(const char *options, struct console_tty *console, int64_t ms, struct err *err)
{
    void *self = xcalloc(1, flash_uf2.base.self_size);
    cleanup_free char *text = xasprintf("{mount: \"%s\"%s}", drive.dir, options);
    struct driver_env env = {.board = "b", .runtime_dir = drive.dir, .console = console};
    struct image *image = firmware();
    struct ctx ctx = within(ms);
    struct diags diags = {0};
    struct yaml_tree *tree;
    int rc;

    cr_assert_eq(yaml_parse(text, strlen(text), "t", &tree, &diags, NULL), 0);
    fields_read(flash_uf2.base.fields, yaml_root(tree), "flash", self, &diags);
    flash_uf2.base.check(self, yaml_root(tree), &diags);
    cr_assert_not(diags.messages.count);
    rc = flash_uf2.program(self, &env, image, &ctx, err);
    image_free(image);
    fields_done(flash_uf2.base.fields, self);
    free(self);
    yaml_tree_free(tree);
    return rc;
}

static void set_up(void)
{
    cr_assert_eq(fs_temp_dir(&drive.dir, NULL), 0);
}

static void tear_down(void)
{
    fs_remove_tree(drive.dir);
    free(drive.dir);
    drive.dir = NULL;
}

TestSuite(uf2, .init = set_up, .fini = tear_down);

Test(uf2, a_drive_that_goes_early_is_not_done)
{
    static const struct {
        unsigned at;
        int with;
        bool vanish;
        int rc;
        const char *words;
    } cases[] = {
        {PIECES, 0, true, 0, ""},   /* all was taken, then it went */
        {PIECES, EIO, true, 0, ""}, /* it went with the last block */
        {PIECES, ENODEV, true, 0, ""},
        {PIECES, EIO, false, -ERR_IO, "its last blocks: Input/output error"},
        {PIECES, ENOSPC, false, -ERR_LIMIT, "no room for "},
        {3, EIO, true, -ERR_GONE, "the drive vanished after 131072 of "},
        {3, 0, true, -ERR_GONE,
         "the drive vanished after 131072 of "}, /* a mount that outlives it */
        {3, EIO, false, -ERR_IO, "after 131072 of "},
        {1, ENOSPC, false, -ERR_LIMIT, "no room for "},
        {0, 0, false, -ERR_TIMEOUT, "has not started the firmware; is that for this chip?"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        appear(RP2040_INFO);
        drive.synced = 0;
        drive.fail_at = cases[i].at;
        drive.fail_with = cases[i].with;
        drive.vanish = cases[i].vanish;
        int rc = flash("", NULL,
                       cases[i].rc == -ERR_TIMEOUT || (cases[i].at == PIECES && !cases[i].vanish)
                           ? 200
                           : 60000,
                       &err);
        cr_expect_eq(rc, cases[i].rc, "%zu: %s", i, err.message);
        cr_expect(strstr(err.message, cases[i].words), "%zu: %s", i, err.message);
    }
}

Test(uf2, a_wait_for_the_drive_is_cancelled)
{
    struct err err = {0};

    cr_expect_eq(flash("", NULL, 50, &err), -ERR_TIMEOUT);
    cr_expect(strstr(err.message, "the bootloader's drive did not come"), "%s", err.message);
}

/* ---- the touch ------------------------------------------------------------------------------- */

/* Firmware that goes into its bootloader when its tty is opened at 1200 baud and DTR falls. */
static void *be_touched(void *arg)
{
    int master = *(int *)arg;
    struct termios tty;

    while (!strstr(fake_log(), "dtr0"))
        usleep(1000);
    cr_expect_eq(tcgetattr(master, &tty), 0);
    cr_expect_eq(cfgetospeed(&tty), B1200);
    appear(RP2040_INFO);
    return NULL;
}

Test(uf2, firmware_is_touched)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct tty_target target = {0};
    struct console_tty console;
    struct err err = {0};
    pthread_t thread;

    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    target.path = ptsname(master);
    fake_modem(target.path);
    console_tty_init(&console, &target);
    drive.fail_at = PIECES;
    drive.vanish = true;
    pthread_create(&thread, NULL, be_touched, &master);
    cr_expect_eq(flash(", enter: touch", &console, 60000, &err), 0, "%s", err.message);
    pthread_join(thread, NULL);
    close(master);
}

/* ---- INFO_UF2.TXT ---------------------------------------------------------------------------- */

Test(uf2, info_is_read_as_devices_write_it)
{
    static const struct {
        const char *text, *bootloader, *model, *board_id;
    } cases[] = {
        {RP2040_INFO, "UF2 Bootloader v3.0", "Raspberry Pi RP2", "RPI-RP2"},
        {"UF2 Bootloader 0.6.1 lib/nrfx (v2.0.0)\nModel: Adafruit Feather nRF52840 Express\n"
         "Board-ID: nRF52840-Feather-revD\nDate: Jun 19 2021\nSoftDevice: S140 6.1.1\n",
         "UF2 Bootloader 0.6.1 lib/nrfx (v2.0.0)", "Adafruit Feather nRF52840 Express",
         "nRF52840-Feather-revD"},
        {"UF2 Bootloader v1", "UF2 Bootloader v1", "", ""},
        {"UF2 Bootloader\rBoard-ID:x\r", "UF2 Bootloader", "", "x"},
        {"UF2 Bootloader\nboard-id: \t a\x1b[2J \n", "UF2 Bootloader", "", "a?[2J"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct uf2_info info;
        struct err err = {0};
        cr_assert_eq(uf2_info_parse(cases[i].text, strlen(cases[i].text), &info, &err), 0, "%s",
                     err.message);
        cr_expect_str_eq(info.bootloader, cases[i].bootloader);
        cr_expect_str_eq(info.model, cases[i].model);
        cr_expect_str_eq(info.board_id, cases[i].board_id);
    }
}

Test(uf2, other_files_are_no_info)
{
    static const char *const texts[] = {"", "\n", "# DAPLink Firmware\r\nUnique ID: 0240\r\n",
                                        "\nUF2 Bootloader v3.0\n", "UF2 Boot"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct uf2_info info;
        struct err err = {0};
        cr_expect_eq(uf2_info_parse(texts[i], strlen(texts[i]), &info, &err), -ERR_DATA, "%zu", i);
        cr_expect_str_eq(err.message, "INFO_UF2.TXT:1: does not begin with 'UF2 Bootloader'");
    }
}
