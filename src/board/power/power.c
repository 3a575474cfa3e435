/* SPDX-License-Identifier: MIT */
#include "board/power/power.h"

const struct power_driver *const power_drivers[] = {
    &power_cmd,     &power_gpio, &power_hub_controller, &power_qemu, &power_serial,
    &power_usb_hub, NULL};
