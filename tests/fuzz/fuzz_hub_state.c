/* SPDX-License-Identifier: MIT
 *
 * What a hub controller's program prints of its ports. Whatever is understood lies within the ports
 * that there are, and nothing is on of which that is not known.
 */
#include "board/hub_controller.h"

#include "base/str.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xstrndup((const char *)data, size);
    struct hub_state state;

    if (hub_state_parse(text, &state, NULL) == 0 &&
        (!state.known || state.known >> HUB_PORTS || state.on & ~state.known))
        abort();
    return 0;
}
