/* SPDX-License-Identifier: MIT
 *
 * What is plugged in, and what of it makes a board.
 */
#include "lab.h"
#include "usb/rig.h"

static void scan(struct usb_tree *ret)
{
    struct err err = {0};

    cr_assert_eq(usb_scan(ret, &err), 0, "%s", err.message);
}

static const struct mock_device nucleo = {.path = "1-1.4",
                                          .vendor = 0x0483,
                                          .product = 0x374b,
                                          .serial = "066DFF515754888367131638",
                                          .maker = "STMicroelectronics",
                                          .name = "STM32 STLink",
                                          .drive = "NODE_F446RE",
                                          .interfaces = {{0xff, 0xff, 0xff, "ST-Link Debug", 0},
                                                         {8, 6, 80, "ST-Link Mass Storage", 0},
                                                         {2, 2, 1, "ST-Link VCP Ctrl", "ttyACM0"},
                                                         {10, 0, 0, "ST-Link VCP Data", 0}}};

static const struct mock_device ftdi = {.path = "1-1.2",
                                        .vendor = 0x0403,
                                        .product = 0x6001,
                                        .serial = "A50285BI",
                                        .name = "FT232R USB UART",
                                        .interfaces = {{0xff, 0xff, 0xff, "", "ttyUSB0"}}};

