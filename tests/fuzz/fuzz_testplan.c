/* SPDX-License-Identifier: MIT
 *
 * Any bytes as hil.yaml: refused with positions, or tests that keep their promises.
 */
#include "base/fs.h"
#include "conf/name.h"
#include "conf/testplan.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    int fd = memfd_create("hil.yaml", MFD_CLOEXEC);
    struct testplan *plan = NULL;
    struct diags diags = {0};
    struct err err = {0};
    char path[64];

    require(fd >= 0 && fs_write_all(fd, bytes, count, "hil.yaml", &err) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    require((testplan_load(path, &plan, &diags, &err) == 0) == (plan != NULL));
    require(plan || err.message[0]);
    for (size_t i = 0; plan && i < plan->count; i++) {
        const struct test_conf *test = &plan->tests[i];
        require(name_valid(test->name) && test->firmware[0] && test->boards.count && test->repeat);
    }
    testplan_free(plan);
    diags_done(&diags);
    close(fd);
    return 0;
}
