/* SPDX-License-Identifier: MIT */
#include "base/library.h"

#include "base/str.h"

#include <dlfcn.h>
#include <string.h>

/* POSIX promises that a function's address fits a void pointer; ISO C has no cast for it. */
static int find_all(void *handle, const char *title, const struct library_symbol *symbols,
                    void *ret_api, struct err *err)
{
    for (const struct library_symbol *symbol = symbols; symbol->name; symbol++) {
        void *found = dlsym(handle, symbol->name);
        if (!found)
            return err_set(err, ERR_TOOL, "this host's %s has no %s", title, symbol->name);
        memcpy((char *)ret_api + symbol->at, &found, sizeof found);
    }
    return 0;
}

int library_load(const struct library *library, const struct library_symbol *symbols, void *ret_api,
                 struct err *err)
{
    void *handle = NULL;

    for (size_t i = 0; !handle && i < ARRAY_SIZE(library->files) && library->files[i]; i++)
        handle = dlopen(library->files[i], RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
        return err_set(err, ERR_TOOL, "%s cannot be loaded (%s); try: apt install %s",
                       library->title, dlerror(), library->package);
    return find_all(handle, library->title, symbols, ret_api, err);
}
