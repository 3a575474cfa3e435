/* SPDX-License-Identifier: MIT
 *
 * lab_edit: boards added to a lab file's text or removed from it; every other byte stays as it was.
 *
 * Comments, order and style are the user's: new boards go behind the last one, indented as it is.
 * With a board go the comments within it and right above its name; YAML that was put aside as a
 * comment stays. A file whose boards are written in flow style ({...}, JSON) is refused. What comes
 * out was read again: the boards that must be there are. `name` stands for the file in messages.
 * Nothing blocks. Errors: -ERR_CONFIG.
 */
#ifndef HIL_CONF_LAB_EDIT_H
#define HIL_CONF_LAB_EDIT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* `boards` is block YAML from the left margin: "name:\n  labels: [...]\n"; comment lines may stand
 * between. An empty `text` becomes a lab of its own. */
int lab_add_boards(const char *text, size_t size, const char *name, const char *boards,
                   struct buf *ret, struct err *err);
/* A key of the lab itself, as a line of its own before `boards` ("max-parallel: {lab: 4}"), or as a
 * block where the value begins with a newline. A lab that has the key stays as it is. */
int lab_add_key(const char *text, size_t size, const char *name, const char *key, const char *value,
                struct buf *ret, struct err *err);
/* Refused, too, where other boards use what is to be removed (a YAML anchor). */
int lab_remove_boards(const char *text, size_t size, const char *name, const struct strv *names,
                      struct buf *ret, struct err *err);

#endif
