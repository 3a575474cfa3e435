/* SPDX-License-Identifier: MIT */
#include "image/symbols.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const uint64_t addresses[] = {0x08000100, 0x08000114, 0x08000136, 0x0800012C,
                                         0x08000130, 0,          1,          UINT64_MAX};
    struct symbols_frame frames[SYMBOLS_FRAMES_MAX];
    struct symbols *symbols = NULL;

    if (symbols_open(bytes, count, &symbols, NULL) < 0)
        return 0;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        size_t found = symbols_lookup(symbols, addresses[i], frames);
        if (found > SYMBOLS_FRAMES_MAX)
            abort();
        for (size_t k = 0; k < found; k++)
            if (!*frames[k].function || (frames[k].file && !*frames[k].file))
                abort();
    }
    symbols_close(symbols);
    return 0;
}
