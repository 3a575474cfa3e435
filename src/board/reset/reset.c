/* SPDX-License-Identifier: MIT */
#include "board/reset/reset.h"

const struct reset_driver *const reset_drivers[] = {
    &reset_cmd,     &reset_dfu,  &reset_gdb,    &reset_gpio, &reset_hub_controller,
    &reset_openocd, &reset_qemu, &reset_serial, NULL};
