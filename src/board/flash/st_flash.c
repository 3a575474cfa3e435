/* SPDX-License-Identifier: MIT
 *
 * flash st-flash: the open ST-LINK tools (stlink-org/stlink).
 *
 * It writes raw binaries, one a call, and erases the sectors that each touches; an STM32's largest
 * are 128 KiB (256 KiB on an F7), so segments in one 256 KiB go together. It reads back what it
 * wrote.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct st_flash {
    struct tool_conf tool;
    char *serial, *chip;
    uint64_t speed_khz;
    bool under_reset;
};

static const struct field fields[] = {
    {"serial", FIELD_STRING, offsetof(struct st_flash, serial),
     .help = "the ST-LINK's serial number"},
    {"speed", FIELD_UINT, offsetof(struct st_flash, speed_khz), .min = 1, .max = 24000,
     .help = "kHz"},
    {"under-reset", FIELD_BOOL, offsetof(struct st_flash, under_reset),
     .help = "true: connect while the chip is held in reset; NRST must be wired"},
    {"chip", FIELD_STRING, offsetof(struct st_flash, chip),
     .help = "words of st-flash's line about the chip, such as F446; checked before anything is "
             "erased"},
    TOOL_FIELDS(struct st_flash),
    {0},
};

#define CONNECT                                                       \
    "?serial:--serial", "?serial:{serial}", "?speed:--freq={speed}K", \
        "?under-reset:--connect-under-reset", "{args}"

static const struct tool_failure failures[] = {
    {"LIBUSB_ERROR_ACCESS", TOOL_USB_DENIED},
    {"LIBUSB_ERROR_BUSY", TOOL_PROBE_BUSY},
    {"libusb_claim_interface() failed", TOOL_PROBE_BUSY},
    {"Couldn't find any ST-Link", TOOL_NO_PROBE},
    {"ould not find ST-Link", TOOL_NO_PROBE},
    {"Flash memory is write protected", TOOL_WRITE_PROTECTED},
    {"ead-out protect", TOOL_PROTECTED},
    {"ead out protect", TOOL_PROTECTED},
    {"!Verification of flash failed", TOOL_VERIFY},
    {"too low for flash writes", TOOL_NO_VOLTAGE},
    {"unknown chip id! 0x", TOOL_UNKNOWN_CHIP},
    {"unknown chip id", TOOL_NO_TARGET},
    {"ailed to connect to target", TOOL_NO_TARGET},
    {"an not connect to target", TOOL_NO_TARGET},
    {"Could not find chip id", TOOL_NO_TARGET},
    {"ailed to halt the core", TOOL_NOT_HALTED},
    {"Soft reset failed", TOOL_NOT_HALTED},
    {"addr too low", TOOL_OUTSIDE},
    {"too high", TOOL_OUTSIDE},
    {"nvalid flash address", TOOL_OUTSIDE},
    {"nknown memory region", TOOL_OUTSIDE},
    {"contains a non-erased value", TOOL_ERASE},
    {"Failed to erase", TOOL_ERASE},
    {"Flash programming error", TOOL_WRITE},
    {"ailed to unlock flash", TOOL_WRITE},
    {"invalid command line", TOOL_OPTIONS},
    {"!stlink_fwrite_flash() == -1", TOOL_WRITE},
    {0},
};

static const struct tool_progress progress[] = {
    {"%u/ %u pages written", "flash", TOOL_RATIO},
    {"%u/%u pages written", "flash", TOOL_RATIO},
    {"%u/%u halfpages written", "flash", TOOL_RATIO},
    {"%u/%u bytes written", "flash", TOOL_RATIO},
    {"Starting verification", "verify", TOOL_STARTS},
    {"written and verified", "verify", TOOL_ENDS},
    {0},
};

static const char *const identify[] = {CONNECT, "reset", NULL};
static const char *const write[] = {CONNECT, "--reset", "write", "{file}", "{address}", NULL};

static const struct tool_step steps[] = {
    {"identify", identify, .when = "chip", .rules = {failures, .chip_name = "INFO common.c: %s"}},
    {"flash", write, .each = true, .rules = {failures, progress, .said = {"written and verified"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "st-flash",
    .hint = "sudo apt install stlink-tools",
    .otherwise = FIRMWARE_BINS,
    .block = 256 * 1024,
    .fields = fields,
    .steps = steps,
};

TOOL_DRIVER(st_flash, "st-flash", struct st_flash, tool, false,
            "the open ST-LINK tools' st-flash, for STM32");
