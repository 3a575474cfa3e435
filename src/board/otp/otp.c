/* SPDX-License-Identifier: MIT */
#include "board/otp/otp.h"

#include <stddef.h>

const struct flash_driver *const otp_drivers[] = {&otp_cubeprogrammer, &otp_openocd, NULL};
