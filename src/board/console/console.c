/* SPDX-License-Identifier: MIT */
#include "board/console/console.h"

const struct console_driver *const console_drivers[] = {
    &console_serial, &console_tcp, &console_unix, &console_pty, &console_rtt, NULL};
