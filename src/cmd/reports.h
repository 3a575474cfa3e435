/* SPDX-License-Identifier: MIT
 *
 * reports: what `run` and `replay` take alike: where reports go, and whether to annotate.
 */
#ifndef HIL_CMD_REPORTS_H
#define HIL_CMD_REPORTS_H

#include "base/opt.h"
#include "report/report.h"

#include <stdbool.h>

#define REPORTS_ROWS                                                                            \
    {"junit", 0, "FILE", "Write the JUnit report here (-: standard output).", NULL},            \
        {"json", 0, "FILE", "Write the JSON report here (-: standard output).", NULL},          \
        {"summary", 0, "FILE", "Write the Markdown summary here (-: standard output).", NULL},  \
        {"html", 0, "FILE", "Write the HTML report here (-: standard output).", NULL},          \
    {                                                                                           \
        "annotations", 0, "auto|on|off",                                                        \
            "Print failures as annotations of GitHub Actions; auto, which is in Actions only, " \
            "is the default.",                                                                  \
            NULL                                                                                \
    }

/* Takes the option where it is one of the rows above: 1; 0: not ours.
 * *annotations starts as reports_annotations_auto(). */
int reports_take(const struct opt_row *row, const char *value, struct report_orders *orders,
                 bool *annotations);
bool reports_annotations_auto(void);
/* -ERR_USAGE where two reports would share standard output. */
int reports_check(const struct report_orders *orders, struct err *err);

#endif
