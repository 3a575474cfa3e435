/* SPDX-License-Identifier: MIT
 *
 * Another program's inventory: whatever it holds, what is made of it can be added to a lab.
 */
#include "board/import.h"
#include "conf/lab_edit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cleanup_buf struct buf boards = BUF_INIT((size_t)4 << 20), after = BUF_INIT((size_t)8 << 20);
    struct usb_tree tree = {0};
    struct imported imported = {0};
    struct err err = {0};

    if (import_boards((const char *)bytes, count, "f", &tree, "", &boards, &imported, &err) == 0 &&
        boards.size && lab_add_boards("", 0, "lab.yaml", boards.data, &after, &err) < 0)
        abort();
    imported_done(&imported);
    return 0;
}
