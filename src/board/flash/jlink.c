/* SPDX-License-Identifier: MIT
 *
 * flash jlink: SEGGER's J-Link Commander.
 *
 *     flash: {jlink: {device: nRF52840_xxAA, serial: 683012345, speed: 4000}}
 *
 * It takes its commands from a file, flash.script, in which nothing but our own file name changes.
 * loadfile compares what it wrote. Without -ExitOnError it would end with 0 whatever happened.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct jlink {
    struct tool_conf tool;
    char *device;
    uint64_t serial, speed_khz;
    int interface;
};

static const char *const interfaces[] = {"SWD", "JTAG", NULL};

static const struct field fields[] = {
    {"device", FIELD_STRING, offsetof(struct jlink, device), FIELD_REQUIRED,
     .help = "SEGGER's name of the chip: STM32F405RG, nRF52840_xxAA, ..."},
    {"serial", FIELD_UINT, offsetof(struct jlink, serial), .min = 1,
     .help = "the J-Link's serial number"},
    {"interface", FIELD_CHOICE, offsetof(struct jlink, interface), .choices = interfaces,
     .help = "SWD where not given"},
    {"speed", FIELD_UINT, offsetof(struct jlink, speed_khz), .min = 1, .max = 100000,
     .help = "kHz; 4000 where not given"},
    TOOL_FIELDS(struct jlink),
    {0},
};

static const struct tool_failure failures[] = {
    {"!Cannot connect to J-Link", TOOL_NO_PROBE},
    {"!No emulators connected", TOOL_NO_PROBE},
    {"!No J-Link * found", TOOL_NO_PROBE},
    {"!s unknown to this", TOOL_UNKNOWN_CHIP},
    {"VTref=0.", TOOL_NO_VOLTAGE},
    {"evice is secured", TOOL_PROTECTED},
    {"eadout protection", TOOL_PROTECTED},
    {"ead protection", TOOL_PROTECTED},
    {"!Cannot connect to target", TOOL_NO_TARGET},
    {"!Could not connect to target", TOOL_NO_TARGET},
    {"!Could not find core in", TOOL_NO_TARGET},
    {"CPU could not be halted", TOOL_NOT_HALTED},
    {"!erification failed @ address %x", TOOL_VERIFY},
    {"!erify failed @ address %x", TOOL_VERIFY},
    {"!erification failed", TOOL_VERIFY},
    {"erification of RAMCode failed", TOOL_NO_TARGET},
    {"!Failed to erase", TOOL_ERASE},
    {"!Erase failed", TOOL_ERASE},
    {"!rogramming failed", TOOL_WRITE},
    {"!Error while programming flash", TOOL_WRITE},
    {"!Writing target memory failed", TOOL_WRITE},
    {"Failed to download RAMCode", TOOL_NO_TARGET},
    {"Unknown command line option", TOOL_OPTIONS},
    {"!****** Error:", TOOL_ERROR},
    {0},
};

static const struct tool_progress progress[] = {
    {"Downloading file", "flash", TOOL_STARTS},
    {"^O.K.", "flash", TOOL_ENDS},
    {0},
};

static const char *const script[] = {"r", "h", "loadfile {file}", "r", "g", "qc", NULL};
static const char *const write[] = {"-NoGui",
                                    "1",
                                    "-ExitOnError",
                                    "1",
                                    "?serial:-USB",
                                    "?serial:{serial}",
                                    "-device",
                                    "{device}",
                                    "-if",
                                    "{interface}",
                                    "-speed",
                                    "?speed:{speed}",
                                    "!speed:4000",
                                    "-autoconnect",
                                    "1",
                                    "{args}",
                                    "-CommandFile",
                                    "flash.script",
                                    NULL};

static const struct tool_step steps[] = {
    {"flash", write, .rules = {failures, progress, .said = {"^O.K."}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "JLinkExe",
    .hint = "install the J-Link software from segger.com",
    .takes = {"elf", "ihex", "srec"},
    .otherwise = FIRMWARE_HEX,
    .fields = fields,
    .steps = steps,
    .script = script,
};

TOOL_DRIVER(jlink, "jlink", struct jlink, tool, false, "SEGGER's J-Link Commander");
