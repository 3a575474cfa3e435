/* SPDX-License-Identifier: MIT */
#include "lab.h"
#include "usb/hub_claims.h"

#include <unistd.h>

Test(hub, what_its_descriptor_says)
{
    static const struct {
        uint8_t bytes[9];
        size_t size;
        enum hub_switching switching;
        unsigned ports;
        int good_ms;
    } good[] = {
        {{9, 0x29, 4, 0xE9, 0x00, 50, 100, 0, 0xFF}, 9, HUB_PER_PORT, 4, 100},
        {{9, 0x29, 7, 0xE0, 0x00, 50, 100, 0, 0xFF}, 9, HUB_GANGED, 7, 100},
        {{9, 0x29, 4, 0x0A, 0x00, 0, 100, 0, 0xFF}, 9, HUB_FIXED, 4, 0},
        {{9, 0x29, 4, 0x0B, 0x00, 0, 100, 0, 0xFF}, 9, HUB_FIXED, 4, 0},
        {{12, 0x2A, 4, 0x09, 0x00, 120, 0, 0, 0}, 9, HUB_PER_PORT, 4, 240},
        {{7, 0x29, 255, 0x01, 0x00, 255, 0}, 7, HUB_PER_PORT, 255, 510},
    };
    static const struct {
        uint8_t bytes[9];
        size_t size;
    } bad[] = {{{0}, 0},
               {{9, 0x29, 4, 0, 0, 0}, 6},
               {{9, 0x21, 4, 0, 0, 0, 0, 0, 0}, 9},
               {{2, 0x29, 4, 0, 0, 0, 0, 0, 0}, 9}};
    struct hub_facts facts;
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        cr_assert_eq(hub_read_facts(good[i].bytes, good[i].size, &facts, &err), 0, "%zu: %s", i,
                     err.message);
        cr_expect_eq(facts.switching, good[i].switching, "%zu", i);
        cr_expect_eq(facts.ports, good[i].ports, "%zu", i);
        cr_expect_eq(facts.good_ms, good[i].good_ms, "%zu", i);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_eq(hub_read_facts(bad[i].bytes, bad[i].size, &facts, &err), -ERR_DATA, "%zu", i);
}

Test(hub, where_a_port_leads)
{
    cleanup_free char *below = hub_child_path("1-1.4", 3);
    cleanup_free char *root = hub_child_path("usb2", 11);

    cr_expect_str_eq(below, "1-1.4.3");
    cr_expect_str_eq(root, "2-11");
}

/* ---- what hubs claim ------------------------------------------------------------------------- */

static void plug_hub(struct mock *mock, const char *path, struct mock_hub hub, const char *speed)
{
    mock_plug(
        mock,
        &(struct mock_device){
            .path = path, .class = 9, .speed = speed, .hub = hub, .interfaces = {{.class = 9}}});
}

static const struct hub_claim *claim_at(const struct hub_claims *claims, const char *path)
{
    size_t at = 0;

    while (at < claims->count && !str_eq(claims->items[at].hub->path, path))
        at++;
    cr_assert(at < claims->count, "%s was not asked", path);
    return &claims->items[at];
}

Test(hub_claims, every_hub_is_asked_and_nothing_else)
{
    struct mock *mock = lab_new(); /* its hubs answer nothing */
    struct model *model;
    struct hub_claims claims;
    struct usb_tree tree;
    struct ctx ctx = within(10000);
    struct err err = {0};

    plug_hub(mock, "usb2", (struct mock_hub){4, .characteristics = 2}, "5000");
    plug_hub(mock, "1-2", (struct mock_hub){4, .characteristics = 1}, "480");
    plug_hub(mock, "2-2", (struct mock_hub){4, .characteristics = 1, .twin = "1-2"}, "5000");
    plug_hub(mock, "1-3", (struct mock_hub){7, .characteristics = 0}, "480");
    plug_hub(mock, "1-4", (struct mock_hub){4, .silent = true}, "480");
    model = mock_bootloader(mock, "1-2.1", "S", &(struct model_conf){0}, NULL);
    cr_assert_eq(usb_scan(&tree, &err), 0, "%s", err.message);
    hub_claims_ask(&tree, &ctx, &claims);

    cr_expect_eq(claims.count, 7);
    cr_expect_str_eq(hub_claim_word(claim_at(&claims, "usb2")), "none");
    cr_expect_str_eq(hub_claim_word(claim_at(&claims, "1-2")), "per-port");
    cr_expect_str_eq(hub_claim_word(claim_at(&claims, "1-3")), "ganged");
    cr_expect_eq(claim_at(&claims, "1-3")->facts.ports, 7);
    cr_expect_str_eq(claim_at(&claims, "1-2")->twin->path, "2-2");
    cr_expect_str_eq(claim_at(&claims, "2-2")->twin->path, "1-2");
    cr_expect_null(claim_at(&claims, "1-3")->twin);
    cr_expect_null(hub_claim_word(claim_at(&claims, "1-4")));
    cr_expect(strstr(claim_at(&claims, "1-4")->why.message, "does not answer"));
    cr_expect_null(hub_claim_word(claim_at(&claims, "1-1")));
    cr_expect_null(hub_claim_of(&claims, usb_at(&tree, "1-2.1")));
    cr_expect_eq(model->requests, 0);
    hub_claims_done(&claims);
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(hub_claims, a_cancel_ends_the_questions)
{
    struct mock *mock = lab_new();
    struct hub_claims claims;
    struct usb_tree tree;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    struct ctx ctx = ctx_root(ends[0], NULL);
    cr_assert_eq(usb_scan(&tree, NULL), 0);
    hub_claims_ask(&tree, &ctx, &claims);
    cr_expect_eq(claims.count, 0);
    hub_claims_done(&claims);
    usb_tree_done(&tree);
    mock_free(mock);
    close(ends[0]);
    close(ends[1]);
}
