/* SPDX-License-Identifier: MIT
 *
 * reset gpio and power gpio on a chip of fake_kernel.h. ci/usb-lab has a real one.
 */
#include "../scratch.h"
#include "board/gpio.h"
#include "board/power/power.h"
#include "board/reset/reset.h"
#include "fake_kernel.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/eventfd.h>

struct bench {
    char *dir, *chip;
    struct driver_env env;
    struct ctx ctx;
};

static void set_up(struct bench *bench)
{
    static const char *const names[FAKE_GPIO_LINES] = {
        [1] = "POWER", [2] = "NRST", [3] = "BOOT0", [5] = "TWICE", [6] = "TWICE"};

    *bench = (struct bench){.dir = scratch_make(), .env = {.board = "b"}};
    bench->chip = fs_join(bench->dir, "gpiochip0");
    bench->ctx = scratch_patience();
    fake_gpio(bench->chip, "cp2104", names);
}

static void tear_down(struct bench *bench)
{
    free(bench->chip);
    scratch_remove(&bench->dir);
}

/* "{chip}" in the options is the bench's. */
static void *make(const struct driver_base *base, const struct bench *bench, const char *options,
                  struct diags *mistakes)
{
    cleanup_free char *text = xasprintf("{chip: %s, %s}", bench->chip, options);
    void *self = xcalloc(1, base->self_size);
    struct diags own = {0}, *diags = mistakes ? mistakes : &own;
    struct yaml_tree *tree;

    cr_assert_eq(yaml_parse(text, strlen(text), "t", &tree, diags, NULL), 0, "%s", text);
    base->preset(self);
    fields_read(base->fields, yaml_root(tree), base->name, self, diags);
    if (base->check && !diags->messages.count)
        base->check(self, yaml_root(tree), diags);
    cr_assert(mistakes || !own.messages.count, "%s", own.messages.items[0]);
    yaml_tree_free(tree);
    return self;
}

static void unmake(const struct driver_base *base, void *self)
{
    if (base->done)
        base->done(self);
    fields_done(base->fields, self);
    free(self);
}

static int run_reset(struct bench *bench, const char *options, struct err *err)
{
    void *self = make(&reset_gpio.base, bench, options, NULL);
    int rc = reset_gpio.reset(self, &bench->env, &bench->ctx, err);

    unmake(&reset_gpio.base, self);
    return rc;
}

Test(reset_gpio, pulls_and_lets_go)
{
    static const char *const rows[][2] = {
        {"line: 2, hold: 1ms", "2: out 0 open-drain\n2: 1\n"},
        {"line: NRST, hold: 1ms, drive: push-pull", "2: out 0\n2: 1\n"},
        {"line: NRST, hold: 1ms, active: high", "2: out 1\n2: 0\n"},
        {"line: 2, hold: 1ms, boot0: 3", "3: out 0\n2: out 0 open-drain\n2: 1\n3: 0\n"},
        {"line: 2, hold: 1ms, boot0: BOOT0, boot0-level: high",
         "3: out 1\n2: out 0 open-drain\n2: 1\n3: 0\n"},
    };
    struct bench bench;

    set_up(&bench);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t before = strlen(fake_log());
        struct err err = {0};
        cr_expect_eq(run_reset(&bench, rows[i][0], &err), 0, "%s: %s", rows[i][0], err.message);
        cr_expect_str_eq(fake_log() + before, rows[i][1], "%s", rows[i][0]);
    }
    tear_down(&bench);
}

Test(reset_gpio, holds_as_long_as_told_or_until_cancelled)
{
    int cancel = eventfd(1, EFD_CLOEXEC);
    struct bench bench;
    struct err err = {0};
    int64_t began = ctx_now_ns();

    set_up(&bench);
    cr_expect_eq(run_reset(&bench, "line: 2, hold: 30ms", &err), 0);
    cr_expect_geq(ctx_now_ns() - began, 30000000);
    bench.ctx = ctx_root(cancel, NULL);
    cr_expect_eq(run_reset(&bench, "line: 2, hold: 9s, boot0: 3, boot0-level: high", &err),
                 -ERR_CANCELLED);
    cr_expect(fake_gpio_is(2), "not left in reset");
    cr_expect_not(fake_gpio_is(3), "nor for its bootloader");
    close(cancel);
    tear_down(&bench);
}

