/* SPDX-License-Identifier: MIT
 *
 * flash cubeprogrammer: ST's STM32CubeProgrammer.
 *
 * An STM32MP takes a flash layout (image/layout.h), by USB. It may print "Error: ..." and end with
 * 0: so both its good lines must be there, and no bad one.
 */
#include "board/flash/cubeprogrammer.h"

#include "board/flash/flash.h"
#include "conf/server.h"

#include <strings.h>

static const struct field fields[] = {
    CUBEPROGRAMMER_FIELDS,
    {"chip", FIELD_STRING, offsetof(struct cubeprogrammer, chip),
     .help = "the chip's device id (0x413) or part of its name (STM32F405); checked before "
             "anything is erased"},
    TOOL_FIELDS(struct cubeprogrammer),
    {0},
};

const struct tool_failure cubeprogrammer_failures[] = {
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

static const char *const identify[] = {CUBEPROGRAMMER_CONNECT, NULL};
static const char *const write[] = {CUBEPROGRAMMER_CONNECT, "-w", "{file}", "-v", "-rst", NULL};

static const struct tool_step steps[] = {
    {"identify", identify, .when = "chip",
     .rules = {cubeprogrammer_failures, .chip = "Device ID : %x", .chip_name = "Device name : %s"}},
    {"flash", write,
     .rules = {cubeprogrammer_failures, progress,
               .said = {"File download complete", "Download verified successfully"}}},
    {0},
};

/* The bootloader cannot be reset by way of USB; it starts the firmware (UM2237: -rst is for SWD and
 * JTAG). */
static const char *const write_usb[] = {CUBEPROGRAMMER_CONNECT, "-w", "{file}", "-v", "-g", NULL};

static const struct tool_step usb_steps[] = {
    {"identify", identify, .when = "chip",
     .rules = {cubeprogrammer_failures, .chip = "Device ID : %x", .chip_name = "Device name : %s"}},
    {"flash", write_usb,
     .rules = {cubeprogrammer_failures, progress,
               .said = {"File download complete", "Download verified successfully"}}},
    {0},
};

/* Partition by partition, first into the chip's RAM what then writes the others (AN5275). */
static const char *const write_layout[] = {CUBEPROGRAMMER_CONNECT, "-w", "{file}", NULL};

static const struct tool_step layout_steps[] = {
    {"flash", write_layout,
     .rules = {cubeprogrammer_failures, progress,
               .said = {"Flashing service completed successfully"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = CUBEPROGRAMMER,
    .hint = CUBEPROGRAMMER_HINT,
    .takes = {"elf", "ihex", "srec"},
    .otherwise = FIRMWARE_HEX,
    .fields = fields,
    .steps = steps,
    .layout = layout_steps,
};

static const struct flash_tool usb_tool = {
    .program = CUBEPROGRAMMER,
    .hint = CUBEPROGRAMMER_HINT,
    .takes = {"elf", "ihex", "srec"},
    .otherwise = FIRMWARE_HEX,
    .fields = fields,
    .steps = usb_steps,
    .layout = layout_steps,
};

static void preset(void *self)
{
    tool_preset(self, &tool);
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    const struct cubeprogrammer *conf = self;

    if (conf->port && !strncasecmp(conf->port, "usb", 3))
        tool_preset(self, &usb_tool);
    tool_check(self, node, diags);
}

/* Where a server says what it is called there. */
static void place(void *self, const struct driver_env *env, const struct yaml_node *node,
                  struct diags *diags)
{
    struct cubeprogrammer *conf = self;

    (void)node;
    (void)diags;
    if (!conf->tool.program && env->far && env->far->programmer)
        conf->tool.program = xstrdup(env->far->programmer);
}

const struct flash_driver flash_cubeprogrammer = {
    .base = {.name = "cubeprogrammer",
             .summary = "ST's STM32CubeProgrammer, through an ST-LINK or the chip's USB bootloader",
             .fields = fields,
             .self_size = sizeof(struct cubeprogrammer),
             .preset = preset,
             .check = check,
             .place = place,
             .far = true,
             .program = tool_program,
             .hint = tool_hint},
    .takes_layouts = true,
    .program = tool_flash,
    .compare = tool_compare,
};
