/* SPDX-License-Identifier: MIT
 *
 * power: the drivers that switch a board's supply. A new one: its file, a line here, a row in
 * power.c.
 */
#ifndef HIL_BOARD_POWER_POWER_H
#define HIL_BOARD_POWER_POWER_H

#include "board/driver.h"

extern const struct power_driver power_cmd, power_gpio, power_hub_controller, power_qemu,
    power_serial, power_usb_hub;

#endif
