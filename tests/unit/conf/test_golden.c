/* SPDX-License-Identifier: MIT
 *
 * Each tests/golden/conf/broken-KIND-*.yaml must give exactly the messages of its .expected file.
 * HIL_UPDATE_GOLDEN=1 writes those anew; read the difference before you keep it.
 */
#include "base/fs.h"
#include "base/str.h"
#include "conf/lab.h"
#include "conf/testplan.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load(const char *file, struct diags *diags, struct err *err)
{
    struct testplan *plan = NULL;
    struct yaml_tree *tree = NULL;
    struct lab *lab = NULL;
    int rc;

    if (str_starts(file, "broken-lab-")) {
        rc = lab_load(file, &lab, diags, err);
        lab_free(lab);
    } else if (str_starts(file, "broken-plan-")) {
        rc = testplan_load(file, &plan, diags, err);
        testplan_free(plan);
    } else {
        rc = yaml_load(file, &tree, diags, err);
        rc = rc < 0 ? rc : diags_check(diags, err);
        yaml_tree_free(tree);
    }
    return rc;
}

static void check_one(const char *file)
{
    cleanup_free char *expected_path =
        xasprintf("%.*s.expected", (int)(strlen(file) - strlen(".yaml")), file);
    cleanup_buf struct buf seen = BUF_INIT(1 << 20), expected = BUF_INIT(1 << 20);
    struct diags diags = {0};
    struct err err = {0};
    int rc = load(file, &diags, &err);

    cr_expect_eq(rc, -ERR_CONFIG, "%s: %d %s", file, rc, err.message);
    cr_expect(diags.messages.count && str_starts(err.message, diags.messages.items[0]),
              "%s: the error begins with the first mistake", file);
    for (size_t i = 0; i < diags.messages.count; i++)
        buf_addf(&seen, "%s\n", diags.messages.items[i]);
    diags_done(&diags);
    if (getenv("HIL_UPDATE_GOLDEN"))
        cr_assert_eq(fs_write(expected_path, seen.data, seen.size, &err), 0, "%s", err.message);
    cr_assert_eq(fs_read(expected_path, &expected, &err), 0, "%s", err.message);
    cr_expect_str_eq(seen.data, expected.data, "%s:\n%s", file, seen.data);
}

Test(conf_golden, every_broken_file_gives_its_messages)
{
    glob_t found;

    cr_assert_eq(chdir(HIL_TEST_DATA "/conf"), 0);
    cr_assert_eq(glob("broken-*.yaml", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_one(found.gl_pathv[i]);
    cr_assert_geq(found.gl_pathc, 20);
    globfree(&found);
}
