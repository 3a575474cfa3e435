/* SPDX-License-Identifier: MIT
 *
 * lab: a hub with bootloaders on it, and drivers made from their options, for the tests here.
 */
#ifndef HIL_TEST_UNIT_USB_LAB_H
#define HIL_TEST_UNIT_USB_LAB_H

#include "base/ctx.h"
#include "base/str.h"
#include "board/flash/flash.h"
#include "board/reset/reset.h"
#include "mock.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static inline struct ctx within(int64_t ms)
{
    struct ctx root = ctx_root(-1, NULL);

    return ctx_narrow(&root, ms);
}

#define MOCK_HUB(at)                                             \
    &(struct mock_device)                                        \
    {                                                            \
        .path = (at), .class = 9, .interfaces = { {.class = 9} } \
    }

/* A root hub and a hub at 1-1. */
static inline struct mock *lab_new(void)
{
    struct mock *mock = mock_new();

    mock_plug(mock, MOCK_HUB("usb1"));
    mock_plug(mock, MOCK_HUB("1-1"));
    return mock;
}

/* A driver with its options, as the board room makes it; the first mistake in *ret_mistake. */
static inline void *lab_driver(const struct driver_base *base, const char *options,
                               char **ret_mistake)
{
    void *self = xcalloc(1, base->self_size);
    struct diags diags = {0};
    struct yaml_tree *tree;

    cr_assert_eq(yaml_parse(options, strlen(options), "t", &tree, &diags, NULL), 0, "%s", options);
    if (base->preset)
        base->preset(self);
    fields_read(base->fields, yaml_root(tree), "driver", self, &diags);
    if (base->check && !diags.messages.count)
        base->check(self, yaml_root(tree), &diags);
    if (ret_mistake)
        *ret_mistake = xstrdup(diags.messages.count ? diags.messages.items[0] : NULL);
    else
        cr_assert_eq(diags.messages.count, 0, "%s", diags.messages.items[0]);
    diags_done(&diags);
    yaml_tree_free(tree);
    return self;
}

static inline void lab_driver_free(const struct driver_base *base, void *self)
{
    fields_done(base->fields, self);
    free(self);
}

#endif