Test(reset_gpio, errors_say_what_to_do)
{
    static const char *const rows[][2] = {
        {"line: 8", "has no line 8: it has 8"},
        {"line: NRTS", "has no line 'NRTS' (did you mean 'NRST'?)"},
        {"line: TWICE", "has 2 lines 'TWICE'; give the number of one"},
        {"line: 4", "line 4: is in use by 'leds'; 'gpioinfo' shows all"},
        {"line: 2, boot0: 4", "boot0: "},
    };
    struct bench bench;
    struct err err = {0};

    set_up(&bench);
    fake_gpio_taken(4, "leds");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_expect_lt(run_reset(&bench, rows[i][0], &err), 0, "%s", rows[i][0]);
        cr_expect(strstr(err.message, rows[i][1]), "%s", err.message);
    }
    unlink(bench.chip);
    cr_expect_eq(run_reset(&bench, "line: 2", &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "'gpiodetect' shows what is there"), "%s", err.message);
    free(bench.chip);
    bench.chip = xstrdup("/dev/null");
    cr_expect_eq(run_reset(&bench, "line: 2", &err), -ERR_CONFIG);
    cr_expect(strstr(err.message, "is no GPIO chip"), "%s", err.message);
    tear_down(&bench);
}

Test(reset_gpio, mistakes_in_the_options)
{
    static const char *const rows[][2] = {
        {"line: 1, hold: 11s", "'hold' must be from 1ms to 10 s"},
        {"line: 1, hold: 0", "'hold' must be from 1ms to 10 s"},
        {"line: 1, active: off", "'active' must be one of: low, high"},
        {"line: 1, boot0-level: high", "'boot0-level' needs 'boot0'"},
        {"line: 1, boot0: 1", "are the same line"},
        {"hold: 1s", "needs 'line'"},
    };
    struct bench bench;

    set_up(&bench);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct diags diags = {0};
        void *self = make(&reset_gpio.base, &bench, rows[i][0], &diags);
        cr_assert_eq(diags.messages.count, 1, "%s", rows[i][0]);
        cr_expect(strstr(diags.messages.items[0], rows[i][1]), "%s", diags.messages.items[0]);
        diags_done(&diags);
        unmake(&reset_gpio.base, self);
    }
    tear_down(&bench);
}

static bool is_on(const struct bench *bench, void *self)
{
    struct err err = {0};
    bool ret = false;

    cr_assert_eq(power_gpio.is_on(self, &bench->env, &bench->ctx, &ret, &err), 0, "%s",
                 err.message);
    return ret;
}

Test(power_gpio, holds_the_line_and_reads_it_back)
{
    static const struct {
        const char *options;
        bool high;
    } rows[] = {{"line: POWER", true}, {"line: 1, active: low", false}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench bench;
        struct err err = {0};
        set_up(&bench);
        void *self = make(&power_gpio.base, &bench, rows[i].options, NULL);
        fake_gpio_level(1, rows[i].high);
        cr_expect(is_on(&bench, self), "as somebody has left it");
        fake_gpio_level(1, !rows[i].high);
        cr_expect_not(is_on(&bench, self));
        cr_assert_eq(power_gpio.on(self, &bench.env, &bench.ctx, &err), 0, "%s", err.message);
        cr_expect_eq(fake_gpio_is(1), rows[i].high);
        cr_expect(is_on(&bench, self));
        void *other = make(&power_gpio.base, &bench, rows[i].options, NULL);
        cr_expect_eq(power_gpio.off(other, &bench.env, &bench.ctx, &err), -ERR_BUSY);
        cr_expect(strstr(err.message, "is in use by 'hil'"), "%s", err.message);
        cr_assert_eq(power_gpio.off(self, &bench.env, &bench.ctx, &err), 0, "%s", err.message);
        cr_expect_not(is_on(&bench, self));
        unmake(&power_gpio.base, self);
        cr_expect_eq(power_gpio.off(other, &bench.env, &bench.ctx, &err), 0, "it was let go");
        unmake(&power_gpio.base, other);
        tear_down(&bench);
    }
}
