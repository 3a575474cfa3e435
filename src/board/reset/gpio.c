/* SPDX-License-Identifier: MIT
 *
 * reset gpio: a board whose NRST hangs on a GPIO line of this host.
 *
 *     reset: {gpio: {chip: gpiochip0, line: 17}}
 *     reset: {gpio: {chip: cp2104, line: 2, hold: 20ms, boot0: 3, boot0-level: high}}
 *
 * NRST is pulled low and let go of (open drain), so that a probe or a button can pull it, too; a
 * transistor before it wants `active: high`, and is driven both ways.
 */
#include "board/gpio.h"
#include "board/reset/reset.h"

#include <unistd.h>

#define HOLD_MS 100
#define HOLD_MAX_MS 10000 /* a run gives a reset 30 s */
#define BOOT_MS 50        /* an STM32 looks at BOOT0 some clocks after NRST has risen (AN2606) */

struct reset_gpio {
    struct gpio_target nrst, boot0;
    int boot0_level;
    int64_t hold_ms;
};

static const struct field fields[] = {
    GPIO_TARGET_ROWS("the level that holds the board in reset; low where "
                     "not given",
                     "open-drain where `active` is low, push-pull where it is high, where not "
                     "given"),
    {"hold", FIELD_DURATION, offsetof(struct reset_gpio, hold_ms),
     .help = "how long it is held in reset; 100ms where not given"},
    {"boot0", FIELD_STRING, offsetof(struct reset_gpio, boot0.line),
     .help = "line of the same chip that the board's BOOT0 hangs on; low again afterwards"},
    {"boot0-level", FIELD_CHOICE, offsetof(struct reset_gpio, boot0_level), .choices = gpio_levels,
     .help = "what it is during the reset: low, where not given, starts the firmware of an STM32, "
             "high its bootloader"},
    {0},
};

static void preset(void *self)
{
    struct reset_gpio *conf = self;

    conf->nrst = (struct gpio_target){.active = GPIO_LOW, .drive = -1};
    conf->boot0 = (struct gpio_target){.active = GPIO_HIGH, .drive = GPIO_PUSH_PULL};
    conf->hold_ms = HOLD_MS;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct reset_gpio *conf = self;

    if (conf->nrst.drive < 0)
        conf->nrst.drive = conf->nrst.active == GPIO_LOW ? GPIO_OPEN_DRAIN : GPIO_PUSH_PULL;
    if (conf->hold_ms < 1 || conf->hold_ms > HOLD_MAX_MS)
        diag_node(diags, yaml_get(node, "hold"), "'hold' must be from 1ms to %d s",
                  HOLD_MAX_MS / 1000);
    if (!conf->boot0.line && yaml_get(node, "boot0-level"))
        diag_key(diags, yaml_get(node, "boot0-level"), "'boot0-level' needs 'boot0', its line");
    if (conf->boot0.line && str_eq(conf->boot0.line, conf->nrst.line))
        diag_node(diags, yaml_get(node, "boot0"), "'boot0' and 'line' are the same line");
}

static int present(const void *self, struct err *err)
{
    return gpio_present(&((const struct reset_gpio *)self)->nrst, err);
}

/* Pulls NRST and lets go of it, however the wait ends: nothing is left in reset. */
static int pulse(const struct reset_gpio *conf, const struct ctx *ctx, struct err *err)
{
    cleanup_close int nrst = -1;
    struct err ignored;
    int rc = gpio_drive(&conf->nrst, true, &nrst, err);

    if (rc < 0)
        return rc;
    rc = ctx_sleep(ctx, conf->hold_ms, err);
    return rc < 0 ? (gpio_set(nrst, false, &ignored), rc) : gpio_set(nrst, false, err);
}

static int pulse_with_boot0(const struct reset_gpio *conf, const struct ctx *ctx, struct err *err)
{
    struct gpio_target target = conf->boot0;
    cleanup_close int boot0 = -1;
    struct err ignored;
    int rc;

    target.chip = conf->nrst.chip;
    rc = gpio_drive(&target, conf->boot0_level == GPIO_HIGH, &boot0, err);
    if (rc < 0)
        return err_wrap(err, "boot0");
    rc = pulse(conf, ctx, err);
    if (rc == 0)
        rc = ctx_sleep(ctx, BOOT_MS, err);
    return rc < 0 ? (gpio_set(boot0, false, &ignored), rc) : gpio_set(boot0, false, err);
}

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    const struct reset_gpio *conf = self;

    (void)env;
    return conf->boot0.line ? pulse_with_boot0(conf, ctx, err) : pulse(conf, ctx, err);
}

const struct reset_driver reset_gpio = {
    .base = {.name = "gpio",
             .summary = "NRST, and BOOT0, on GPIO lines of this host",
             .fields = fields,
             .self_size = sizeof(struct reset_gpio),
             .preset = preset,
             .check = check,
             .present = present},
    .reset = reset,
};
