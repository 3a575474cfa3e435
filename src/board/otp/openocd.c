/* SPDX-License-Identifier: MIT
 *
 * otp openocd: a chip's one-time-programmable area, as a flash bank of OpenOCD.
 *
 *     otp: {openocd: {interface: stlink, target: stm32f4x, family: stm32f2x}}
 *
 * The target's script has a bank for it (stm32f4x.cfg: at 0x1FFF7800), which takes writes once it
 * was told so. "flash write_image" without "erase": the area cannot be.
 */
#include "board/flash/openocd_probe.h"
#include "board/otp/otp.h"

struct openocd {
    struct openocd_probe probe;
    char *family;
    uint64_t bank;
};

static const struct field fields[] = {
    OPENOCD_PROBE_ROWS,
    {"family", FIELD_STRING, offsetof(struct openocd, family),
     .help = "the flash driver whose OTP must be enabled: stm32f2x, stm32l4x"},
    {"bank", FIELD_UINT, offsetof(struct openocd, bank), .min = 1, .max = 15,
     .help = "the number of the flash bank that is OTP; 1"},
    TOOL_FIELDS(struct openocd_probe),
    {0},
};

static const struct tool_failure failures[] = {
    {"!no flash bank found for address %x", TOOL_OUTSIDE},
    {"OTP area is disabled", TOOL_WRITE_PROTECTED},
    {"OTP Bank is disabled", TOOL_WRITE_PROTECTED},
    {"write protected", TOOL_WRITE_PROTECTED},
    {"device protected", TOOL_PROTECTED},
    OPENOCD_FAILURES,
    {"error writing to flash at address %x", TOOL_WRITE},
    {"!ailed to write", TOOL_WRITE},
    {0},
};

static const char *const write[] = {OPENOCD_CONNECT,
                                    "-c",
                                    "init",
                                    "-c",
                                    "reset halt",
                                    "?family:-c",
                                    "?family:{family} otp {bank} enable",
                                    "-c",
                                    "flash write_image {file} {address} bin",
                                    "-c",
                                    "shutdown",
                                    NULL};
static const char *const read[] = {OPENOCD_CONNECT,
                                   "-c",
                                   "init",
                                   "-c",
                                   "reset halt",
                                   "-c",
                                   "dump_image {readback} {address} {size}",
                                   "-c",
                                   "shutdown",
                                   NULL};

static const struct tool_step steps[] = {
    {"write", write, .each = true, .rules = {failures, .said = {"wrote %u bytes"}}},
    {0},
};

static const struct tool_step compare[] = {
    {"read", read, .each = true, .readback = true,
     .rules = {failures, .said = {"dumped %u bytes"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "openocd",
    .hint = "sudo apt install openocd",
    .otherwise = FIRMWARE_BINS,
    .fields = fields,
    .steps = steps,
    .compare = compare,
    .quote = openocd_quote,
};

static void preset(void *self)
{
    tool_preset(self, &tool);
    ((struct openocd *)self)->bank = 1;
}

const struct flash_driver otp_openocd = {
    .base = {.name = "openocd",
             .summary = "a chip's OTP area, by OpenOCD with a debug probe",
             .fields = fields,
             .self_size = sizeof(struct openocd),
             .preset = preset,
             .check = openocd_probe_check,
             .program = tool_program,
             .hint = tool_hint},
    .program = tool_flash,
    .compare = tool_compare,
};
