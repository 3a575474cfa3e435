/* SPDX-License-Identifier: MIT */
#include "board/flash/flash.h"

const struct flash_driver *const flash_drivers[] = {&flash_cmd, &flash_dfu, &flash_gdb, NULL};
