/* SPDX-License-Identifier: MIT
 *
 * flash probe-rs: probe-rs with any probe that it knows.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct probe_rs {
    struct tool_conf tool;
    char *chip, *probe;
    uint64_t speed_khz;
    bool under_reset;
};

static const struct field fields[] = {
    {"chip", FIELD_STRING, offsetof(struct probe_rs, chip), FIELD_REQUIRED,
     .help = "probe-rs' name of the chip: STM32F405RGTx, nRF52840_xxAA, ...; `probe-rs chip list`"},
    {"probe", FIELD_STRING, offsetof(struct probe_rs, probe),
     .help = "VID:PID:SERIAL, as `probe-rs list` shows it"},
    {"speed", FIELD_UINT, offsetof(struct probe_rs, speed_khz), .min = 1, .max = 100000,
     .help = "kHz"},
    {"under-reset", FIELD_BOOL, offsetof(struct probe_rs, under_reset),
     .help = "true: connect while the chip is held in reset; NRST must be wired"},
    TOOL_FIELDS(struct probe_rs),
    {0},
};

static const struct tool_failure failures[] = {
    {"ermission denied", TOOL_USB_DENIED},
    {"esource busy", TOOL_PROBE_BUSY},
    {"lready in use", TOOL_PROBE_BUSY},
    {"No connected probes were found", TOOL_NO_PROBE},
    {"Probe was not found", TOOL_NO_PROBE},
    {"Probe not found", TOOL_NO_PROBE},
    {"No probe was found", TOOL_NO_PROBE},
    {"ultiple probes", TOOL_TWO_PROBES},
    {"chip * was not found", TOOL_UNKNOWN_CHIP},
    {"lacked the permission", TOOL_PROTECTED},
    {"erify failed", TOOL_VERIFY},
    {"erification failed", TOOL_VERIFY},
    {"o flash memory contains", TOOL_OUTSIDE},
    {"ailed to erase flash sector at address %x", TOOL_ERASE},
    {"ailed to erase", TOOL_ERASE},
    {"page write of the page at address %x failed", TOOL_WRITE},
    {"did not respond", TOOL_NO_TARGET},
    {"o access port detected", TOOL_NO_TARGET},
    {"onnecting to the chip was unsuccessful", TOOL_NO_TARGET},
    {"imeout * halt", TOOL_NOT_HALTED},
    {"ailed to open the debug probe", TOOL_PROBE_BUSY},
    {"unexpected argument", TOOL_OPTIONS},
    {"invalid value", TOOL_OPTIONS},
    {0},
};

static const struct tool_progress progress[] = {
    {"Erasing", "flash", TOOL_STARTS},
    {"Programming*%u%%", "flash", TOOL_PERCENT},
    {"Verifying*%u%%", "verify", TOOL_PERCENT},
    {"Finished in", "verify", TOOL_ENDS},
    {0},
};

static const char *const write[] = {"download",
                                    "--chip={chip}",
                                    "?probe:--probe={probe}",
                                    "?speed:--speed={speed}",
                                    "?under-reset:--connect-under-reset",
                                    "--verify",
                                    "{args}",
                                    "--binary-format={format}",
                                    "{file}",
                                    NULL};

static const struct tool_step steps[] = {
    {"flash", write, .rules = {failures, progress}},
    {0},
};

static const struct flash_tool tool = {
    .program = "probe-rs",
    .hint = "install probe-rs: https://probe.rs",
    .takes = {"elf", "ihex"},
    .otherwise = FIRMWARE_HEX,
    .fields = fields,
    .steps = steps,
};

TOOL_DRIVER(probe_rs, "probe-rs", struct probe_rs, tool, false, "probe-rs with a debug probe");
