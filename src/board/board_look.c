/* SPDX-License-Identifier: MIT */
/* What a board is made of, and whether it is there; nothing of it is opened. */
#include "board/board_parts.h"

#include "base/proc.h"

struct board_drivers board_drivers(const struct board *board)
{
    return (struct board_drivers){
        .power = board->power ? board->power->base.name : NULL,
        .reset = board->reset ? board->reset->base.name : NULL,
        .flash = board->flash ? board->flash->base.name : NULL,
        .console = board->console ? board->console->base.name : NULL,
    };
}

const char *board_conf_probe(const struct board_conf *board)
{
    static const char *const keys[] = {"serial", "sn", "usb-serial", "probe", "port", "path"};
    const struct yaml_node *driver = board->flash ? board->flash->first : NULL;

    for (size_t i = 0; driver && i < ARRAY_SIZE(keys); i++) {
        const struct yaml_node *node = yaml_get(driver, keys[i]);
        if (node && node->kind == YAML_SCALAR)
            return node->text;
    }
    return NULL;
}

static void add_program(const char *program, const char *hint, struct strv *ret, struct strv *hints)
{
    strv_add(ret, program);
    strv_add(hints, hint ? hint : "");
}

static void add_programs(const struct driver_base *base, const void *self, struct strv *ret,
                         struct strv *hints)
{
    for (const struct field *field = base->fields; field && field->name; field++) {
        const char *place = (const char *)self + field->offset;
        const struct strv *argv = (const void *)place;
        const struct argv_list *list = (const void *)place;
        if (field->type == FIELD_ARGV && argv->count)
            add_program(argv->items[0], NULL, ret, hints);
        for (size_t i = 0; field->type == FIELD_ARGVS && i < list->count; i++)
            add_program(list->items[i].items[0], NULL, ret, hints);
    }
    if (base->program && base->program(self))
        add_program(base->program(self), base->hint ? base->hint(self) : NULL, ret, hints);
}

void board_programs(const struct board *board, struct strv *ret, struct strv *hints)
{
    if (board->conf->far)
        return; /* they are none of this host's */
    if (board->power)
        add_programs(&board->power->base, board->power_self, ret, hints);
    if (board->reset)
        add_programs(&board->reset->base, board->reset_self, ret, hints);
    if (board->flash)
        add_programs(&board->flash->base, board->flash_self, ret, hints);
    if (board->console)
        add_programs(&board->console->base, board->console_self, ret, hints);
    if (board->bootloader)
        add_programs(&board->bootloader->base, board->bootloader_self, ret, hints);
    if (board->probe)
        add_programs(&board->probe->base, board->probe_self, ret, hints);
    if (board->otp)
        add_programs(&board->otp->base, board->otp_self, ret, hints);
}

int board_programs_present(const struct board *board, struct err *err)
{
    cleanup_strv struct strv programs = {0}, hints = {0};

    board_programs(board, &programs, &hints);
    for (size_t i = 0; i < programs.count; i++) {
        cleanup_free char *found = proc_find(programs.items[i]);
        if (!found)
            return err_set(err, ERR_NOT_FOUND, "'%s' is not installed", programs.items[i]);
    }
    return 0;
}

static int devices_present(const struct board *board, struct err *err)
{
    const struct driver_base *const bases[] = {
        board->power ? &board->power->base : NULL, board->reset ? &board->reset->base : NULL,
        board->flash ? &board->flash->base : NULL, board->console ? &board->console->base : NULL};
    const void *const selves[] = {board->power_self, board->reset_self, board->flash_self,
                                  board->console_self};

    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        int rc = bases[i] && bases[i]->present ? bases[i]->present(selves[i], err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int board_present(struct board *board, const struct ctx *ctx, struct err *err)
{
    bool is_on = true;
    int rc = board_programs_present(board, err);

    if (rc == 0 && (rc = devices_present(board, err)) < 0 && board->power &&
        (board_is_on(board, ctx, &is_on, NULL) < 0 || !is_on))
        rc = 0; /* its own USB port goes with its power */
    return rc;
}
