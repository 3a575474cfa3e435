/* SPDX-License-Identifier: MIT */
/* Whatever a board calls its tests, junit.xml parses, holds only characters that XML 1.0 allows,
 * names no case twice, adds up, and is red where the run is. */
#include "run_from_bytes.h"

#include <libxml/parser.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct seen {
    struct name_map cases;
    struct arena arena;
    size_t tests, failures, errors, skipped;
};

static void see_case(struct seen *seen, xmlNodePtr node)
{
    xmlChar *class_name = xmlGetProp(node, BAD_CAST "classname");
    xmlChar *name = xmlGetProp(node, BAD_CAST "name");
    const char *both;
    struct name_slot *slot;
    size_t outcomes = 0;

    check(class_name && *class_name && name && *name);
    both = arena_printf(&seen->arena, "%s\n%s", (char *)class_name, (char *)name);
    slot = name_map_at(&seen->cases, both, strlen(both));
    check(!slot->value);
    slot->value = 1;
    seen->tests++;
    for (xmlNodePtr child = node->children; child; child = child->next) {
        outcomes += child->type == XML_ELEMENT_NODE;
        seen->failures += xmlStrEqual(child->name, BAD_CAST "failure");
        seen->errors += xmlStrEqual(child->name, BAD_CAST "error");
        seen->skipped += xmlStrEqual(child->name, BAD_CAST "skipped");
    }
    check(outcomes <= 1);
    xmlFree(class_name);
    xmlFree(name);
}

static size_t count_of(xmlNodePtr node, const char *name)
{
    xmlChar *text = xmlGetProp(node, BAD_CAST name);
    size_t count;

    check(text);
    count = strtoul((const char *)text, NULL, 10);
    xmlFree(text);
    return count;
}

static void check_document(const struct run_result *run, const char *bytes, size_t size)
{
    xmlDocPtr document =
        xmlReadMemory(bytes, (int)size, "junit.xml", NULL, XML_PARSE_NONET | XML_PARSE_HUGE);
    struct seen seen = {0};
    xmlNodePtr root;

    check(document);
    check(text_is_clean(bytes, size));
    root = xmlDocGetRootElement(document);
    for (xmlNodePtr suite = root->children; suite; suite = suite->next)
        for (xmlNodePtr node = suite->children; node; node = node->next)
            if (xmlStrEqual(node->name, BAD_CAST "testcase"))
                see_case(&seen, node);
    check(count_of(root, "tests") == seen.tests);
    check(count_of(root, "failures") == seen.failures);
    check(count_of(root, "errors") == seen.errors);
    check(count_of(root, "skipped") == seen.skipped);
    check(run->verdict == VERDICT_PASS || seen.failures || seen.errors);
    name_map_done(&seen.cases);
    arena_done(&seen.arena);
    xmlFreeDoc(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    cleanup_buf struct buf xml = BUF_INIT(REPORT_MAX);
    struct run_result run = run_from_bytes(bytes, size);

    report_of(&report_junit, &run, &xml);
    check_document(&run, xml.data, xml.size);
    run_result_done(&run);
    return 0;
}
