/* SPDX-License-Identifier: MIT
 *
 * flash openocd: OpenOCD with a debug probe.
 *
 *     flash: {openocd: {interface: stlink, target: stm32f4x, serial: 066DFF515754888367131638}}
 *
 * OpenOCD reads its commands as Tcl, and braces, brackets, quotes, dollars and blanks in a serial
 * number or path must not become code. No bracketing is safe for all of them, so each byte that is
 * not a letter, a digit, one of _ . / - or part of a character beyond ASCII is written as a backslash
 * and its three octal digits, which a bare Tcl word turns back into that byte and nothing else.
 *
 * `program` verifies by reading back. OpenOCD warns where a segment lies in no flash, leaves it out
 * and goes on: that is a failure here. Its servers stay off, so that boards do not fight for ports.
 */
#include "base/buf.h"
#include "board/flash/flash.h"
#include "board/flash/tool.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct openocd {
    struct tool_conf tool;
    char *interface, *target, *serial, *location, *transport, *chip;
    uint64_t speed_khz;
    bool under_reset;
};

static const struct field fields[] = {
    {"interface", FIELD_STRING, offsetof(struct openocd, interface), FIELD_REQUIRED,
     .help = "OpenOCD's interface script: stlink, jlink, cmsis-dap, ...; or an absolute path"},
    {"target", FIELD_STRING, offsetof(struct openocd, target), FIELD_REQUIRED,
     .help = "its target script: stm32f4x, nrf52, board/..., ...; or an absolute path"},
    {"serial", FIELD_STRING, offsetof(struct openocd, serial), .help = "the probe's serial number"},
    {"location", FIELD_STRING, offsetof(struct openocd, location),
     .help = "or where it is plugged, as hil discover shows it: 1-1.4"},
    {"transport", FIELD_STRING, offsetof(struct openocd, transport),
     .help = "swd, jtag, hla_swd, ... where the interface has several"},
    {"speed", FIELD_UINT, offsetof(struct openocd, speed_khz), .min = 1, .max = 100000,
     .help = "kHz; the target script's where not given"},
    {"under-reset", FIELD_BOOL, offsetof(struct openocd, under_reset),
     .help = "true: connect while the chip is held in reset; the probe's NRST must be wired"},
    {"chip", FIELD_STRING, offsetof(struct openocd, chip),
     .help = "an STM32's device id (0x413), or words of OpenOCD's line about it; checked before "
             "anything is erased"},
    TOOL_FIELDS(struct openocd),
    {0},
};

static char *quote_tcl(const char *text)
{
    struct buf out = BUF_INIT(65536);

    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0x80 || isalnum(byte) || strchr("_./-", byte))
            buf_add(&out, text, 1);
        else
            buf_addf(&out, "\\%03o", byte);
    }
    return buf_steal(&out);
}

#define CONNECT                                                                               \
    "-c", "gdb_port disabled", "-c", "tcl_port disabled", "-c", "telnet_port disabled", "-c", \
        "script {interface}", "?transport:-c", "?transport:transport select {transport}",     \
        "?serial:-c", "?serial:adapter serial {serial}", "?location:-c",                      \
        "?location:adapter usb location {location}", "-c", "script {target}", "?speed:-c",    \
        "?speed:adapter speed {speed}", "?under-reset:-c",                                    \
        "?under-reset:reset_config srst_only srst_nogate connect_assert_srst", "{args}"

