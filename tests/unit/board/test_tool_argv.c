/* SPDX-License-Identifier: MIT
 *
 * From options in lab.yaml to the words that a tool is started with: golden/flash/argv.txt, a word
 * a line between brackets. With HIL_WRITE_GOLDEN set it is written anew, to be read by a person.
 */
#include "../scratch.h"
#include "board/flash/flash.h"
#include "board/flash/tool_words.h"
#include "board/otp/otp.h"
#include "board/reset/reset.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN HIL_TEST_DATA "/flash/argv.txt"

static const char *const rows[] = {
    "openocd: {interface: stlink, target: stm32f4x}",
    "openocd: {interface: stlink, target: stm32f4x, serial: 066DFF515754888367131638, chip: 0x421}",
    "openocd: {interface: \"/opt/my probe}/x.cfg\", target: board/st_nucleo_f4.cfg, transport: "
    "hla_swd,"
    " speed: 1800, under-reset: true, args: [-d1]}",
    "openocd: {interface: stlink, target: nrf52,"
    " serial: \"a} ; shutdown [exec id] $x \\\"q\\\" \\\\ {\\n\\xe9#\"}",
    "reset openocd: {interface: stlink, target: stm32f4x, serial: \"a} b\", location: 1-1.4,"
    " under-reset: true, program: /opt/openocd, args: [-d1]}",
    "st-flash: {}",
    "st-flash: {serial: \"-x --erase\", speed: 1800, under-reset: true, chip: F446}",
    "cubeprogrammer: {}",
    "cubeprogrammer: {port: USB1, serial: \"20 5\", speed: 8000, under-reset: true, chip: 0x421}",
    "pyocd: {target: nrf52840}",
    "pyocd: {target: --help, serial: \"-u x\", speed: 4000000, under-reset: true}",
    "probe-rs: {chip: nRF52840_xxAA}",
    "probe-rs: {chip: --help, probe: \"1366:1015:-1\", speed: 4000, under-reset: true}",
    "jlink: {device: STM32F405RG}",
    "jlink: {device: nRF52840_xxAA, serial: 683012345, speed: 12000, interface: JTAG}",
    "nrfutil: {}",
    "nrfutil: {serial: --help, core: Network}",
    "esptool: {port: /dev/ttyUSB0}",
    "esptool: {port: /dev/serial/by-id/usb x;y, chip: esp32s3, baud: 921600, before: usb_reset,"
    " after: no_reset, args: [--no-stub]}",
    "avrdude: {part: m328p, programmer: usbasp}",
    "avrdude: {part: m328p, programmer: arduino, port: /dev/ttyACM0, baud: 57600, no-erase: true}",
    "dfu-util: {}",
    "dfu-util: {device: \"0483:df11\", serial: \"-D /etc\", path: 1-1.4, alt: 1}",
    "picotool: {}",
    "picotool: {serial: --all, force: true}",
    "stm32flash: {port: /dev/ttyUSB0}",
    "stm32flash: {port: /dev/ttyUSB0, baud: 115200, sequence: \"rts,-dtr:-rts\", chip: 0x410}",
    "bossac: {port: /dev/ttyACM0}",
    "bossac: {port: /dev/ttyACM0, base: 0x08000000, touch: true, boot: true, chip: SAM3X}",
    "st-flash: {program: /opt/st flash/st-flash, args: [--flash=128k, \"\"]}",
    "otp cubeprogrammer: {port: USB1, serial: 357B31563235}",
    "otp openocd: {interface: stlink, target: stm32f4x, family: stm32f2x, serial: \"a} b\"}",
    "otp openocd: {interface: jlink, target: nrf52}",
};

/* "NAME" is a flash driver's, "reset NAME" a reset driver's, "otp NAME" an OTP driver's. */
static const struct driver_base *find(const char *name)
{
    bool reset = str_starts(name, "reset "), otp = str_starts(name, "otp ");

    for (size_t d = 0; reset && reset_drivers[d]; d++)
        if (!strcmp(reset_drivers[d]->base.name, name + strlen("reset ")))
            return &reset_drivers[d]->base;
    for (size_t d = 0; otp && otp_drivers[d]; d++)
        if (!strcmp(otp_drivers[d]->base.name, name + strlen("otp ")))
            return &otp_drivers[d]->base;
    for (size_t d = 0; !reset && !otp && flash_drivers[d]; d++)
        if (!strcmp(flash_drivers[d]->base.name, name))
            return &flash_drivers[d]->base;
    return NULL;
}

/* A driver's instance as board_open() makes it; what is wrong with it goes to diags. */
static void *configure(const char *text, struct yaml_tree **tree, const struct driver_base **ret,
                       struct diags *diags)
{
    struct err err = {0};

