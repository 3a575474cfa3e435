/* SPDX-License-Identifier: MIT
 *
 * flash bossac: Microchip's SAM chips, through the SAM-BA bootloader.
 *
 * It erases from the firmware's offset to the end of the flash, so everything is one binary.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct bossac {
    struct tool_conf tool;
    char *port, *chip;
    uint64_t base;
    bool touch, boot;
};

static const struct field fields[] = {
    {"port", FIELD_STRING, offsetof(struct bossac, port), FIELD_REQUIRED,
     .help = "the board's tty; may be the console's"},
    {"base", FIELD_ADDRESS, offsetof(struct bossac, base),
     .help = "where the chip's flash begins: 0x80000 on a SAM3X, 0x400000 on a SAM4; 0 where not "
             "given"},
    {"touch", FIELD_BOOL, offsetof(struct bossac, touch),
     .help = "true: open the port at 1200 baud first, which sends Arduino firmware into the "
             "bootloader"},
    {"boot", FIELD_BOOL, offsetof(struct bossac, boot),
     .help = "true: set the chip to boot from flash (SAM3, SAM4)"},
    {"chip", FIELD_STRING, offsetof(struct bossac, chip),
     .help = "part of the chip's name (SAMD21G18); checked before anything is erased"},
    TOOL_FIELDS(struct bossac),
    {0},
};

static const struct tool_failure failures[] = {
    {"ermission denied", TOOL_PORT_DENIED},  {"resource busy", TOOL_PORT_BUSY},
    {"No such file", TOOL_NO_PORT},          {"Failed to open port at 1200bps", TOOL_NO_PORT},
    {"No device found", TOOL_NO_BOOTLOADER}, {"Device unsupported", TOOL_UNKNOWN_CHIP},
    {"!Verify failed", TOOL_VERIFY},         {"exceeds flash size", TOOL_OUTSIDE},
    {"Flash erase failed", TOOL_ERASE},      {"Flash command failed", TOOL_WRITE},
    {"SAM-BA operation failed", TOOL_LOST},  {"invalid option", TOOL_OPTIONS},
    {"unrecognized option", TOOL_OPTIONS},   {0},
};

static const struct tool_progress progress[] = {
    {"^Write %u bytes to flash", "flash", TOOL_STARTS},
    {"^Verify %u bytes of flash", "verify", TOOL_STARTS},
    {"] *(%u/%u pages)", NULL, TOOL_RATIO},
    {0},
};

static const char *const identify[] = {"--port={port}", "?touch:--arduino-erase", "{args}",
                                       "--info", NULL};
static const char *const write[] = {
    "--port={port}",  "?touch:--arduino-erase", "{args}", "--erase", "--write", "--verify",
    "?boot:--boot=1", "--offset={offset}",      "{file}", NULL};

static const struct tool_step steps[] = {
    {"identify", identify, .when = "chip", .rules = {failures, .chip_name = "Device : %s"}},
    {"flash", write, .rules = {failures, progress, .said = {"Verify successful"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "bossac",
    .hint = "sudo apt install bossa-cli",
    .otherwise = FIRMWARE_BINS,
    .fields = fields,
    .steps = steps,
};

TOOL_DRIVER(bossac, "bossac", struct bossac, tool, true,
            "bossac: SAM chips, through the SAM-BA bootloader");
