/* SPDX-License-Identifier: MIT
 *
 * tool: flashing programs that hil knows: a row each, run by one engine.
 *
 * A tool's file has a struct that begins with a `struct tool_conf`, its fields, and a
 * `struct flash_tool`: which files it takes, its steps as argv templates, and what its output
 * means (tool_judge.h). TOOL_DRIVER() makes a flash driver of it.
 *
 * A template is a list of words. In a word {name} is the option of that name, or {file} {address}
 * {size} {format} of the file at hand, or {board}, {offset} (its address less the option `base`),
 * {readback} (a file to read the flash into); it never splits a word. "?name:word" is there only
 * where the option is given (a flag: where it is true), "!name:word" only where it is not; a word
 * "*..." is repeated, together with those "*" words beside it, for each file. "{args}" alone
 * becomes the user's own words. A value that must be quoted for a language of the tool's own
 * (OpenOCD's Tcl) goes through the row's `quote`.
 *
 * The tool runs in the job's directory, so that firmware is a plain name of ours there; its output
 * goes to flash.log. At the deadline its whole process group is ended (base/proc.h).
 */
#ifndef HIL_BOARD_FLASH_TOOL_H
#define HIL_BOARD_FLASH_TOOL_H

#include "board/driver.h"
#include "board/flash/firmware.h"
#include "board/flash/tool_rules.h"

struct tool_step {
    const char *name;        /* "flash", or in front of errors: "identify", "verify" */
    const char *const *argv; /* behind the program's name; NULL ends the steps */
    const char *when;        /* only where this option is given; NULL: always */
    bool each;               /* once for each file */
    bool readback;           /* with `each`: {readback} must now hold what the file does */
    struct tool_rules rules;
};

struct flash_tool {
    const char *program;
    const char *hint;     /* what to do where it is not installed */
    const char *takes[5]; /* image formats it reads as they are */
    enum firmware_form otherwise;
    uint64_t block;       /* image_pieces()', where it reads raw binaries */
    uint64_t address_end; /* what lies from here on it would not write; 0: no end */
    const struct field *fields;
    const struct tool_step *steps;
    const struct tool_step *layout; /* for a flash layout; NULL: it takes none */
    const struct tool_step
        *compare;              /* fail to verify where the board has something else; or NULL */
    const char *const *script; /* template of a file "flash.script", a word a line; or NULL */
    char *(*quote)(const char *text); /* NULL: no option needs quotes */
};

struct tool_conf {
    const struct flash_tool *tool;
    char *program;    /* NULL: the tool's */
    struct strv args; /* more words */
};

/* The last rows of every tool's fields. */
#define TOOL_FIELDS(type)                                                             \
    {"program", FIELD_STRING, offsetof(type, tool.program),                           \
     .help = "the tool itself, where it is not in PATH: an absolute path"},           \
    {                                                                                 \
        "args", FIELD_STRINGS, offsetof(type, tool.args),                             \
            .help = "more words for its command line; it runs in the job's directory" \
    }

void tool_preset(void *self, const struct flash_tool *tool);
void tool_check(void *self, const struct yaml_node *node, struct diags *diags);
const char *tool_program(const void *self);
const char *tool_hint(const void *self);
int tool_flash(void *self, const struct driver_env *env, const struct image *image,
               const struct ctx *ctx, struct err *err);
int tool_compare(void *self, const struct driver_env *env, const struct image *image,
                 const struct ctx *ctx, struct err *err);
/* Takes the steps of a tool that needs no firmware, as a reset does; its output goes to `log`. */
int tool_act(void *self, const struct driver_env *env, const char *log, const struct ctx *ctx,
             struct err *err);

/* static const struct flash_tool ROW must be there; makes `const struct flash_driver flash_ID`. */
#define TOOL_DRIVER(id, title, type, row, console, about)                       \
    static void preset_##id(void *self)                                         \
    {                                                                           \
        tool_preset(self, &(row));                                              \
    }                                                                           \
    const struct flash_driver flash_##id = {.base = {.name = (title),           \
                                                     .summary = (about),        \
                                                     .fields = fields,          \
                                                     .self_size = sizeof(type), \
                                                     .preset = preset_##id,     \
                                                     .check = tool_check,       \
                                                     .program = tool_program,   \
                                                     .hint = tool_hint},        \
                                            .needs_console_port = (console),    \
                                            .program = tool_flash,              \
                                            .compare = tool_compare}

#endif
