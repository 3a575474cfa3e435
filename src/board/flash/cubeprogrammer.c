/* SPDX-License-Identifier: MIT
 *
 * flash cubeprogrammer: ST's STM32CubeProgrammer.
 *
 * An STM32MP takes a flash layout (image/layout.h), by USB. It may print "Error: ..." and end with 0: so both its good lines must be there, and no bad one.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct cubeprogrammer {
    struct tool_conf tool;
    char *port, *serial, *chip;
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
    {"chip", FIELD_STRING, offsetof(struct cubeprogrammer, chip),
     .help = "the chip's device id (0x413) or part of its name (STM32F405); checked before "
             "anything is erased"},
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
    {"!ST-LINK Serial number not found", TOOL_NO_PROBE},
    {"!DEV_USB_COMM_ERR", TOOL_PROBE_BUSY},
    {"!DEV_CONNECT_ERR", TOOL_PROBE_BUSY},
    {"!already in use", TOOL_PROBE_BUSY},
    {"!Target is not responding", TOOL_NO_BOOTLOADER},
    {"!No STM32 target found", TOOL_NO_TARGET},
    {"!Unable to get core ID", TOOL_NO_TARGET},
    {"!annot connect to access port", TOOL_NO_TARGET},
    {"!ead out protect", TOOL_PROTECTED},
    {"!ead Out Protect", TOOL_PROTECTED},
    {"!eadout protect", TOOL_PROTECTED},
    {"!verify flash protection", TOOL_PROTECTED},
    {"!Data mismatch found at address %x", TOOL_VERIFY},
    {"!verification failed", TOOL_VERIFY},
    {"!No memory region", TOOL_OUTSIDE},
    {"!outside the memory", TOOL_OUTSIDE},
    {"!Error: *rase", TOOL_ERASE},
    {"!Error: failed to download", TOOL_WRITE},
    {"!Error: *ownload", TOOL_WRITE},
    {"!Error: Wrong", TOOL_OPTIONS},
    {"!Error: Unknown", TOOL_OPTIONS},
    {"!Error:", TOOL_ERROR},
    {0},
};

static const struct tool_progress progress[] = {
    {"Download in Progress", "flash", TOOL_STARTS},
    {"File download complete", "flash", TOOL_ENDS},
    {"Read progress", "verify", TOOL_STARTS},
    {"Download verified successfully", "verify", TOOL_ENDS},
    {"%u%%", NULL, TOOL_PERCENT},
    {0},
};

static const char *const identify[] = {CONNECT, NULL};
static const char *const write[] = {CONNECT, "-w", "{file}", "-v", "-rst", NULL};

static const struct tool_step steps[] = {
    {"identify", identify, .when = "chip",
     .rules = {failures, .chip = "Device ID : %x", .chip_name = "Device name : %s"}},
    {"flash", write,
     .rules = {failures, progress,
               .said = {"File download complete", "Download verified successfully"}}},
    {0},
};

/* Partition by partition, first into the chip's RAM what then writes the others (AN5275). */
static const char *const write_layout[] = {CONNECT, "-w", "{file}", NULL};

static const struct tool_step layout_steps[] = {
    {"flash", write_layout,
     .rules = {failures, progress, .said = {"Flashing service completed successfully"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "STM32_Programmer_CLI",
    .hint = "install STM32CubeProgrammer from st.com, and put its bin folder on the PATH",
    .takes = {"elf", "ihex", "srec"},
    .otherwise = FIRMWARE_HEX,
    .fields = fields,
    .steps = steps,
    .layout = layout_steps,
};

static void preset(void *self)
{
    tool_preset(self, &tool);
}

const struct flash_driver flash_cubeprogrammer = {
    .base = {.name = "cubeprogrammer",
             .summary = "ST's STM32CubeProgrammer, through an ST-LINK or the chip's USB bootloader",
             .fields = fields,
             .self_size = sizeof(struct cubeprogrammer),
             .preset = preset,
             .check = tool_check,
             .program = tool_program,
             .hint = tool_hint},
    .takes_layouts = true,
    .program = tool_flash,
    .compare = tool_compare,
};
