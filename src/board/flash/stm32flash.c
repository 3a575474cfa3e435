/* SPDX-License-Identifier: MIT
 *
 * flash stm32flash: STM32's serial bootloader (AN3155).
 *
 * It erases the pages that a part touches: an STM32's largest are 128 KiB (256 KiB on an F7).
 */
#include "board/flash/flash.h"
#include "board/flash/tool.h"

struct stm32flash {
    struct tool_conf tool;
    char *port, *sequence, *chip;
    uint64_t baud;
};

static const struct field fields[] = {
    {"port", FIELD_STRING, offsetof(struct stm32flash, port), FIELD_REQUIRED,
     .help = "the board's tty, best a by-id link; may be the console's"},
    {"baud", FIELD_UINT, offsetof(struct stm32flash, baud), .min = 1200, .max = 1500000,
     .help = "bits a second; stm32flash's 57600 where not given"},
    {"sequence", FIELD_STRING, offsetof(struct stm32flash, sequence),
     .help = "signals that lead into the bootloader and out of it, as stm32flash -i takes them: "
             "rts,-dtr,dtr:-rts,-dtr,dtr"},
    {"chip", FIELD_STRING, offsetof(struct stm32flash, chip),
     .help = "the chip's device id (0x410) or words of its name (STM32F10xxx); checked before "
             "anything is erased"},
    TOOL_FIELDS(struct stm32flash),
    {0},
};

#define CONNECT "?baud:-b", "?baud:{baud}", "?sequence:-i", "?sequence:{sequence}", "{args}"

static const struct tool_failure failures[] = {
    {"is already open", TOOL_PORT_BUSY},
    {"resource busy", TOOL_PORT_BUSY},
    {"ermission denied", TOOL_PORT_DENIED},
    {"Failed to open port", TOOL_NO_PORT},
    {"target write-protected?", TOOL_PROTECTED},
    {"!Failed to verify at address %x", TOOL_VERIFY},
    {"Failed to write memory at address %x", TOOL_WRITE},
    {"ailed to erase", TOOL_ERASE},
    {"rase failed", TOOL_ERASE},
    {"start & length are invalid", TOOL_OUTSIDE},
    {"Unknown/unsupported device", TOOL_UNKNOWN_CHIP},
    {"Failed to init device", TOOL_NO_BOOTLOADER},
    {"Failed to send init", TOOL_NO_BOOTLOADER},
    {"Failed to read ACK", TOOL_LOST},
    {"nvalid baud rate", TOOL_OPTIONS},
    {"ERROR: Invalid", TOOL_OPTIONS},
    {0},
};

static const struct tool_progress progress[] = {
    {"Wrote *address %x (%u.", "flash", TOOL_PERCENT},
    {0},
};

static const char *const identify[] = {CONNECT, "{port}", NULL};
static const char *const write[] = {CONNECT,  "-v", "-w", "{file}", "-S", "{address}:{size}",
                                    "{port}", NULL};

static const struct tool_step steps[] = {
    {"identify", identify, .when = "chip",
     .rules = {failures, .chip = "Device ID : %x", .chip_name = "Device ID : %s"}},
    {"flash", write, .each = true,
     .rules = {failures, progress, .said = {"verified address %x (100"}}},
    {0},
};

static const struct flash_tool tool = {
    .program = "stm32flash",
    .hint = "sudo apt install stm32flash",
    .otherwise = FIRMWARE_BINS,
    .block = 256 * 1024,
    .fields = fields,
    .steps = steps,
};

TOOL_DRIVER(stm32flash, "stm32flash", struct stm32flash, tool, true,
            "stm32flash: STM32's serial bootloader");
