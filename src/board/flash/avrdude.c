/* SPDX-License-Identifier: MIT
 *
 * flash avrdude: AVRs, through a programmer or a bootloader.
 *
 *     flash: {avrdude: {part: m328p, programmer: arduino, port: /dev/ttyACM0, no-erase: true}}
 *
 * avrdude reads the chip's signature before it erases anything, and refuses another one than
 * `part`'s. EEPROM and fuses lie from 0x810000 on in an image: not for this driver.
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct avrdude {
    struct tool_conf tool;
    char *part, *programmer, *port;
    uint64_t baud;
    bool no_erase;
};

static const struct field fields[] = {
    {"part", FIELD_STRING, offsetof(struct avrdude, part), FIELD_REQUIRED,
     .help = "avrdude's name of the chip: m328p, t85, m4809, ..."},
    {"programmer", FIELD_STRING, offsetof(struct avrdude, programmer), FIELD_REQUIRED,
     .help = "arduino, wiring, usbasp, stk500v2, ..."},
    {"port", FIELD_STRING, offsetof(struct avrdude, port),
     .help = "a tty, or usb:SERIAL for a programmer on USB"},
    {"baud", FIELD_UINT, offsetof(struct avrdude, baud), .min = 300, .max = 4000000,
     .help = "bits a second; the programmer's own where not given"},
    {"no-erase", FIELD_BOOL, offsetof(struct avrdude, no_erase),
     .help = "true: no erase beforehand, for bootloaders that erase by pages (arduino)"},
    TOOL_FIELDS(struct avrdude),
    {0},
};

static const struct tool_failure failures[] = {
    {"ermission denied", TOOL_PORT_DENIED},
    {"resource busy", TOOL_PORT_BUSY},
    {"cannot open port *: No such", TOOL_NO_PORT},
    {"can't open device *: No such", TOOL_NO_PORT},
    {"cannot set attributes for port", TOOL_NO_PORT},
    {"cannot find USB device", TOOL_NO_PROBE},
    {"did not find any USB device", TOOL_NO_PROBE},
    {"could not find USB", TOOL_NO_PROBE},
    {"cannot find programmer id", TOOL_OPTIONS},
    {"an't find programmer id", TOOL_OPTIONS},
    {"AVR part * not found", TOOL_UNKNOWN_CHIP},
    {"xpected signature for", TOOL_WRONG_CHIP},
    {"!first mismatch at byte %x", TOOL_VERIFY},
    {"!verification mismatch", TOOL_VERIFY},
    {"!content mismatch", TOOL_VERIFY},
    {"!verification error", TOOL_VERIFY},
    {"out of range", TOOL_OUTSIDE},
    {"not in sync", TOOL_NO_BOOTLOADER},
    {"cannot get into sync", TOOL_NO_BOOTLOADER},
    {"programmer is not responding", TOOL_NO_BOOTLOADER},
    {"ReceiveMessage(): timeout", TOOL_NO_BOOTLOADER},
    {"target doesn't answer", TOOL_NO_TARGET},
    {"nvalid device signature", TOOL_NO_TARGET},
    {"initialization failed", TOOL_NO_TARGET},
    {"unable to open programmer", TOOL_NO_PROBE},
    {0},
};

static const struct tool_progress progress[] = {
    {"^Writing |", "flash", TOOL_HASHES},
    {"bytes of flash written", "verify", TOOL_STARTS},
    {"^Reading |", NULL, TOOL_HASHES}, /* before any writing it is the signature */
    {"bytes of flash verified", "verify", TOOL_ENDS},
    {0},
};

static const char *const write[] = {
    "-p",       "{part}",       "-c",           "{programmer}", "?port:-P", "?port:{port}",
    "?baud:-b", "?baud:{baud}", "?no-erase:-D", "{args}",       "-U",       "flash:w:{file}:a",
    NULL};

static const struct tool_step steps[] = {
    {"flash", write, .rules = {failures, progress, .said = {"bytes of flash verified"}}},
    {0},
};

static const char *const verify[] = {
    "-p",       "{part}",       "-c",     "{programmer}", "?port:-P",         "?port:{port}",
    "?baud:-b", "?baud:{baud}", "{args}", "-U",           "flash:v:{file}:a", NULL};

static const struct tool_step compare[] = {
    {"compare", verify, .rules = {failures, progress, .said = {"bytes of flash verified"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "avrdude",
    .hint = "sudo apt install avrdude",
    .takes = {"elf", "ihex", "srec"},
    .otherwise = FIRMWARE_HEX,
    .address_end = 0x800000,
    .fields = fields,
    .steps = steps,
    .compare = compare,
};

TOOL_DRIVER(avrdude, "avrdude", struct avrdude, tool, true,
            "AVRDUDE: AVRs, through a programmer or a bootloader");
