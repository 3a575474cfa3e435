/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/str.h"
#include "conf/lab.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA HIL_TEST_DATA "/conf"

static struct lab *load(const char *path)
{
    struct diags diags = {0};
    struct lab *lab = NULL;
    struct err err = {0};

    cr_assert_eq(lab_load(path, &lab, &diags, &err), 0, "%s", err.message);
    cr_expect_eq(diags.file, lab->file, "drivers go on with the same file name");
    diags_done(&diags);
    return lab;
}

Test(lab, the_example_of_the_manual_loads)
{
    struct lab *lab = load(DATA "/good-lab.yaml");
    const struct board_conf *nucleo = lab_board(lab, "nucleo-3");
    const struct board_conf *virtual = lab_board(lab, "virtual-1");

    cr_expect_str_eq(lab->name, "bench-a");
    cr_expect_eq(lab->count, 2);
    cr_expect_eq(nucleo->timeouts.boot, 10000);
    cr_expect_eq(nucleo->timeouts.total, 600000);
    cr_expect_eq(nucleo->labels.count, 2);
    cr_expect_eq(nucleo->memory.count, 1);
    cr_expect_eq(nucleo->memory.ranges[0].at, 0x08000000);
    cr_expect_eq(nucleo->memory.ranges[0].size, 512 * 1024);
    cr_expect_str_eq(nucleo->flash->first->key, "openocd");
    cr_expect_str_eq(yaml_get(nucleo->console->first, "baud")->text, "115200");
    cr_expect_null(nucleo->qemu);
    cr_expect_null(nucleo->format.name);
    cr_expect_null(virtual->flash);
    cr_expect_str_eq(yaml_get(virtual->qemu, "machine")->text, "netduinoplus2");
    cr_expect_null(lab_board(lab, "stm32f4"), "a label is no name");
    lab_free(lab);
}

Test(lab, json_is_yaml)
{
    struct lab *lab = load(DATA "/good-lab.json");
    const struct board_conf *board = &lab->boards[0];

    cr_expect_str_eq(lab->name, "bench-j");
    cr_expect_eq(board->timeouts.boot, 1500);
    cr_expect_eq(board->timeouts.flash, timeouts_default.flash);
    cr_expect_eq(board->memory.ranges[0].at, 0x08000000);
    cr_expect_str_eq(board->format.name, "regex");
    lab_free(lab);
}

Test(lab, selectors_match_a_name_or_all_labels)
{
    static const struct {
        const char *selector;
        bool nucleo, virtual;
    } cases[] = {
        {"nucleo-3", true, false},
        {"stm32f4", true, false},
        {"virtual", false, true},
        {"stm32f4,virtual", false, false},
        {"nucleo-f446re,stm32f4", true, false},
        {"nucleo", false, false},
        {"", false, false},
        {",", false, false},
        {"nucleo-3,stm32f4", false, false},
    };
    struct lab *lab = load(DATA "/good-lab.yaml");

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_expect_eq(board_matches(&lab->boards[0], cases[i].selector), cases[i].nucleo, "%s",
                     cases[i].selector);
        cr_expect_eq(board_matches(&lab->boards[1], cases[i].selector), cases[i].virtual, "%s",
                     cases[i].selector);
    }
    lab_free(lab);
}

/* ---- finding the file ------------------------------------------------------------------------ */

static void enter_empty_dir(char dir[32])
{
    strcpy(dir, "/tmp/hil-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
    unsetenv("HIL_LAB");
}

static void leave_dir(const char *dir)
{
    unlink("lab.yaml");
    cr_expect_eq(rmdir(dir), 0);
}

static void expect_found(const char *option, const char *expected)
{
    struct err err = {0};
    cleanup_free char *found = lab_find(option, &err);

    cr_expect_str_eq(found ? found : err.message, expected);
}

Test(lab, the_file_is_found_in_order)
{
    char dir[32];

    enter_empty_dir(dir);
    cr_assert_eq(fs_write("lab.yaml", "", 0, NULL), 0);
    expect_found(NULL, "lab.yaml");
    setenv("HIL_LAB", "", 1);
    expect_found(NULL, "lab.yaml");
    setenv("HIL_LAB", DATA "/good-lab.yaml", 1);
    expect_found(NULL, DATA "/good-lab.yaml");
    expect_found("lab.yaml", "lab.yaml");
    leave_dir(dir);
}

Test(lab, a_named_file_that_is_not_there_is_never_replaced_by_another)
{
    char dir[32];

    enter_empty_dir(dir);
    cr_assert_eq(fs_write("lab.yaml", "", 0, NULL), 0);
    expect_found("x.yaml", "--lab names x.yaml, which is not there");
    setenv("HIL_LAB", "y.yaml", 1);
    expect_found(NULL, "$HIL_LAB names y.yaml, which is not there");
    leave_dir(dir);
}

Test(lab, without_a_file_every_place_is_named)
{
    struct err err = {0};
    char dir[32];

    if (fs_exists("/etc/hil/lab.yaml"))
        cr_skip("this host is a lab");
    enter_empty_dir(dir);
    cr_expect_null(lab_find(NULL, &err));
    cr_expect_eq(err.code, ERR_CONFIG);
    cr_expect(strstr(err.message, "--lab") && strstr(err.message, "$HIL_LAB") &&
              strstr(err.message, "./lab.yaml") && strstr(err.message, "/etc/hil/lab.yaml") &&
              strstr(err.message, "hil help boards"));
    leave_dir(dir);
}

Test(lab, the_name_defaults_to_the_hosts)
{
    char dir[32], host[256] = "";
    static const char text[] = "boards: {a: {qemu: {machine: m}}}\n";

    enter_empty_dir(dir);
    cr_assert_eq(fs_write("lab.yaml", text, sizeof text - 1, NULL), 0);
    gethostname(host, sizeof host - 1);
    cleanup_free char *safe = fs_safe_name(host);
    struct lab *lab = load("lab.yaml");
    cr_expect_str_eq(lab->name, safe);
    lab_free(lab);
    leave_dir(dir);
}
