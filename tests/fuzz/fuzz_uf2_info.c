/* SPDX-License-Identifier: MIT
 *
 * Any bytes as INFO_UF2.TXT: refused, or strings that can be printed.
 */
#include "board/flash/uf2_info.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check(const char text[100])
{
    size_t length = strnlen(text, 100);

    if (length == 100 || (length && (text[0] == ' ' || text[length - 1] == ' ') && length < 99))
        abort();
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct uf2_info info;
    struct err err = {0};

    if (uf2_info_parse((const char *)bytes, count, &info, &err) < 0) {
        if (err.code != ERR_DATA)
            abort();
        return 0;
    }
    if (!info.bootloader[0])
        abort();
    check(info.bootloader);
    check(info.model);
    check(info.board_id);
    return 0;
}
