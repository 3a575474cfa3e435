/* SPDX-License-Identifier: MIT
 *
 * xml_file: an indented XML document, written to a descriptor as it is made.
 *
 *     struct xml_file xml;
 *     rc = xml_file_begin(&xml, fd, err);
 *     xml_begin(&xml, "testsuites"); xml_attribute(&xml, "name", "hil"); xml_end(&xml);
 *     rc = xml_file_end(&xml, err);
 *
 * Text must be clean (base/text): libxml2 would write control characters and broken UTF-8 as they
 * are. What fails on the way is told at the end.
 */
#ifndef HIL_REPORT_XML_FILE_H
#define HIL_REPORT_XML_FILE_H

#include "base/err.h"
#include "report/xml_api.h"

#include <stdbool.h>
#include <stdint.h>

struct xml_file {
    struct xml_api api;
    xmlTextWriterPtr writer;
    int fd;
    bool failed;    /* some call of the writer did */
    struct err err; /* why, where the descriptor is to blame */
};

/* `xml` stays where it is until its end. -ERR_TOOL: as of xml_api_load(); -ERR_LIMIT. */
int xml_file_begin(struct xml_file *xml, int fd, struct err *err);
void xml_begin(struct xml_file *xml, const char *name);
void xml_end(struct xml_file *xml);
/* Of the element that has begun and holds nothing yet. */
void xml_attribute(struct xml_file *xml, const char *name, const char *value);
void xml_attribute_number(struct xml_file *xml, const char *name, uint64_t value);
/* Seconds with six digits after the dot, whatever the locale; 0 for less than that. */
void xml_attribute_time(struct xml_file *xml, const char *name, int64_t us);
void xml_text(struct xml_file *xml, const char *value);
/* 0, or the first error: the descriptor's, or -ERR_LIMIT. */
int xml_file_end(struct xml_file *xml, struct err *err);

#endif
