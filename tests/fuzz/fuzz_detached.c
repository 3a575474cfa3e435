/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a detached.json: refused with the file's name, or a server and a key that can be
 * nothing but the name of a directory.
 */
#include "run/detached_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct detached_file file;
    struct err err = {0};
    int rc = detached_parse((const char *)bytes, count, "x/detached.json", &file, &err);

    if (rc < 0) {
        must(rc == -(int)err.code && strstr(err.message, "x/detached.json"));
        return 0;
    }
    must(file.server[0] && strlen(file.server) < sizeof file.server);
    must(strlen(file.key) == KEPT_KEY_SIZE - 1);
    must(strspn(file.key, "0123456789abcdef") == KEPT_KEY_SIZE - 1);
    return 0;
}
