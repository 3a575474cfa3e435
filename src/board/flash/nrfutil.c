/* SPDX-License-Identifier: MIT
 *
 * flash nrfutil: Nordic's nRF Util, its command `device`, through a J-Link.
 *
 * It erases what the firmware touches, reads back what it wrote, and ends with a code to trust.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct nrfutil {
    struct tool_conf tool;
    char *serial, *core;
};

static const struct field fields[] = {
    {"serial", FIELD_STRING, offsetof(struct nrfutil, serial),
     .help = "the board's serial number, as `nrfutil device list` shows it"},
    {"core", FIELD_STRING, offsetof(struct nrfutil, core),
     .help = "Application or Network, on a chip that has both"},
    TOOL_FIELDS(struct nrfutil),
    {0},
};

static const struct tool_failure failures[] = {
    {"rotection is enabled", TOOL_PROTECTED},
    {"is protected", TOOL_PROTECTED},
    {"ot available because * protection", TOOL_PROTECTED},
    {"ermission denied", TOOL_USB_DENIED},
    {"!o devices found", TOOL_NO_PROBE},
    {"!o supported devices", TOOL_NO_PROBE},
    {"!evice * not found", TOOL_NO_PROBE},
    {"ultiple devices", TOOL_TWO_PROBES},
    {"already open", TOOL_PROBE_BUSY},
    {"nknown device", TOOL_UNKNOWN_CHIP},
    {"!erify failed", TOOL_VERIFY},
    {"!erification failed", TOOL_VERIFY},
    {"JLinkARM DLL", TOOL_OPTIONS},
    {"unexpected argument", TOOL_OPTIONS},
    {"unrecognized subcommand", TOOL_OPTIONS},
    {"!Failed to program", TOOL_WRITE},
    {"!Error:", TOOL_ERROR},
    {0},
};

static const struct tool_progress progress[] = {
    {"%u%%*Program", "flash", TOOL_PERCENT},
    {"%u%%*Verif", "verify", TOOL_PERCENT},
    {0},
};

static const char *const write[] = {
    "device",
    "program",
    "--firmware={file}",
    "?serial:--serial-number={serial}",
    "?core:--core={core}",
    "--options=chip_erase_mode=ERASE_RANGES_TOUCHED_BY_FIRMWARE,verify=VERIFY_READ,"
    "reset=RESET_SYSTEM",
    "{args}",
    NULL};

static const struct tool_step steps[] = {
    {"flash", write, .rules = {failures, progress}},
    {0},
};

static const struct flash_tool tool = {
    .program = "nrfutil",
    .hint = "install nRF Util from nordicsemi.com, then: nrfutil install device",
    .takes = {"ihex"},
    .otherwise = FIRMWARE_HEX,
    .fields = fields,
    .steps = steps,
};

TOOL_DRIVER(nrfutil, "nrfutil", struct nrfutil, tool, false, "Nordic's nRF Util, for nRF chips");
