/* SPDX-License-Identifier: MIT */
#include "parse/format.h"

#include "base/str.h"

const struct format *const formats[] = {
    &format_esp_idf_unity, &format_unity,        &format_ztest,         &format_tap,
    &format_ktap,          &format_googletest,   &format_cmocka,        &format_subunit,
    &format_cpputest,      &format_check,        &format_criterion,     &format_catch2,
    &format_greentea,      &format_nuttx_ostest, &format_chibios,       &format_embunit,
    &format_arduinounit,   &format_aunit,        &format_embedded_test, &format_libtest_json,
    &format_defmt_test,    &format_libtest,      &format_regex,         NULL,
};

const struct format *format_find(const char *name, struct err *err)
{
    const char *names[ARRAY_SIZE(formats)] = {"auto"};
    for (size_t i = 0; formats[i]; i++) {
        if (str_eq(name, formats[i]->name))
            return formats[i];
        names[i + 1] = formats[i]->name;
    }
    const char *nearest = str_nearest(name, names, ARRAY_SIZE(names));
    err_set(err, ERR_USAGE, "no test-output format is called '%s'", name);
    err_hint(err, nearest ? "; did you mean '%s'?" : "; 'hil formats' lists them", nearest);
    return NULL;
}