Test(scan, everything_that_the_kernel_knows_of_a_device)
{
    struct mock *mock = lab_new();
    const struct usb_device *device;
    struct usb_tree tree;

    mock_plug(mock, &nucleo);
    scan(&tree);
    cr_assert_eq(tree.count, 3);
    device = usb_at(&tree, "1-1.4");
    cr_assert(device);
    cr_assert_eq(device->vendor, 0x0483);
    cr_assert_eq(device->product, 0x374b);
    cr_assert_eq(device->bus, 1);
    cr_assert_eq(device->port, 4);
    cr_assert_str_eq(device->parent, "1-1");
    cr_assert_str_eq(device->controller, "0000:00:14.0");
    cr_assert_str_eq(device->serial, "066DFF515754888367131638");
    cr_assert_str_eq(device->name, "STM32 STLink");
    cr_assert_str_eq(device->drive, "NODE_F446RE");
    cr_assert(str_starts(device->drive_node, "/dev/sd"));
    cr_assert_eq(device->interface_count, 4);
    cr_assert_str_eq(device->interfaces[2].driver, "cdc_acm");
    cr_assert_str_eq(device->interfaces[0].name, "ST-Link Debug");
    cr_assert_eq(device->tty_count, 1);
    cr_assert_str_eq(device->ttys[0].node, "/dev/ttyACM0");
    cr_assert_str_eq(device->ttys[0].by_id,
                     "/dev/serial/by-id/usb-0483_374b_066DFF515754888367131638-if02");
    cr_assert_str_eq(device->ttys[0].by_path, "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.4:1.2");
    cr_assert_eq(device->ttys[0].interface, 2);
    cr_assert_str_eq(device->known->name, "ST-LINK/V2-1");
    cr_assert_null(usb_at(&tree, "1-1.3"));
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(scan, in_the_order_of_ports_as_numbers)
{
    static const char *const plugged[] = {"1-1.10", "usb2", "1-1.2", "2-1", "1-2", "1-1.2.1"};
    static const char *const order[] = {"usb1",   "1-1", "1-1.2", "1-1.2.1",
                                        "1-1.10", "1-2", "usb2",  "2-1"};
    struct mock *mock = lab_new();
    struct usb_tree tree;

    mock_plug(mock, MOCK_HUB("usb2"));
    mock_plug(mock, MOCK_HUB("1-1.2"));
    for (size_t i = 0; i < ARRAY_SIZE(plugged); i++)
        if (strcmp(plugged[i], "usb2") != 0 && strcmp(plugged[i], "1-1.2") != 0)
            mock_plug(mock, &(struct mock_device){.path = plugged[i]});
    scan(&tree);
    cr_assert_eq(tree.count, ARRAY_SIZE(order));
    for (size_t i = 0; i < tree.count; i++)
        cr_expect_str_eq(tree.devices[i].path, order[i]);
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(scan, names_are_made_printable)
{
    struct mock *mock = lab_new();
    struct usb_tree tree;

    mock_plug(mock, &(struct mock_device){.path = "1-1.1", .name = "a\033[31m", .serial = "  "});
    scan(&tree);
    cr_assert_str_eq(usb_at(&tree, "1-1.1")->name, "a\xEF\xBF\xBD[31m");
    cr_assert_null(usb_at(&tree, "1-1.1")->serial);
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(scan, paths)
{
    static const char *const good[] = {"1-1", "12-3", "1-1.4", "1-1.4.2.10"};
    static const char *const bad[] = {"",       "1",     "usb1",    "1-",   "-1",  "1-1.",
                                      "1-1..4", "1.1-4", "1-1:1.0", "/1-1", "1-1 "};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        cr_expect(usb_path_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect(!usb_path_valid(bad[i]), "%s", bad[i]);
}

/* ---- known ----------------------------------------------------------------------------------- */

static const struct usb_known *know(uint16_t vendor, uint16_t product, const char *name,
                                    struct usb_interface interface)
{
    struct usb_device device = {.vendor = vendor,
                                .product = product,
                                .name = name,
                                .interfaces = &interface,
                                .interface_count = interface.class ? 1 : 0};

    return usb_know(&device);
}

Test(known, by_number_by_word_and_by_class)
{
    static const struct {
        uint16_t vendor, product;
        const char *name;
        struct usb_interface interface;
        enum usb_kind kind;
        const char *known;
    } rows[] = {
        {0x0483, 0x3748, NULL, {0}, USB_PROBE, "ST-LINK/V2"},
        {0x0483, 0x3754, NULL, {0}, USB_PROBE, "STLINK-V3"},
        {0x0483, 0xdf11, NULL, {0}, USB_BOOTLOADER, "STM32 bootloader"},
        {0x1366, 0x0105, "J-Link", {0}, USB_PROBE, "J-Link"},
        {0x1366, 0x1024, "J-Link CMSIS-DAP", {0}, USB_PROBE, "CMSIS-DAP"},
        {0x0d28, 0x0204, "DAPLink CMSIS-DAP", {0}, USB_PROBE, "CMSIS-DAP"},
        {0x2e8a,
         0x000c,
         "Debugprobe on Pico (CMSIS-DAP)",
         {0},
         USB_PROBE,
         "Raspberry Pi Debug Probe"},
        {0x1d50, 0x6018, NULL, {0}, USB_PROBE, "Black Magic Probe"},
        {0x303a, 0x1001, NULL, {0}, USB_PROBE, "ESP USB-JTAG"},
        {0x2e8a, 0x0003, NULL, {0}, USB_BOOTLOADER, "RP2040 BOOTSEL"},
        {0x0403, 0x6014, NULL, {0}, USB_SERIAL, "FTDI FT232H"},
        {0x10c4, 0xea60, NULL, {0}, USB_SERIAL, "CP210x"},
        {0x1a86, 0x7523, NULL, {0}, USB_SERIAL, "CH340"},
        {0x067b, 0x2303, NULL, {0}, USB_SERIAL, "PL2303"},
        {0x1234,
         0x5678,
         NULL,
         {.class = 0xfe, .subclass = 1, .protocol = 2},
         USB_BOOTLOADER,
         "DFU bootloader"},
        {0x1234,
         0x5678,
         NULL,
         {.class = 0xfe, .subclass = 1, .protocol = 1},
         USB_RUNTIME,
         "firmware with DFU"},
        {0x1234,
         0x5678,
         NULL,
         {.class = 2, .subclass = 2, .protocol = 1},
         USB_SERIAL,
         "serial port"},
        {0x2109, 0x2813, NULL, {.class = 9}, USB_HUB, "hub"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct usb_known *known =
            know(rows[i].vendor, rows[i].product, rows[i].name, rows[i].interface);
        cr_assert(known, "%04x:%04x", rows[i].vendor, rows[i].product);
        cr_expect_str_eq(known->name, rows[i].known);
        cr_expect_eq(known->kind, rows[i].kind, "%s", known->name);
    }
    cr_expect_null(know(0x046d, 0xc52b, "Mouse", (struct usb_interface){.class = 3}));
}

Test(known, a_drive_that_takes_uf2_and_one_that_does_not)
{
    static const struct {
        uint16_t vendor, product;
        const char *label;
        uint8_t class;
        const char *known;
    } rows[] = {
        {0x1209, 0x0001, "FEATHERBOOT", 8, "UF2 bootloader"},
        {0x239a, 0x0029, NULL, 8, "UF2 bootloader"},
        {0x239a, 0x8029, "CIRCUITPY", 8, NULL}, /* its firmware */
        {0x239a, 0x0029, "FEATHERBOOT", 3, NULL},
        {0x0781, 0x5567, "BOOTSTICK", 8, NULL},
        {0x0781, 0x5567, NULL, 8, NULL},
        {0x0483, 0x374b, "NODE_F446RE", 8, "ST-LINK/V2-1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct usb_interface interface = {.class = rows[i].class};
        struct usb_device device = {.vendor = rows[i].vendor,
                                    .product = rows[i].product,
                                    .drive = rows[i].label,
                                    .interfaces = &interface,
                                    .interface_count = 1};
        const struct usb_known *known = usb_know(&device);
        cr_expect_str_eq(known ? known->name : "-", rows[i].known ? rows[i].known : "-", "%zu", i);
    }
}

/* ---- rigs ------------------------------------------------------------------------------------ */

static bool noted(const struct rig_list *rigs, const char *what)
{
    for (size_t i = 0; i < rigs->notes.count; i++)
        if (strstr(rigs->notes.items[i], what))
            return true;
    return false;
}

static const struct mock_device second = {.path = "1-1.3",
                                          .vendor = 0x0483,
                                          .product = 0x3748,
                                          .serial = "35FF",
                                          .interfaces = {{0xff, 0xff, 0xff, "", 0}}};

Test(rig, a_probe_with_its_own_tty)
{
    struct mock *mock = lab_new();
    struct rig_list rigs;
    struct usb_tree tree;
    cleanup_free char *name = NULL;

    mock_plug(mock, &nucleo);
    scan(&tree);
    rigs_find(&tree, &rigs);
    cr_assert_eq(rigs.count, 1);
    cr_assert_eq(rigs.items[0].console, RIG_OWN_CONSOLE);
    cr_assert_str_eq(rigs.items[0].tty->node, "/dev/ttyACM0");
    cr_assert(rigs.items[0].serial_unique);
    name = rig_name(&rigs.items[0]);
    cr_assert_str_eq(name, "nucleo-f446re");
    cr_assert_eq(rigs.notes.count, 0);
    rigs_done(&rigs);
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(rig, an_adapter_on_the_same_hub_is_a_guess_that_two_probes_forbid)
{
    struct mock *mock = lab_new();
    struct mock_device third = second;
    struct rig_list rigs;
    struct usb_tree tree;

    mock_plug(mock, &ftdi);
    mock_plug(mock, &second);
    scan(&tree);
    rigs_find(&tree, &rigs);
    cr_assert_eq(rigs.count, 1);
    cr_assert_eq(rigs.items[0].console, RIG_SAME_HUB);
    cr_assert_str_eq(rigs.items[0].tty->node, "/dev/ttyUSB0");
    cr_assert_eq(rigs.notes.count, 0);
    rigs_done(&rigs);
    usb_tree_done(&tree);

    third.path = "1-1.5";
    mock_plug(mock, &third);
    scan(&tree);
    rigs_find(&tree, &rigs);
    cr_assert_eq(rigs.count, 2);
    cr_assert_eq(rigs.items[0].console, RIG_NO_CONSOLE);
    cr_assert(!rigs.items[1].serial_unique);
    cr_assert(noted(&rigs, "1-1.3, 1-1.5 share the serial number 35FF"));
    cr_assert(noted(&rigs, "/dev/ttyUSB0 (FTDI FT232R) could be the console of several boards"));
    rigs_done(&rigs);
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(rig, what_would_be_mistaken_is_named)
{
    struct mock *mock = lab_new();
    struct mock_device nameless = second, powerless = ftdi;
    struct rig_list rigs;
    struct usb_tree tree;

    nameless.serial = NULL;
    powerless.unconfigured = true;
    powerless.interfaces[0].class = 0;
    mock_plug(mock, &nameless);
    mock_plug(mock, &powerless);
    scan(&tree);
    rigs_find(&tree, &rigs);
    cr_assert(noted(&rigs, "1-1.3 (ST-LINK/V2) has no serial number"));
    cr_assert(noted(&rigs, "1-1.2 (0403:6001) is not configured"));
    cr_assert(!rigs.items[0].serial_unique);
    rigs_done(&rigs);
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(rig, the_number_that_all_of_a_kind_have_tells_nothing)
{
    struct mock *mock = lab_new();
    struct usb_tree tree;

    mock_plug(mock,
              &(struct mock_device){
                  .path = "1-1.1", .vendor = 0x2e8a, .product = 0x0003, .serial = "E0C9125B0D9B"});
    mock_plug(mock, &(struct mock_device){
                        .path = "1-1.2", .vendor = 0x2e8a, .product = 0x000f, .serial = "F00D"});
    scan(&tree);
    cr_expect(!usb_serial_tells(&tree, usb_at(&tree, "1-1.1")));
    cr_expect(usb_serial_tells(&tree, usb_at(&tree, "1-1.2")));
    usb_tree_done(&tree);
    mock_free(mock);
}
