/* SPDX-License-Identifier: MIT
 *
 * otp cubeprogrammer: an STM32's one-time-programmable area, by ST's STM32CubeProgrammer (UM2237: -w
 * and -r with a raw binary).
 */
#include "board/flash/tool.h"
#include "board/otp/otp.h"

struct cubeprogrammer {
    struct tool_conf tool;
    char *port, *serial;
    uint64_t speed_khz;
    bool under_reset;
};

static const struct field fields[] = {
    {"port", FIELD_STRING, offsetof(struct cubeprogrammer, port),
     .help = "SWD, JTAG, or USB1 for a chip in DFU mode; SWD where not given"},
    {"serial", FIELD_STRING, offsetof(struct cubeprogrammer, serial),
     .help = "the serial number of the ST-LINK, or of the chip in DFU mode"},
    {"speed", FIELD_UINT, offsetof(struct cubeprogrammer, speed_khz), .min = 1, .max = 100000,
     .help = "kHz"},
    {"under-reset", FIELD_BOOL, offsetof(struct cubeprogrammer, under_reset),
     .help = "true: connect while the chip is held in reset; NRST must be wired"},
    TOOL_FIELDS(struct cubeprogrammer),
    {0},
};

#define CONNECT                                                                                \
    "-c", "?port:port={port}", "!port:port=SWD", "?serial:sn={serial}", "?speed:freq={speed}", \
        "?under-reset:mode=UR", "?under-reset:reset=HWrst", "{args}"

static const struct tool_failure failures[] = {
    {"LIBUSB_ERROR_ACCESS", TOOL_USB_DENIED},
    {"!o debug probe detected", TOOL_NO_PROBE},
    {"!o ST-LINK detected", TOOL_NO_PROBE},
    {"!o STLink detected", TOOL_NO_PROBE},
    {"!DEV_USB_COMM_ERR", TOOL_PROBE_BUSY},
    {"!Target is not responding", TOOL_NO_BOOTLOADER},
    {"!No STM32 target found", TOOL_NO_TARGET},
    {"!ead out protect", TOOL_PROTECTED},
    {"!eadout protect", TOOL_PROTECTED},
    {"!Error: failed to download", TOOL_WRITE},
    {"!Error: *ownload", TOOL_WRITE},
    {"!Error:", TOOL_ERROR},
    {0},
};

static const char *const write[] = {CONNECT, "-w", "{file}", "{address}", NULL};
static const char *const read[] = {CONNECT, "-r", "{address}", "{size}", "{readback}", NULL};

static const struct tool_step steps[] = {
    {"write", write, .each = true, .rules = {failures, .said = {"File download complete"}}},
    {0},
};

static const struct tool_step compare[] = {
    {"read", read, .each = true, .readback = true, .rules = {failures}},
    {0},
};

static const struct flash_tool tool = {
    .program = "STM32_Programmer_CLI",
    .hint = "install STM32CubeProgrammer from st.com, and put its bin folder on the PATH",
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
