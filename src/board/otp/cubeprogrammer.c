/* SPDX-License-Identifier: MIT
 *
 * otp cubeprogrammer: an STM32's one-time-programmable area, by ST's STM32CubeProgrammer (UM2237:
 * -w and -r with a raw binary).
 */
#include "board/flash/cubeprogrammer.h"
#include "board/otp/otp.h"

static const struct field fields[] = {
    CUBEPROGRAMMER_FIELDS,
    TOOL_FIELDS(struct cubeprogrammer),
    {0},
};

static const char *const write[] = {CUBEPROGRAMMER_CONNECT, "-w", "{file}", "{address}", NULL};
static const char *const read[] = {CUBEPROGRAMMER_CONNECT, "-r", "{address}", "{size}",
                                   "{readback}",           NULL};

static const struct tool_step steps[] = {
    {"write", write, .each = true,
     .rules = {cubeprogrammer_failures, .said = {"File download complete"}}},
    {0},
};

static const struct tool_step compare[] = {
    {"read", read, .each = true, .readback = true, .rules = {cubeprogrammer_failures}},
    {0},
};

static const struct flash_tool tool = {
    .program = CUBEPROGRAMMER,
    .hint = CUBEPROGRAMMER_HINT,
    .otherwise = FIRMWARE_BINS,
    .fields = fields,
    .steps = steps,
    .compare = compare,
};

static void preset(void *self)
{
    tool_preset(self, &tool);
}

const struct flash_driver otp_cubeprogrammer = {
    .base = {.name = "cubeprogrammer",
             .summary = "an STM32's OTP area, by ST's STM32CubeProgrammer",
             .fields = fields,
             .self_size = sizeof(struct cubeprogrammer),
             .preset = preset,
             .check = tool_check,
             .program = tool_program,
             .hint = tool_hint},
    .program = tool_flash,
    .compare = tool_compare,
};
