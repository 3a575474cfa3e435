/* SPDX-License-Identifier: MIT
 *
 * reset: the drivers that restart a board. A new one: its file, a line here, a row in reset.c.
 */
#ifndef HIL_BOARD_RESET_RESET_H
#define HIL_BOARD_RESET_RESET_H

#include "board/driver.h"

extern const struct reset_driver reset_cmd, reset_dfu, reset_gdb, reset_gpio, reset_hub_controller,
    reset_openocd, reset_qemu, reset_serial;

#endif
