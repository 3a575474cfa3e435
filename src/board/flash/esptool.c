/* SPDX-License-Identifier: MIT
 *
 * flash esptool: Espressif's esptool, through the chip's serial bootloader.
 *
 *     flash: {esptool: {chip: esp32, port: /dev/ttyUSB0, baud: 921600}}
 *
 * It writes raw binaries at offsets in the SPI flash and checks each by its hash. The ELF of an
 * ESP-IDF application has addresses of the running chip instead, so it is refused here: flash the
 * merged binary (--at 0x0). `chip` makes esptool refuse another chip before it erases anything.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct esptool {
    struct tool_conf tool;
    char *chip, *port, *before, *after;
    uint64_t baud;
};

static const struct field fields[] = {
    {"port", FIELD_STRING, offsetof(struct esptool, port), FIELD_REQUIRED,
     .help = "the board's tty, best a by-id link; may be the console's"},
    {"chip", FIELD_STRING, offsetof(struct esptool, chip),
     .help = "esp32, esp32s3, ...: another one is refused before anything is erased"},
    {"baud", FIELD_UINT, offsetof(struct esptool, baud), .min = 9600, .max = 12000000,
     .help = "bits a second; esptool's 115200 where not given"},
    {"before", FIELD_STRING, offsetof(struct esptool, before),
     .help = "how to get into the bootloader: default_reset, usb_reset, no_reset"},
    {"after", FIELD_STRING, offsetof(struct esptool, after),
     .help = "what to do at the end: hard_reset, no_reset"},
    TOOL_FIELDS(struct esptool),
    {0},
};

static const struct tool_failure failures[] = {
    {"Errno 13", TOOL_PORT_DENIED},
    {"Errno 16", TOOL_PORT_BUSY},
    {"Errno 11", TOOL_PORT_BUSY},
    {"exclusively lock port", TOOL_PORT_BUSY},
    {"Errno 2]", TOOL_NO_PORT},
    {"port doesn't exist", TOOL_NO_PORT},
    {"This chip is *not", TOOL_WRONG_CHIP},
    {"is not an ESP* image", TOOL_WRONG_CHIP},
    {"requires chip revision", TOOL_WRONG_CHIP},
    {"ecure *oot detected", TOOL_WRITE_PROTECTED},
    {"!MD5 of file does not match", TOOL_VERIFY},
    {"will not fit in", TOOL_OUTSIDE},
    {"does not fit in", TOOL_OUTSIDE},
    {"multiple access on port", TOOL_PORT_BUSY},
    {"Detected overlap at address", TOOL_OUTSIDE},
    {"device disconnected", TOOL_LOST},
    {"Serial data stream stopped", TOOL_LOST},
    {"Failed to connect to", TOOL_NO_BOOTLOADER},
    {"No serial data received", TOOL_NO_BOOTLOADER},
    {"Wrong boot mode detected", TOOL_NO_BOOTLOADER},
    {"Timed out waiting for packet", TOOL_LOST},
    {"ould not open", TOOL_NO_PORT},
    {"invalid choice", TOOL_OPTIONS},
    {"unrecognized arguments", TOOL_OPTIONS},
    {"!A fatal error occurred", TOOL_ERROR},
    {0},
};

static const struct tool_progress progress[] = {
    {"Writing at %x*(%u %%)", "flash", TOOL_PERCENT},
    {"Writing at %x*] %u.", "flash", TOOL_PERCENT},
    {"Hash of data verified", "verify", TOOL_ENDS},
    {0},
};

static const char *const write[] = {"?chip:--chip={chip}",
                                    "--port={port}",
                                    "?baud:--baud={baud}",
                                    "?before:--before={before}",
                                    "?after:--after={after}",
                                    "{args}",
                                    "write_flash",
                                    "*{address}",
                                    "*{file}",
                                    NULL};

static const struct tool_step steps[] = {
    {"flash", write, .rules = {failures, progress, .said = {"Hash of data verified"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "esptool.py",
    .hint = "install esptool (pipx install esptool), or say `program: esptool` if it has that name",
    .otherwise = FIRMWARE_BINS,
    .block = 4096,
    .address_end = 0x10000000,
    .fields = fields,
    .steps = steps,
};

TOOL_DRIVER(esptool, "esptool", struct esptool, tool, true,
            "Espressif's esptool: ESP32 and ESP8266, through their serial bootloader");
