/* SPDX-License-Identifier: MIT
 *
 * lab_edit: boards added to a lab file's text, every byte of which stays as it was.
 *
 * Comments, order and style are the user's: new boards go behind the last one, indented as it is.
 * A file whose boards are written in flow style ({...}, JSON) is refused. Nothing blocks.
 */
#ifndef HIL_CONF_LAB_EDIT_H
#define HIL_CONF_LAB_EDIT_H

#include "base/buf.h"

/* `boards` is block YAML from the left margin: "name:\n  labels: [...]\n"; comment lines may stand
 * between. `name` stands for the file in messages. An empty `text` becomes a lab of its own. What
 * comes out was read again: the old boards are there, and the new ones. */
int lab_add_boards(const char *text, size_t size, const char *name, const char *boards,
                   struct buf *ret, struct err *err);
/* What changed between two texts, as one hunk that patch(1) takes; nothing where they are equal. */
void lab_diff(const char *before, const char *after, const char *name, struct buf *ret);

#endif