    cr_assert_eq(yaml_parse(text, strlen(text), "lab.yaml", tree, diags, &err), 0, "%s: %s", text,
                 err.message);
    const struct yaml_node *node = yaml_root(*tree)->first;
    const struct driver_base *driver = *ret = find(node->key);
    cr_assert(driver, "%s", text);
    void *self = xcalloc(1, driver->self_size);
    driver->preset(self);
    fields_read(driver->fields, node, node->key, self, diags);
    if (!diags->messages.count)
        driver->check(self, node, diags);
    return self;
}

static void print_words(const char *step, const struct strv *words, struct buf *out)
{
    buf_addf(out, "%s:", step);
    for (size_t i = 0; i < words->count; i++)
        buf_addf(out, " [%s]", words->items[i]);
    buf_adds(out, "\n");
}

static void print_row(const char *text, struct buf *out)
{
    char first[] = "firmware-1.bin", second[] = "firmware-2.bin", dir[] = "/run/hil";
    struct firmware_file files[] = {{first, 0x08000000, 16384}, {second, 0x08040000, 4}};
    struct firmware firmware = {.dir = dir, .files = files, .count = 2};
    struct driver_env env = {.board = "uno"};
    const struct driver_base *driver;
    struct diags diags = {0};
    struct yaml_tree *tree = NULL;
    struct tool_conf *conf = configure(text, &tree, &driver, &diags);

    cr_assert_eq(diags.messages.count, 0, "%s: %s", text,
                 diags.messages.count ? diags.messages.items[0] : "");
    if (conf->tool->otherwise != FIRMWARE_BINS || !conf->tool->block)
        firmware.count = 1;
    if (conf->tool->otherwise != FIRMWARE_BINS) {
        memcpy(first, "firmware.hex", sizeof "firmware.hex");
    }
    buf_addf(out, "# %s\n", text);
    for (const struct tool_step *step = conf->tool->steps; step->argv; step++) {
        cleanup_strv struct strv words = {0};
        if (step->when && !strstr(text, " chip:"))
            continue;
        strv_add(&words, tool_program(conf));
        cr_assert_eq(tool_words(conf, &env, &firmware,
                                step->each || firmware.count == 1 ? files : NULL, step->argv,
                                &words, NULL),
                     0);
        print_words(step->name, &words, out);
    }
    for (size_t i = 0; conf->tool->script && conf->tool->script[i]; i++) {
        cleanup_strv struct strv line = {0};
        tool_words(conf, &env, &firmware, files, (const char *const[]){conf->tool->script[i], NULL},
                   &line, NULL);
        print_words("script", &line, out);
    }
    buf_adds(out, "\n");
    fields_done(driver->fields, conf);
    free(conf);
    yaml_tree_free(tree);
    diags_done(&diags);
}

Test(tool_argv, is_as_written_down)
{
    cleanup_buf struct buf got = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        print_row(rows[i], &got);
    if (getenv("HIL_WRITE_GOLDEN"))
        cr_assert_eq(fs_write(GOLDEN, got.data, got.size, NULL), 0);
    cr_assert_eq(fs_read(GOLDEN, &want, NULL), 0);
    cr_expect_str_eq(got.data, want.data);
}

Test(tool_argv, mistakes_are_told_when_the_lab_is_read)
{
    static const struct {
        const char *yaml, *message;
    } bad[] = {
        {"openocd: {interface: stlink}", "needs 'target'"},
        {"openocd: {interface: ../x, target: y}", "neither a script of OpenOCD nor an absolute"},
        {"openocd: {interface: stlink, target: ../y.cfg}", "neither a script of OpenOCD nor"},
        {"st-flash: {program: bin/st-flash}", "'bin/st-flash' must be a program's name or an abs"},
        {"stm32flash: {port: --help}", "'--help' is not a port"},
        {"jlink: {device: x, serial: \"-foo\"}", "serial"},
        {"esptool: {chip: esp32}", "port"},
        {"avrdude: {part: m8, programmer: arduino, speed: 1}", "unknown"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const struct driver_base *driver;
        struct diags diags = {0};
        struct yaml_tree *tree = NULL;
        void *self = configure(bad[i].yaml, &tree, &driver, &diags);
        cr_assert_eq(diags.messages.count, 1, "%s: %zu", bad[i].yaml, diags.messages.count);
        cr_expect(strstr(diags.messages.items[0], bad[i].message), "%s", diags.messages.items[0]);
        fields_done(driver->fields, self);
        free(self);
        yaml_tree_free(tree);
        diags_done(&diags);
    }
}
