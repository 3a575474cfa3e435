/* SPDX-License-Identifier: MIT
 *
 * flash pyocd: Arm's pyOCD.
 *
 * It writes and does not look back, so each part is read again (`savemem`) and compared here.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct pyocd {
    struct tool_conf tool;
    char *target, *serial;
    uint64_t speed_hz;
    bool under_reset;
};

static const struct field fields[] = {
    {"target", FIELD_STRING, offsetof(struct pyocd, target), FIELD_REQUIRED,
     .help = "pyOCD's name of the chip: stm32f405rg, nrf52840, ...; `pyocd list --targets`"},
    {"serial", FIELD_STRING, offsetof(struct pyocd, serial), .help = "the probe's unique id"},
    {"speed", FIELD_UINT, offsetof(struct pyocd, speed_hz), .min = 1000, .max = 100000000,
     .help = "Hz; pyOCD's own where not given"},
    {"under-reset", FIELD_BOOL, offsetof(struct pyocd, under_reset),
     .help = "true: connect while the chip is held in reset; NRST must be wired"},
    TOOL_FIELDS(struct pyocd),
    {0},
};

#define CONNECT                                                                               \
    "--no-wait", "--target={target}", "?serial:--uid={serial}", "?speed:--frequency={speed}", \
        "?under-reset:--connect=under-reset", "{args}"

static const struct tool_failure failures[] = {
    {"insufficient permissions", TOOL_USB_DENIED},
    {"Access denied", TOOL_USB_DENIED},
    {"ermission denied", TOOL_USB_DENIED},
    {"Resource busy", TOOL_PROBE_BUSY},
    {"claimed by", TOOL_PROBE_BUSY},
    {"!No available debug probe", TOOL_NO_PROBE},
    {"!No connected debug probe", TOOL_NO_PROBE},
    {"!No debug probe", TOOL_NO_PROBE},
    {"!No probe", TOOL_NO_PROBE},
    {"!No target device available", TOOL_NO_PROBE},
    {"arget type * not recognized", TOOL_UNKNOWN_CHIP},
    {"APPROTECT enabled", TOOL_PROTECTED},
    {"is locked", TOOL_PROTECTED},
    {"!flash erase all", TOOL_ERASE},
    {"!flash erase sector", TOOL_ERASE},
    {"!flash program p", TOOL_WRITE},
    {"!flash init", TOOL_WRITE},
    {"no memory region", TOOL_OUTSIDE},
    {"imeout * halt", TOOL_NOT_HALTED},
    {"No ACK", TOOL_NO_TARGET},
    {"No cores were discovered", TOOL_NO_TARGET},
    {"emory transfer fault", TOOL_NO_TARGET},
    {"communication failure", TOOL_NO_TARGET},
    {"Unexpected ACK", TOOL_NO_TARGET},
    {"unrecognized arguments", TOOL_OPTIONS},
    {"!Traceback (most recent call last)", TOOL_ERROR},
    {0},
};

/* Not on a terminal it draws a ruler of the bar's length, then the bar below it. */
static const struct tool_progress progress[] = {
    {"^[---", "flash", TOOL_STARTS},
    {"^[*] %u%%", "flash", TOOL_PERCENT},
    {"^[=", "flash", TOOL_EQUALS},
    {"programmed %u bytes", "flash", TOOL_ENDS},
    {0},
};

static const struct tool_progress reading[] = {
    {"Saved", "verify", TOOL_ENDS},
    {0},
};

static const char *const write[] = {
    "flash", CONNECT, "--no-reset", "--format=bin", "--base-address={address}", "{file}", NULL};
static const char *const read_back[] = {"commander", CONNECT, "-c",
                                        "savemem {address} {size} {readback}", NULL};

static const struct tool_step steps[] = {
    {"flash", write, .each = true, .rules = {failures, progress}},
    {"verify", read_back, .each = true, .readback = true, .rules = {failures, reading}},
    {0},
};

static const struct flash_tool tool = {
    .program = "pyocd",
    .hint = "install pyOCD: pipx install pyocd",
    .otherwise = FIRMWARE_BINS,
    .block = 4096, /* it keeps what else a sector holds */
    .fields = fields,
    .steps = steps,
    .compare = &steps[1],
};

TOOL_DRIVER(pyocd, "pyocd", struct pyocd, tool, false, "pyOCD with a CMSIS-DAP or other probe");
