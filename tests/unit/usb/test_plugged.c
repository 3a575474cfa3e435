/* SPDX-License-Identifier: MIT
 *
 * What of a lab's text is a rig's, and what only looks like it.
 */
#include "base/fs.h"
#include "board/plugged.h"
#include "lab.h"

#include <unistd.h>

static bool known(const char *text)
{
    struct usb_tty tty = {.node = "/dev/ttyACM1",
                          .by_id = "/dev/serial/by-id/usb-X_A50285BI-if00",
                          .by_path = "/dev/serial/by-path/pci-0-usb-0:1.2:1.0"};
    struct usb_device device = {.path = "1-1.2", .serial = "12345"};
    struct rig rig = {.device = &device, .tty = &tty, .serial_unique = true};

    return plugged_is_known(&rig, text);
}

Test(plugged, by_serial_number_path_or_tty)
{
    static const char *const yes[] = {
        "serial: 12345",
        "usb-serial: '12345'",
        "run: [st-flash, --serial, 12345, write]",
        "\"adapter serial 12345\"",
        "/dev/serial/by-id/usb-ST_12345-if02",
        "# serial number 12345",
        "path: 1-1.2",
        "{path: 1-1.2}",
        "location 1-1.2\"",
        "path: /dev/ttyACM1",
        "path: /dev/serial/by-id/usb-X_A50285BI-if00\n",
        "path: /dev/serial/by-path/pci-0-usb-0:1.2:1.0\n",
    };
    static const char *const no[] = {
        "",
        "serial: 0012345",
        "serial: 123456",
        "path: 1-1.25",
        "path: 11-1.2",
        "path: 1-1.2.4",
        "path: /dev/ttyACM10",
        "path: /dev/serial/by-id/usb-X_A50285BI-if00-port0",
    };

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        cr_expect(known(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        cr_expect(!known(no[i]), "%s", no[i]);
}

Test(plugged, a_shared_serial_number_says_nothing)
{
    struct usb_device device = {.path = "1-1.2", .serial = "12345"};
    struct rig rig = {.device = &device, .serial_unique = false};

    cr_assert(!plugged_is_known(&rig, "serial: 12345"));
    cr_assert(plugged_is_known(&rig, "path: 1-1.2"));
}

Test(plugged, quoted_text_reads_back_whatever_it_holds)
{
    static const char *const texts[] = {"",
                                        "plain 1-1.2",
                                        "a\"b\\c\\",
                                        "tab\tbell\a\x7F",
                                        "\xC2\x85",
                                        "\xE2\x80\xA8line",
                                        "gr\xC3\xBC\xC3\x9F",
                                        "\xF0\x9F\x98\x80",
                                        "{a: [b]} # c"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        cleanup_buf struct buf yaml = BUF_INIT(4096);
        struct yaml_tree *tree;
        buf_adds(&yaml, "k: ");
        board_yaml_quoted(&yaml, texts[i]);
        cr_assert_eq(yaml_parse(yaml.data, yaml.size, "t", &tree, &(struct diags){0}, NULL), 0,
                     "%s", yaml.data);
        cr_expect_str_eq(yaml_get(yaml_root(tree), "k")->text, texts[i]);
        yaml_tree_free(tree);
    }
}

/* ---- what is gone ---------------------------------------------------------------------------- */

/* The lab's only board, and how it is. */
static struct lab *load(const char *drivers)
{
    cleanup_free char *path = xstrdup("/tmp/hil-lab-XXXXXX");
    cleanup_free char *text = xasprintf("boards:\n  a:\n%s", drivers);
    struct diags diags = {0};
    struct err err = {0};
    struct lab *lab;

    close(mkstemp(path));
    cr_assert_eq(fs_write(path, text, strlen(text), &err), 0, "%s", err.message);
    lab_load(path, &lab, &diags, &err);
    cr_assert(lab && lab->count == 1, "%s", err.message);
    diags_done(&diags);
    unlink(path);
    return lab;
}

static bool is_gone(const char *drivers, const struct usb_tree *tree)
{
    struct lab *lab = load(drivers);
    bool gone = plugged_is_gone(&lab->boards[0], tree);

    lab_free(lab);
    return gone;
}

Test(plugged, a_board_is_gone_where_nothing_that_it_names_is_there)
{
    static const struct {
        const char *drivers;
        bool gone;
    } rows[] = {
        {"    flash: {st-flash: {serial: GONE}}\n", true},
        {"    flash: {st-flash: {serial: HERE}}\n", false},
        {"    flash: {st-flash: {serial: GONE}}\n    console: {serial: {usb-serial: HERE}}\n",
         false},
        {"    flash: {dfu: {path: 1-1.4}}\n", false},
        {"    flash: {dfu: {path: 1-1.5}}\n", true},
        {"    flash: {openocd: {interface: stlink, location: 1-1.5}}\n", true},
        {"    flash: {stm32flash: {port: /dev/hil-none}}\n", true},
        {"    console: {serial: {path: /dev/ttyACM4}}\n",
         false}, /* plugged in, and no node of it */
        /* zeros in front of a number are not told apart, others are */
        {"    flash: {jlink: {device: x, serial: 683759358}}\n", false},
        {"    flash: {jlink: {device: x, serial: 83759358}}\n", true},
        {"    flash: {st-flash: {serial: 0HERE}}\n", true},
        /* nothing is named: nobody can say */
        {"    flash: {cmd: {run: [flash, GONE]}}\n    console: {tcp: {host: h, port: 7}}\n", false},
        {"    qemu: {machine: netduinoplus2}\n", false},
        /* it may be off, unless its switch is gone, too */
        {"    flash: {dfu: {path: 1-1.5}}\n    power: {usb-hub: {location: 1-1, port: 5}}\n",
         false},
        {"    flash: {dfu: {path: 1-9.5}}\n    power: {usb-hub: {location: 1-9, port: 5}}\n", true},
        {"    flash: {dfu: {path: 1-1.5}}\n    power: {cmd: {on: [x], off: [y]}}\n", false},
    };
    struct mock *mock = lab_new();
    struct usb_tree tree;

    mock_plug(mock, &(struct mock_device){.path = "1-1.4",
                                          .vendor = 0x0483,
                                          .product = 0x374b,
                                          .serial = "HERE",
                                          .interfaces = {{2, 2, 1, "", "ttyACM4"}}});
    mock_plug(mock, &(struct mock_device){.path = "1-1.3", .serial = "000683759358"});
    cr_assert_eq(usb_scan(&tree, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(is_gone(rows[i].drivers, &tree), rows[i].gone, "%s", rows[i].drivers);
    usb_tree_done(&tree);
    mock_free(mock);
}

Test(plugged, the_device_of_a_board)
{
    static const struct {
        const char *drivers, *path;
    } rows[] = {
        {"    flash: {st-flash: {serial: ONE}}\n", "1-1.2"},
        {"    flash: {st-flash: {serial: TWO}}\n", NULL}, /* which? */
        {"    flash: {openocd: {interface: stlink, location: 1-1.4}}\n", "1-1.4"},
        {"    flash: {dfu: {path: 1-1.3}}\n", "1-1.3"},
        {"    flash: {stm32flash: {port: /dev/ttyACM4}}\n", "1-1.2"},
        {"    flash: {jlink: {device: x, serial: 759358}}\n", "1-1.5"},
        {"    flash: {st-flash: {serial: TWO}}\n    console: {serial: {usb-serial: ONE}}\n",
         "1-1.2"},
        {"    flash: {cmd: {run: [x]}}\n    power: {usb-hub: {location: 1-1, port: 2}}\n", NULL},
    };
    static const char *const serials[] = {"ONE", "TWO", "TWO", "000000759358"};
    static const char *const paths[] = {"1-1.2", "1-1.3", "1-1.4", "1-1.5"};
    struct mock *mock = lab_new();
    struct usb_tree tree;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        mock_plug(mock, &(struct mock_device){.path = paths[i],
                                              .serial = serials[i],
                                              .interfaces = {{2, 2, 1, "", i ? NULL : "ttyACM4"}}});
    cr_assert_eq(usb_scan(&tree, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct lab *lab = load(rows[i].drivers);
        const struct usb_device *device = plugged_device(&lab->boards[0], &tree);
        cr_expect_str_eq(device ? device->path : "-", rows[i].path ? rows[i].path : "-", "%s",
                         rows[i].drivers);
        lab_free(lab);
    }
    usb_tree_done(&tree);
    mock_free(mock);
}
