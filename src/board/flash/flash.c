/* SPDX-License-Identifier: MIT */
#include "board/flash/flash.h"

const struct flash_driver *const flash_drivers[] = {&flash_openocd,
                                                    &flash_st_flash,
                                                    &flash_cubeprogrammer,
                                                    &flash_pyocd,
                                                    &flash_probe_rs,
                                                    &flash_jlink,
                                                    &flash_nrfutil,
                                                    &flash_esptool,
                                                    &flash_avrdude,
                                                    &flash_dfu_util,
                                                    &flash_picotool,
                                                    &flash_stm32flash,
                                                    &flash_bossac,
                                                    &flash_dfu,
                                                    &flash_stm32_uart,
                                                    &flash_uf2,
                                                    &flash_gdb,
                                                    &flash_cmd,
                                                    NULL};
