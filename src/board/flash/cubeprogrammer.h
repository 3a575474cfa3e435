/* SPDX-License-Identifier: MIT
 *
 * cubeprogrammer: what flashing and one-time-programmable memory share of ST's STM32CubeProgrammer:
 * how it finds the chip, and what its complaints mean.
 */
#ifndef HIL_BOARD_FLASH_CUBEPROGRAMMER_H
#define HIL_BOARD_FLASH_CUBEPROGRAMMER_H

#include "board/flash/tool.h"

struct cubeprogrammer {
    struct tool_conf tool;
    char *port, *serial, *chip; /* chip: of the flash driver alone */
    uint64_t speed_khz;
    bool under_reset;
};

#define CUBEPROGRAMMER "STM32_Programmer_CLI"
#define CUBEPROGRAMMER_HINT \
    "install STM32CubeProgrammer from st.com, and put its bin folder on the PATH"

/* clang-format off */
#define CUBEPROGRAMMER_FIELDS                                                                 \
    {"port", FIELD_STRING, offsetof(struct cubeprogrammer, port),                             \
     .help = "SWD, JTAG, or USB1 for a chip in DFU mode; SWD where not given"},               \
    {"serial", FIELD_STRING, offsetof(struct cubeprogrammer, serial),                         \
     .help = "the serial number of the ST-LINK, or of the chip in DFU mode"},                 \
    {"speed", FIELD_UINT, offsetof(struct cubeprogrammer, speed_khz), .min = 1, .max = 100000, \
     .help = "kHz"},                                                                          \
    {"under-reset", FIELD_BOOL, offsetof(struct cubeprogrammer, under_reset),                 \
     .help = "true: connect while the chip is held in reset; NRST must be wired"}

#define CUBEPROGRAMMER_CONNECT                                                   \
    "-c", "?port:port={port}", "!port:port=SWD", "?serial:sn={serial}",          \
    "?speed:freq={speed}", "?under-reset:mode=UR", "?under-reset:reset=HWrst", "{args}"
/* clang-format on */

extern const struct tool_failure cubeprogrammer_failures[];

#endif
