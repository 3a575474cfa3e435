/* SPDX-License-Identifier: MIT */
#include "cmd/reports.h"

#include "base/str.h"
#include "run/origin.h"

bool reports_annotations_auto(void)
{
    return origin_in_actions();
}

int reports_take(const struct opt_row *row, const char *value, struct report_orders *orders,
                 bool *annotations)
{
    if (!str_eq(row->name, "annotations"))
        return report_orders_add(orders, row->name, value);
    if (str_eq(value, "on"))
        *annotations = true;
    else if (str_eq(value, "off"))
        *annotations = false;
    else
        *annotations = reports_annotations_auto();
    return 1;
}

int reports_check(const struct report_orders *orders, struct err *err)
{
    return orders->to_stdout > 1
               ? err_set(err, ERR_USAGE, "only one report can have standard output (-)")
               : report_orders_check(orders, err);
}
