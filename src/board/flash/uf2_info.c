/* SPDX-License-Identifier: MIT */
#include "board/flash/uf2_info.h"

#include <string.h>
#include <strings.h>

/* A line's value: blanks around it are not a part of it. */
static void take(const char *text, size_t size, char ret[100])
{
    while (size && (*text == ' ' || *text == '\t'))
        text++, size--;
    while (size && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    if (size > 99)
        size = 99;
    for (size_t i = 0; i < size; i++)
        ret[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    ret[size] = '\0';
}

static void take_line(const char *line, size_t size, struct uf2_info *ret)
{
    static const char model[] = "Model:", board[] = "Board-ID:";

    if (size >= sizeof model - 1 && !strncasecmp(line, model, sizeof model - 1))
        take(line + sizeof model - 1, size - (sizeof model - 1), ret->model);
    else if (size >= sizeof board - 1 && !strncasecmp(line, board, sizeof board - 1))
        take(line + sizeof board - 1, size - (sizeof board - 1), ret->board_id);
}

int uf2_info_parse(const char *text, size_t size, struct uf2_info *ret, struct err *err)
{
    static const char title[] = "UF2 Bootloader";
    size_t length;

    *ret = (struct uf2_info){.bootloader = ""};
    for (size_t at = 0, line = 1; at < size && at < UF2_INFO_MAX; at += length + 1, line++) {
        for (length = 0; at + length < size && text[at + length] != '\n' &&
                         text[at + length] != '\r' && text[at + length];)
            length++;
        if (line == 1 && (length < sizeof title - 1 || strncasecmp(text, title, sizeof title - 1)))
            break;
        if (line == 1)
            take(text, length, ret->bootloader);
        else
            take_line(text + at, length, ret);
    }
    if (ret->bootloader[0])
        return 0;
    return err_set(err, ERR_DATA, UF2_INFO_FILE ":1: does not begin with '%s'", title);
}
