/* SPDX-License-Identifier: MIT
 *
 * fake_kernel: modem lines for a pseudo-terminal, which has none, and a GPIO chip.
 *
 * The linker sends this program's ioctl(2) calls here (tests/CMakeLists.txt); what is neither goes
 * on to the kernel. As strict as Linux' drivers: see Documentation/userspace-api/gpio/chardev.rst.
 * Every change is written down as text. One test, one process.
 */
#ifndef HIL_TEST_FAKE_KERNEL_H
#define HIL_TEST_FAKE_KERNEL_H

#include "base/buf.h"

#include <stdbool.h>

#define FAKE_GPIO_LINES 8

/* The lines that every open of `tty` sees, set as after an open. */
void fake_modem(const char *tty);
/* From the call after the next `calls` on, those on `tty` answer that its device is gone. */
void fake_pulled(const char *tty, int calls);
/* A new file at `path` is a chip with this label; lines have the names, NULL: none. */
void fake_gpio(const char *path, const char *label, const char *const names[FAKE_GPIO_LINES]);
void fake_gpio_taken(unsigned line, const char *by); /* by somebody else */
void fake_gpio_level(unsigned line, bool level);     /* of a line that nobody drives */
bool fake_gpio_is(unsigned line);                    /* its level now */
/* What happened: "dtr0 rts1", "2: out 0 open-drain", "2: 1", a change a line. */
const char *fake_log(void);

#endif
