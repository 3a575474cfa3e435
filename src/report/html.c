/* SPDX-License-Identifier: MIT */
/* report.html: the whole run on one page that asks no network for anything. It reads without
 * scripts, too; html.js adds filters and search. */
#include "report/report.h"

#include "report/html/assets.h"
#include "report/html/parts.h"

#define LOG_BYTES_MAX (UINT64_C(4) << 20) /* of all boards together */
#define CASES_MAX 20000                   /* of all boards; with more only what is red is listed */

/* html.js fills it in and shows it. */
static void toolbar(struct markup *markup)
{
    markup_raw(markup,
               "<form id=\"tools\" role=\"search\" hidden>\n"
               "<input id=\"find\" type=\"search\" placeholder=\"Search tests ( / )\" "
               "aria-label=\"Search tests\" autocomplete=\"off\" spellcheck=\"false\">\n"
               "<select id=\"board\" aria-label=\"Board\"><option value=\"\">All boards</option>"
               "</select>\n"
               "<div role=\"group\" aria-label=\"Results shown\" id=\"results\"></div>\n"
               "<output id=\"count\" aria-live=\"polite\"></output>\n</form>\n");
}

static int html_write(const struct run_result *run, int fd, struct err *err)
{
    struct markup markup;
    uint64_t log_bytes = html_log_share(run, LOG_BYTES_MAX);
    bool only_bad = run_counts(run).total > CASES_MAX;

    markup_begin(&markup, fd);
    html_head(&markup, run);
    html_verdict(&markup, run);
    toolbar(&markup);
    markup_raw(&markup, "<main>\n");
    html_broke(&markup, run);
    html_boards(&markup, run);
    for (size_t i = 0; i < run->count; i++)
        html_board(&markup, run, i, log_bytes, only_bad);
    markup_raw(&markup, "</main>\n<script>");
    markup_raw(&markup, html_js);
    markup_raw(&markup, "</script>\n</body>\n</html>\n");
    return markup_end(&markup, err);
}

const struct report_format report_html = {
    .name = "html",
    .file = "report.html",
    .first = '<',
    .summary = "one page with everything, the logs too, for a browser",
    .write = html_write,
};
