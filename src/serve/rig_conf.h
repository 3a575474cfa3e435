/* SPDX-License-Identifier: MIT
 *
 * rig_conf: `rig:` of lab.yaml: which plugged things are boards, and what is done with each.
 *
 *     rig:
 *       match: {id: ['0483:df11'], hub: 1-1}
 *       firmware: fw.elf                        # or {release: latest, repo: owner/name, asset: '*.hex'}
 *       flash: {dfu: {path: '{path}', serial: '{serial}'}}
 *
 * Keys of a board (flash, reset, console, power, memory, format, ...) make every slot's board;
 * {path} {serial} {hub} {port} {slot} in them stand for what is plugged in there, and a value that
 * is just one of them is left out where that is not known. Nothing blocks; the lab is borrowed.
 */
#ifndef HIL_SERVE_RIG_CONF_H
#define HIL_SERVE_RIG_CONF_H

#include "conf/lab.h"
#include "serve/rig_slot.h"
#include "source/download.h"

enum recipe_kind { RECIPE_PATCH, RECIPE_COMMAND, RECIPE_OTP };
enum recipe_form { FORM_DEFAULT, FORM_BYTES, FORM_REVERSED, FORM_TEXT };

struct rig_recipe { /* how an identity gets onto a board */
    char *pool;
    struct strv from; /* the command that hands it; none: the next of the pool */
    enum recipe_kind kind;
    uint64_t at, size; /* of a patch or OTP; size 0: as long as it is */
    int form;          /* enum recipe_form */
    struct strv write, read;
    uint64_t low; /* fewer than this left in the pool are told (pool-low); 0: never */
    bool told;    /* the rig's: that it is low now */
};

struct rig_conf {
    const struct lab *lab;
    const struct yaml_node *node; /* the template */
    struct strv ids;              /* "0483:df11"; "0483:*" */
    char *serial, *path, *hub;    /* patterns, and the hub that all hangs on; NULL: any */
    struct strv slots;            /* hub paths of slots 1, 2, ...; others follow as they come */
    char *firmware;               /* spec; NULL: `download` */
    struct download_request download;
    char *texts[12]; /* what `download` borrows */
    bool has_at;
    uint64_t at;
    bool test, power_cycle, beep;
    uint64_t tests;      /* that there must be at least */
    struct strv require; /* that must pass */
    struct max_parallel limits;
    struct strv on_done, on_fail;
    struct rig_recipe *recipes;
    size_t recipe_count;
};
/* Mistakes go to `diags`. A lab without `rig:` is one. */
void rig_conf_read(const struct lab *lab, struct rig_conf *ret, struct diags *diags);
void rig_conf_done(struct rig_conf *conf); /* zeroed is fine */

bool rig_conf_matches(const struct rig_conf *conf, const struct rig_device *device);
/* A lab whose one board is that of the slot; name: "rig-1-1.3". As lab_from_template(). */
int rig_conf_board(const struct rig_conf *conf, unsigned slot, const struct rig_device *device,
                   struct lab **ret, struct diags *diags, struct err *err);
/* The placeholders of on-done, on-fail, from, and of the commands of a recipe. */
struct rig_words {
    const char *names[16], *values[16];
    char slot[16];
    size_t count;
};
void rig_words_fill(struct rig_words *words, unsigned slot, const struct rig_device *device);
void rig_words_add(struct rig_words *words, const char *name, const char *value); /* borrowed */
/* The same for a program's environment: HIL_SLOT=3, ... What a board says is safe there, in a shell
 * too; placeholders in a shell's own text are refused. */
void rig_words_env(const struct rig_words *words, struct strv *ret);

#endif
