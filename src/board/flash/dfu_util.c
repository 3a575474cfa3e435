/* SPDX-License-Identifier: MIT
 *
 * flash dfu-util: a chip in DfuSe mode (STM32's USB bootloader), through dfu-util.
 *
 *     flash: {dfu-util: {device: "0483:df11", serial: 357236663031}}
 *
 * It does not look at what it wrote, so each part is uploaded again and compared here. A file's
 * last packet may end in a lost device although all is written: it then ends with 74.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct dfu_util {
    struct tool_conf tool;
    char *device, *serial, *path;
    uint64_t alt;
};

static const struct field fields[] = {
    {"device", FIELD_STRING, offsetof(struct dfu_util, device),
     .help = "VID:PID of the bootloader, such as 0483:df11"},
    {"serial", FIELD_STRING, offsetof(struct dfu_util, serial),
     .help = "its serial number in DFU mode, which may differ from the running firmware's"},
    {"path", FIELD_STRING, offsetof(struct dfu_util, path),
     .help = "where it is plugged in, such as 1-1.4"},
    {"alt", FIELD_UINT, offsetof(struct dfu_util, alt), .max = 255,
     .help = "the alternate setting, which is the memory; 0 where not given"},
    TOOL_FIELDS(struct dfu_util),
    {0},
};

#define CONNECT                                                                       \
    "?device:-d", "?device:,{device}", "?serial:-S", "?serial:,{serial}", "?path:-p", \
        "?path:{path}", "-a", "?alt:{alt}", "!alt:0", "{args}"

static const struct tool_failure failures[] = {
    {"LIBUSB_ERROR_ACCESS", TOOL_USB_DENIED},
    {"More than one DFU capable", TOOL_TWO_PROBES},
    {"No DFU capable USB device", TOOL_NO_BOOTLOADER},
    {"Cannot claim interface", TOOL_PROBE_BUSY},
    {"vendor specific error", TOOL_PROTECTED},
    {"is not writeable", TOOL_OUTSIDE},
    {"can not be erased", TOOL_OUTSIDE},
    {"is not readable", TOOL_OUTSIDE},
    {"not correctly executed", TOOL_ERASE},
    {"LIBUSB_ERROR_NO_DEVICE", TOOL_LOST},
    {"LIBUSB_ERROR_IO", TOOL_LOST},
    {"Error during download", TOOL_WRITE},
    {"Status is not OK", TOOL_WRITE},
    {"nvalid DFU suffix", TOOL_OPTIONS},
    {"nvalid dfuse address", TOOL_OPTIONS},
    {0},
};

static const struct tool_progress progress[] = {
    {"^Erase *%u%%", "flash", TOOL_STARTS},
    {"^Download *%u%%", "flash", TOOL_PERCENT},
    {"^Upload *%u%%", "verify", TOOL_PERCENT},
    {0},
};

static const char *const write[] = {CONNECT, "-s", "{address}", "-D", "{file}", NULL};
static const char *const read_back[] = {CONNECT, "-s",         "{address}:{size}",
                                        "-U",    "{readback}", NULL};

static const struct tool_step steps[] = {
    {"flash", write, .each = true,
     .rules = {failures, progress, .said = {"File downloaded successfully"}, .also_ok = 74}},
    {"verify", read_back, .each = true, .readback = true, .rules = {failures, progress}},
    {0},
};

static const struct flash_tool tool = {
    .program = "dfu-util",
    .hint = "sudo apt install dfu-util",
    .otherwise = FIRMWARE_BINS,
    .block = 256 * 1024, /* the largest sector of an STM32; pages are erased as they are met */
    .fields = fields,
    .steps = steps,
    .compare = &steps[1],
};

TOOL_DRIVER(dfu_util, "dfu-util", struct dfu_util, tool, false,
            "dfu-util: STM32's USB bootloader and others that speak DfuSe");
