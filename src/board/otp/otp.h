/* SPDX-License-Identifier: MIT
 *
 * otp: the drivers that write memory which takes each bit once. A new one: its file, a line here, a
 * row in otp.c.
 *
 * They are flash drivers that erase nothing. `compare` is how what is there already is told:
 * nothing is written where it is neither blank nor what was wanted (board_otp() in board.h).
 */
#ifndef HIL_BOARD_OTP_OTP_H
#define HIL_BOARD_OTP_OTP_H

#include "board/driver.h"

extern const struct flash_driver otp_cubeprogrammer, otp_openocd;
extern const struct flash_driver *const otp_drivers[]; /* NULL-terminated */

#endif
