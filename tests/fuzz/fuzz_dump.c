/* SPDX-License-Identifier: MIT
 *
 * A file of the spool, or what hil store import is given. Whatever is in it, each row that gets
 * through has the values that its table's columns say.
 */
#include "base/str.h"
#include "store/dump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int check(void *arg, size_t table, const struct dump_value *values, struct err *err)
{
    const char *kinds;

    (void)arg;
    (void)err;
    must(table < DUMP_TABLES);
    kinds = dump_tables[table].kinds;
    for (size_t i = 0; i < DUMP_COLUMNS_MAX; i++)
        must(i < strlen(kinds) ? values[i].null || !values[i].text == (kinds[i] == 'i')
                               : values[i].null);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cleanup_close int fd = memfd_create("dump", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, bytes, count) == (ssize_t)count && lseek(fd, 0, SEEK_SET) == 0);
    dump_read(fd, "dump", check, NULL, NULL);
    return 0;
}
