/* SPDX-License-Identifier: MIT */
#include "board/inventory.h"

#include "base/fs.h"
#include "base/str.h"

#include <stdlib.h>

static int drop_servers_boards(void *arg, struct lab *lab, struct err *err)
{
    (void)arg;
    (void)err;
    lab_drop_servers_boards(lab);
    return 0;
}

int inventory_open(const char *lab_option, struct inventory *ret, struct err *err)
{
    return inventory_open_joined(lab_option, drop_servers_boards, NULL, ret, err);
}

static void open_boards(struct inventory *inventory, struct diags *diags)
{
    struct lab *lab = inventory->lab;

    inventory->boards = xcalloc(lab->count, sizeof *inventory->boards);
    for (size_t i = 0; i < lab->count; i++)
        inventory->boards[i] = board_open(lab, &lab->boards[i], inventory->runtime_dir, diags);
}

int inventory_open_joined(const char *lab_option,
                          int (*join)(void *arg, struct lab *lab, struct err *err), void *arg,
                          struct inventory *ret, struct err *err)
{
    cleanup_free char *path = lab_find(lab_option, err);
    struct diags diags = {0};
    int rc;

    *ret = (struct inventory){0};
    if (!path)
        return -(int)err->code;
    rc = fs_runtime_dir(&ret->runtime_dir, err);
    if (rc == 0)
        rc = lab_load(path, &ret->lab, &diags, err);
    if (rc == 0)
        rc = join(arg, ret->lab, err);
    if (ret->lab)
        open_boards(ret, &diags);
    if (diags.messages.count)
        rc = diags_check(&diags, err);
    diags_done(&diags);
    if (rc < 0)
        inventory_close(ret);
    return rc;
}

static bool has_memory(const struct lab *lab, const char *name)
{
    for (size_t i = 0; i < lab->count; i++)
        if (lab->boards[i].server)
            return true;
    for (size_t i = 0; i < lab->count; i++)
        for (size_t m = 0; m < lab->boards[i].memory.count; m++)
            if (str_eq(lab->boards[i].memory.ranges[m].name, name))
                return true;
    return false;
}

int inventory_check_memory(const struct inventory *inventory, const struct strv *names,
                           struct err *err)
{
    for (size_t i = 0; i < names->count; i++)
        if (!has_memory(inventory->lab, names->items[i]))
            return err_set(err, ERR_USAGE, "no board of %s has memory named '%s'",
                           inventory->lab->file, names->items[i]);
    return 0;
}

struct board *inventory_board(const struct inventory *inventory, const struct board_conf *conf)
{
    return inventory->boards[conf - inventory->lab->boards];
}

void inventory_close(struct inventory *inventory)
{
    for (size_t i = 0; inventory->boards && inventory->lab && i < inventory->lab->count; i++)
        board_close(inventory->boards[i]);
    free(inventory->boards);
    lab_free(inventory->lab);
    free(inventory->runtime_dir);
    *inventory = (struct inventory){0};
}
