/* SPDX-License-Identifier: MIT
 *
 * gpio: one line of a GPIO chip, through the kernel's character device (<linux/gpio.h>, version 2).
 *
 * Without libgpiod: 1.x and 2.x have nothing in common, and what is needed here is four requests
 * that answer at once. (A chip on USB or I2C takes a transfer, which the kernel ends after
 * seconds.)
 *
 * A line is driven for as long as its descriptor is open. What it does afterwards is up to its
 * controller: USB chips and most SoCs leave it as it was, some (a Raspberry Pi's, by its kernel's
 * age) make it an input again. The descriptor is close-on-exec, for close(2). Any thread.
 */
#ifndef HIL_BOARD_GPIO_H
#define HIL_BOARD_GPIO_H

#include "base/err.h"
#include "conf/field.h"

#include <stdbool.h>

enum { GPIO_LOW, GPIO_HIGH };
enum { GPIO_PUSH_PULL, GPIO_OPEN_DRAIN };
extern const char *const gpio_levels[], *const gpio_drives[]; /* choices of fields */

struct gpio_target { /* a driver's instance begins with it */
    char *chip;      /* "gpiochip0", a path, or the chip's label */
    char *line;      /* its number, or its name */
    int active;      /* GPIO_LOW, GPIO_HIGH: the level that means yes */
    int drive;       /* GPIO_PUSH_PULL, GPIO_OPEN_DRAIN: high is left to a pull-up */
};

/* The rows of a driver's table that fill it; the texts say what is where none is given. */
#define GPIO_TARGET_ROWS(active_text, drive_text)                                              \
    {"chip", FIELD_STRING, offsetof(struct gpio_target, chip), FIELD_REQUIRED,                 \
     .help = "gpiochip0, or better the chip's label: gpioinfo shows both"},                    \
        {"line", FIELD_STRING, offsetof(struct gpio_target, line), FIELD_REQUIRED,             \
         .help = "the line's number, or its name"},                                            \
        {"active", FIELD_CHOICE, offsetof(struct gpio_target, active), .choices = gpio_levels, \
         .help = (active_text)},                                                               \
    {                                                                                          \
        "drive", FIELD_CHOICE, offsetof(struct gpio_target, drive), .choices = gpio_drives,    \
                                                                    .help = (drive_text)       \
    }

/* 0 where the chip is there; opens nothing, so a label is not looked for. */
int gpio_present(const struct gpio_target *target, struct err *err);
/* An output from now on, active or not. -ERR_BUSY says who has it. */
int gpio_drive(const struct gpio_target *target, bool active, int *ret_fd, struct err *err);
/* Only to be read: direction and level stay as they are. */
int gpio_watch(const struct gpio_target *target, int *ret_fd, struct err *err);
int gpio_set(int fd, bool active, struct err *err);
int gpio_get(int fd, bool *ret_active, struct err *err);

#endif
