/* SPDX-License-Identifier: MIT
 *
 * flash picotool: RP2040 and RP2350 in BOOTSEL mode.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct picotool {
    struct tool_conf tool;
    char *serial;
    bool force;
};

static const struct field fields[] = {
    {"serial", FIELD_STRING, offsetof(struct picotool, serial),
     .help = "the board's serial number (picotool 2 and later)"},
    {"force", FIELD_BOOL, offsetof(struct picotool, force),
     .help = "true: ask running firmware with USB stdio to reboot into BOOTSEL mode first"},
    TOOL_FIELDS(struct picotool),
    {0},
};

static const struct tool_failure failures[] = {
    {"picotool was unable to connect", TOOL_USB_DENIED},
    {"No accessible", TOOL_NO_BOOTLOADER},
    {"no accessible", TOOL_NO_BOOTLOADER},
    {"!ontents did not match", TOOL_VERIFY},
    {"!permission failure", TOOL_WRITE_PROTECTED},
    {"!outside of valid", TOOL_OUTSIDE},
    {"memory range", TOOL_OUTSIDE},
    {"!device returned an error", TOOL_WRITE},
    {"!Unable to communicate", TOOL_LOST},
    {"unexpected", TOOL_OPTIONS},
    {"!ERROR:", TOOL_ERROR},
    {0},
};

static const struct tool_progress progress[] = {
    {"Loading into *%u%%", "flash", TOOL_PERCENT},
    {"Verifying *%u%%", "verify", TOOL_PERCENT},
    {0},
};

static const char *const write[] = {
    "load", "-v",        "?force:-f",     "{file}",           "-t",     "bin",
    "-o",   "{address}", "?serial:--ser", "?serial:{serial}", "{args}", NULL};

static const struct tool_step steps[] = {
    {"flash", write, .each = true, .rules = {failures, progress}},
    {0},
};

static const struct flash_tool tool = {
    .program = "picotool",
    .hint = "install picotool from github.com/raspberrypi/picotool",
    .otherwise = FIRMWARE_BINS,
    .block = 4096,
    .fields = fields,
    .steps = steps,
};

TOOL_DRIVER(picotool, "picotool", struct picotool, tool, false,
            "picotool: RP2040 and RP2350 in BOOTSEL mode");
