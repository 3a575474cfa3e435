/* SPDX-License-Identifier: MIT
 *
 * power gpio: a relay, or a supply's enable pin, on a GPIO line of this host.
 *
 *     power: {gpio: {chip: gpiochip0, line: 27, active: low}}
 *
 * The line is held until hil ends, and is off by then. What it does afterwards, and after a
 * SIGKILL, is up to its controller (board/gpio.h): where that keeps the level, a board stays on
 * after a SIGKILL until hil rest, and after hil power on. Where it makes the line an input again,
 * the relay goes where its input's pull takes it: let that be off.
 */
#include "board/gpio.h"
#include "board/power/power.h"

#include <unistd.h>

struct power_gpio {
    struct gpio_target target;
    int fd; /* -1: not ours yet */
};

static const struct field fields[] = {
    GPIO_TARGET_ROWS("the level that switches the board on; high where "
                     "not given",
                     "push-pull where not given"),
    {0},
};

static void preset(void *self)
{
    *(struct power_gpio *)self =
        (struct power_gpio){.target = {.active = GPIO_HIGH, .drive = GPIO_PUSH_PULL}, .fd = -1};
}

static void done(void *self)
{
    close_fd(&((struct power_gpio *)self)->fd);
}

static int present(const void *self, struct err *err)
{
    return gpio_present(&((const struct power_gpio *)self)->target, err);
}

static int turn(struct power_gpio *conf, bool active, struct err *err)
{
    return conf->fd < 0 ? gpio_drive(&conf->target, active, &conf->fd, err)
                        : gpio_set(conf->fd, active, err);
}

static int on(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    (void)env;
    (void)ctx;
    return turn(self, true, err);
}

static int off(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    (void)env;
    (void)ctx;
    return turn(self, false, err);
}

static int is_on(void *self, const struct driver_env *env, const struct ctx *ctx, bool *ret,
                 struct err *err)
{
    const struct power_gpio *conf = self;
    cleanup_close int watched = -1;
    int rc = conf->fd < 0 ? gpio_watch(&conf->target, &watched, err) : 0;

    (void)env;
    (void)ctx;
    return rc < 0 ? rc : gpio_get(conf->fd < 0 ? watched : conf->fd, ret, err);
}

const struct power_driver power_gpio = {
    .base = {.name = "gpio",
             .summary = "a relay on a GPIO line of this host",
             .fields = fields,
             .self_size = sizeof(struct power_gpio),
             .preset = preset,
             .done = done,
             .present = present},
    .on = on,
    .off = off,
    .is_on = is_on,
};
