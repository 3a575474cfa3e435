/* SPDX-License-Identifier: MIT */
#include "base/pathname.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_drive(const char *part, size_t size)
{
    return size == 2 && part[1] == ':';
}

/* Takes the last part off `path`, which begins at `start`; false: none that ".." could take back.
 */
static bool drop_last(const char *path, size_t start, size_t *size)
{
    size_t at = *size;

    while (at > start && path[at - 1] != '/')
        at--;
    size_t part = *size - at;
    if (part == 0 || is_drive(path + at, part) || (part == 2 && !memcmp(path + at, "..", 2)))
        return false;
    *size = at > start ? at - 1 : at;
    return true;
}

void pathname_normalize(char *path)
{
    for (char *c = path; *c; c++)
        if (*c == '\\')
            *c = '/';
    size_t start = path[0] == '/', size = start;
    for (const char *part = path + start; *part;) {
        size_t length = strcspn(part, "/");
        const char *next = part + length + (part[length] == '/');
        bool up = length == 2 && !memcmp(part, "..", 2);
        bool out = up && !drop_last(path, start, &size); /* above the root there is nothing */
        if (length > 0 && (length != 1 || *part != '.') && (!up || (out && !start))) {
            if (size > start)
                path[size++] = '/';
            memmove(path + size, part, length);
            size += length;
        }
        part = next;
    }
    path[size] = '\0';
}
