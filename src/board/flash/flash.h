/* SPDX-License-Identifier: MIT
 *
 * flash: the drivers that write firmware. A new one: its file, a line here, a row in flash.c.
 */
#ifndef HIL_BOARD_FLASH_FLASH_H
#define HIL_BOARD_FLASH_FLASH_H

#include "board/driver.h"

extern const struct flash_driver flash_cmd, flash_dfu, flash_gdb;

#endif