static const struct tool_failure failures[] = {
    {"LIBUSB_ERROR_ACCESS", TOOL_USB_DENIED},
    {"LIBUSB_ERROR_BUSY", TOOL_PROBE_BUSY},
    {"Multiple devices found", TOOL_TWO_PROBES},
    {"Can't find *.cfg", TOOL_OPTIONS},
    {"invalid command name", TOOL_OPTIONS},
    {"invalid subcommand", TOOL_OPTIONS},
    {"wrong # args", TOOL_OPTIONS},
    {"Debug adapter doesn't support", TOOL_OPTIONS},
    {"!no flash bank found for address %x", TOOL_OUTSIDE},
    {"!diff * address %x", TOOL_VERIFY},
    {"!contents differ", TOOL_VERIFY},
    {"!Verify Failed", TOOL_VERIFY},
    {"write protected", TOOL_WRITE_PROTECTED},
    {"device protected", TOOL_PROTECTED},
    {"AP lock engaged", TOOL_PROTECTED},
    {"in secured state", TOOL_PROTECTED},
    {"Cannot identify target as", TOOL_WRONG_CHIP},
    {"UNEXPECTED idcode", TOOL_WRONG_CHIP},
    {"matching CMSIS-DAP device", TOOL_NO_PROBE},
    {"No J-Link device found", TOOL_NO_PROBE},
    {"unable to open ftdi device", TOOL_NO_PROBE},
    {"No device matches the serial string", TOOL_NO_PROBE},
    {"Error: no device found", TOOL_NO_PROBE},
    {"Error: open failed", TOOL_NO_PROBE},
    {"target voltage may be too low", TOOL_NO_VOLTAGE},
    {"timed out while waiting for target halted", TOOL_NOT_HALTED},
    {"arget not halted", TOOL_NOT_HALTED},
    {"Not halted", TOOL_NOT_HALTED},
    {"failed erasing sectors", TOOL_ERASE},
    {"error writing to flash at address %x", TOOL_WRITE},
    {"unable to connect to the target", TOOL_NO_TARGET},
    {"Error connecting DP", TOOL_NO_TARGET},
    {"Could not find MEM-AP", TOOL_NO_TARGET},
    {"scan chain interrogation failed", TOOL_NO_TARGET},
    {"Examination failed", TOOL_NO_TARGET},
    {"!Programming Failed", TOOL_WRITE},
    {"OpenOCD init failed", TOOL_NO_TARGET},
    {"Unable to reset target", TOOL_NOT_HALTED},
    {0},
};

static const struct tool_progress progress[] = {
    {"Programming Started", "flash", TOOL_STARTS},
    {"Programming Finished", "flash", TOOL_ENDS},
    {"Verify Started", "verify", TOOL_STARTS},
    {"Verified OK", "verify", TOOL_ENDS},
    {0},
};

static const char *const identify[] = {CONNECT,         "-c", "init",     "-c", "reset init", "-c",
                                       "flash probe 0", "-c", "shutdown", NULL};
static const char *const write[] = {CONNECT, "-c",       "program {file} verify reset",
                                    "-c",    "shutdown", NULL};

static const struct tool_step steps[] = {
    {"identify", identify, .when = "chip",
     .rules = {failures, .chip = "device id* = %x", .chip_name = "device id* = %s"}},
    {"flash", write,
     .rules = {failures, progress, .said = {"Programming Finished", "Verified OK"}}},
    {0},
};

static const char *const verify[] = {
    CONNECT, "-c",        "init", "-c",       "reset init", "-c", "verify_image {file}",
    "-c",    "reset run", "-c",   "shutdown", NULL};

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
    .quote = quote_tcl,
};

/* "stlink" is interface/stlink.cfg, and "board/x" is board/x.cfg, in OpenOCD's own scripts. */
static void complete(char **name, const char *folder, const struct yaml_node *node,
                     struct diags *diags)
{
    char *path;

    if (**name == '/')
        return;
    if (**name == '.')
        diag_node(diags, node, "'%s' is neither a script of OpenOCD nor an absolute path", *name);
    path = xasprintf("%s%s%s", strchr(*name, '/') ? "" : folder, *name,
                     str_ends(*name, ".cfg") ? "" : ".cfg");
    free(*name);
    *name = path;
}

static void preset(void *self)
{
    tool_preset(self, &tool);
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct openocd *conf = self;

    tool_check(self, node, diags);
    complete(&conf->interface, "interface/", yaml_get(node, "interface"), diags);
    complete(&conf->target, "target/", yaml_get(node, "target"), diags);
}

const struct flash_driver flash_openocd = {
    .base = {.name = "openocd",
             .summary = "OpenOCD with a debug probe",
             .fields = fields,
             .self_size = sizeof(struct openocd),
             .preset = preset,
             .check = check,
             .program = tool_program},
    .program = tool_flash,
    .compare = tool_compare,
};
