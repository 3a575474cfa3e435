/* SPDX-License-Identifier: MIT */
/* Whatever a board prints, report.html holds only the elements and attributes that hil writes, one
 * style and one script, and links that lead into the page or to the web. */
#include "run_from_bytes.h"

#include <libxml/HTMLparser.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool is_one_of(const xmlChar *name, const char *const *names)
{
    for (; *names; names++)
        if (xmlStrEqual(name, BAD_CAST * names))
            return true;
    return false;
}

static void check_attribute(const xmlAttr *attribute)
{
    static const char *const known[] = {"lang",
                                        "charset",
                                        "http-equiv",
                                        "content",
                                        "name",
                                        "class",
                                        "id",
                                        "role",
                                        "hidden",
                                        "type",
                                        "href",
                                        "placeholder",
                                        "value",
                                        "aria-label",
                                        "aria-live",
                                        "rel",
                                        "scope",
                                        "viewBox",
                                        "viewbox",
                                        "preserveAspectRatio",
                                        "preserveaspectratio",
                                        "aria-hidden",
                                        "focusable",
                                        "x",
                                        "width",
                                        "height",
                                        "tabindex",
                                        "data-board",
                                        "open",
                                        "translate",
                                        "autocomplete",
                                        "spellcheck",
                                        "aria-labelledby",
                                        NULL};
    xmlChar *value;

    check(is_one_of(attribute->name, known));
    if (!xmlStrEqual(attribute->name, BAD_CAST "href"))
        return;
    value = xmlNodeGetContent((const xmlNode *)attribute);
    check(*value == '#' || str_starts((char *)value, "https://example.org/"));
    xmlFree(value);
}

struct counts {
    size_t style, script;
};

static void check_node(const xmlNode *node, struct counts *counts)
{
    static const char *const known[] = {
        "html",       "head",    "meta",    "title", "style", "body", "header", "h1",     "p",
        "dl",         "div",     "dt",      "dd",    "a",     "form", "input",  "select", "option",
        "output",     "main",    "section", "h2",    "ol",    "li",   "span",   "b",      "small",
        "table",      "thead",   "tr",      "th",    "tbody", "td",   "svg",    "rect",   "figure",
        "figcaption", "details", "summary", "h3",    "ul",    "pre",  "script", NULL};

    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        check(is_one_of(node->name, known));
        counts->style += xmlStrEqual(node->name, BAD_CAST "style");
        counts->script += xmlStrEqual(node->name, BAD_CAST "script");
        for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
            check_attribute(attribute);
        check_node(node->children, counts);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    cleanup_buf struct buf html = BUF_INIT(REPORT_MAX);
    struct run_result run = run_from_bytes(bytes, size);
    cleanup_close int log = log_from_bytes(run.jobs[0], bytes, size);
    struct counts counts = {0};
    htmlDocPtr document;

    run.origin = (struct run_origin){
        .server_url = "https://example.org", .repository = "a/b", .sha = "0123456789abcdef"};
    report_of(&report_html, &run, &html);
    check_utf8(&html);
    document = htmlReadMemory(html.data, (int)html.size, NULL, "UTF-8",
                              HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
    check(document);
    check_node(xmlDocGetRootElement(document), &counts);
    check(counts.style == 1 && counts.script == 1);
    xmlFreeDoc(document);
    run_result_done(&run);
    return 0;
}
