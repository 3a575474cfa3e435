/* SPDX-License-Identifier: MIT
 *
 * flash: the drivers that write firmware. A new one: its file, a line here, a row in flash.c.
 */
#ifndef HIL_BOARD_FLASH_FLASH_H
#define HIL_BOARD_FLASH_FLASH_H

#include "board/driver.h"

extern const struct flash_driver flash_cmd, flash_dfu, flash_gdb, flash_stm32_uart, flash_uf2;
/* Programs that hil knows (tool.h) */
extern const struct flash_driver flash_openocd, flash_st_flash, flash_cubeprogrammer, flash_pyocd,
    flash_probe_rs, flash_jlink, flash_nrfutil, flash_esptool, flash_avrdude, flash_dfu_util,
    flash_picotool, flash_stm32flash, flash_bossac;

#endif
