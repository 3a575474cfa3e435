/* SPDX-License-Identifier: MIT
 *
 * openocd_probe: how OpenOCD is told which chip, behind which probe: what `flash: openocd` and
 * `reset: openocd` have in common.
 *
 * OpenOCD reads its commands as Tcl, and braces, brackets, quotes, dollars and blanks in a serial
 * number or path must not become code. No bracketing is safe for all of them, so each byte that is
 * not a letter, a digit, one of _ . / - or part of a character beyond ASCII is written as a
 * backslash and its three octal digits, which a bare Tcl word turns back into that byte and nothing
 * else. Its servers stay off, so that boards do not fight for ports.
 */
#ifndef HIL_BOARD_FLASH_OPENOCD_PROBE_H
#define HIL_BOARD_FLASH_OPENOCD_PROBE_H

#include "board/flash/tool.h"

struct openocd_probe { /* a driver's instance begins with it */
    struct tool_conf tool;
    char *interface, *target, *serial, *location, *transport;
    uint64_t speed_khz;
    bool under_reset;
};

/* The rows of a driver's table that fill it; TOOL_FIELDS(struct openocd_probe) are its last. */
#define OPENOCD_PROBE_ROWS                                                                      \
    {"interface", FIELD_STRING, offsetof(struct openocd_probe, interface), FIELD_REQUIRED,      \
     .help = "OpenOCD's interface script: stlink, jlink, cmsis-dap, ...; or an absolute path"}, \
        {"target", FIELD_STRING, offsetof(struct openocd_probe, target), FIELD_REQUIRED,        \
         .help = "its target script: stm32f4x, nrf52, board/..., ...; or an absolute path"},    \
        {"serial", FIELD_STRING, offsetof(struct openocd_probe, serial),                        \
         .help = "the probe's serial number"},                                                  \
        {"location", FIELD_STRING, offsetof(struct openocd_probe, location),                    \
         .help = "or where it is plugged, as hil discover shows it: 1-1.4; OpenOCD does not "   \
                 "look at that of a CMSIS-DAP probe"},                                          \
        {"transport", FIELD_STRING, offsetof(struct openocd_probe, transport),                  \
         .help = "swd, jtag, hla_swd, ... where the interface has several"},                    \
        {"speed",  FIELD_UINT,    offsetof(struct openocd_probe, speed_khz),                    \
         .min = 1, .max = 100000, .help = "kHz; the target script's where not given"},          \
    {                                                                                           \
        "under-reset", FIELD_BOOL, offsetof(struct openocd_probe, under_reset),                 \
            .help =                                                                             \
                "true: connect while the chip is held in reset; the probe's NRST must be wired" \
    }

/* The words that a step's argv begins with. */
#define OPENOCD_CONNECT                                                                       \
    "-c", "gdb_port disabled", "-c", "tcl_port disabled", "-c", "telnet_port disabled", "-c", \
        "script {interface}", "?transport:-c", "?transport:transport select {transport}",     \
        "?serial:-c", "?serial:adapter serial {serial}", "?location:-c",                      \
        "?location:adapter usb location {location}", "-c", "script {target}", "?speed:-c",    \
        "?speed:adapter speed {speed}", "?under-reset:-c",                                    \
        "?under-reset:reset_config srst_only srst_nogate connect_assert_srst", "{args}"

/* What it says where it does not get as far as the chip. */
#define OPENOCD_FAILURES                                                                          \
    {"LIBUSB_ERROR_ACCESS", TOOL_USB_DENIED}, {"LIBUSB_ERROR_BUSY", TOOL_PROBE_BUSY},             \
        {"Multiple devices found", TOOL_TWO_PROBES}, {"Can't find *.cfg", TOOL_OPTIONS},          \
        {"invalid command name", TOOL_OPTIONS}, {"invalid subcommand", TOOL_OPTIONS},             \
        {"wrong # args", TOOL_OPTIONS}, {"Debug adapter doesn't support", TOOL_OPTIONS},          \
        {"AP lock engaged", TOOL_PROTECTED}, {"in secured state", TOOL_PROTECTED},                \
        {"Cannot identify target as", TOOL_WRONG_CHIP}, {"UNEXPECTED idcode", TOOL_WRONG_CHIP},   \
        {"matching CMSIS-DAP device", TOOL_NO_PROBE}, {"No J-Link device found", TOOL_NO_PROBE},  \
        {"unable to open ftdi device", TOOL_NO_PROBE},                                            \
        {"No device matches the serial string", TOOL_NO_PROBE},                                   \
        {"Error: no device found", TOOL_NO_PROBE}, {"Error: open failed", TOOL_NO_PROBE},         \
        {"target voltage may be too low", TOOL_NO_VOLTAGE},                                       \
        {"timed out while waiting for target halted", TOOL_NOT_HALTED},                           \
        {"arget not halted", TOOL_NOT_HALTED}, {"Not halted", TOOL_NOT_HALTED},                   \
        {"unable to connect to the target", TOOL_NO_TARGET},                                      \
        {"Error connecting DP", TOOL_NO_TARGET}, {"Could not find MEM-AP", TOOL_NO_TARGET},       \
        {"scan chain interrogation failed", TOOL_NO_TARGET}, {"in DAP response", TOOL_NO_TARGET}, \
        {"Examination failed", TOOL_NO_TARGET}, {"OpenOCD init failed", TOOL_NO_TARGET},          \
    {                                                                                             \
        "Unable to reset target", TOOL_NOT_HALTED                                                 \
    }

void openocd_probe_check(void *self, const struct yaml_node *node, struct diags *diags);
char *openocd_quote(const char *text); /* as a bare word of Tcl; the caller frees */

#endif
