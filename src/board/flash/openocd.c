/* SPDX-License-Identifier: MIT
 *
 * flash openocd: OpenOCD with a debug probe.
 *
 *     flash: {openocd: {interface: stlink, target: stm32f4x, serial: 066DFF515754888367131638}}
 *
 * `program` verifies by reading back. OpenOCD warns where a segment lies in no flash, leaves it out
 * and goes on: that is a failure here.
 */
#include "board/flash/flash.h"
#include "board/flash/openocd_probe.h"

struct openocd {
    struct openocd_probe probe;
    char *chip;
};

static const struct field fields[] = {
    OPENOCD_PROBE_ROWS,
    {"chip", FIELD_STRING, offsetof(struct openocd, chip),
     .help = "an STM32's device id (0x413), or words of OpenOCD's line about it; checked before "
             "anything is erased"},
    TOOL_FIELDS(struct openocd_probe),
    {0},
};

static const struct tool_failure failures[] = {
    {"!no flash bank found for address %x", TOOL_OUTSIDE},
    {"!diff * address %x", TOOL_VERIFY},
    {"!contents differ", TOOL_VERIFY},
    {"!Verify Failed", TOOL_VERIFY},
    {"write protected", TOOL_WRITE_PROTECTED},
    {"device protected", TOOL_PROTECTED},
    OPENOCD_FAILURES,
    {"failed erasing sectors", TOOL_ERASE},
    {"error writing to flash at address %x", TOOL_WRITE},
    {"!Programming Failed", TOOL_WRITE},
    {0},
};

static const struct tool_progress progress[] = {
    {"Programming Started", "flash", TOOL_STARTS},
    {"Programming Finished", "flash", TOOL_ENDS},
    {"Verify Started", "verify", TOOL_STARTS},
    {"Verified OK", "verify", TOOL_ENDS},
    {0},
};

static const char *const identify[] = {OPENOCD_CONNECT, "-c", "init",     "-c", "reset init", "-c",
                                       "flash probe 0", "-c", "shutdown", NULL};
static const char *const write[] = {OPENOCD_CONNECT, "-c", "program {file} verify reset", "-c",
                                    "shutdown",      NULL};

static const struct tool_step steps[] = {
    {"identify", identify, .when = "chip",
     .rules = {failures, .chip = "device id* = %x", .chip_name = "device id* = %s"}},
    {"flash", write,
     .rules = {failures, progress, .said = {"Programming Finished", "Verified OK"}}},
    {0},
};

static const char *const verify[] = {
    OPENOCD_CONNECT,       "-c", "init",      "-c", "reset init", "-c",
    "verify_image {file}", "-c", "reset run", "-c", "shutdown",   NULL};

static const struct tool_step compare[] = {
    {"compare", verify, .rules = {failures, progress, .said = {"^verified %u bytes"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "openocd",
    .hint = "sudo apt install openocd",
    .takes = {"elf", "ihex", "srec"},
    .otherwise = FIRMWARE_HEX,
    .fields = fields,
    .steps = steps,
    .compare = compare,
    .quote = openocd_quote,
};

static void preset(void *self)
{
    tool_preset(self, &tool);
}

const struct flash_driver flash_openocd = {
    .base = {.name = "openocd",
             .summary = "OpenOCD with a debug probe",
             .fields = fields,
             .self_size = sizeof(struct openocd),
             .preset = preset,
             .check = openocd_probe_check,
             .program = tool_program},
    .program = tool_flash,
    .compare = tool_compare,
};
