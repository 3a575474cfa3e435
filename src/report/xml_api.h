/* SPDX-License-Identifier: MIT
 *
 * xml_api: libxml2's writer, loaded when the first junit.xml is written.
 *
 * Linked as usual it would bring ICU and the C++ runtime along, and cost every verb milliseconds at
 * its start. Members are called as their functions, less "xml". May be called from any thread; what
 * was loaded stays until the program ends.
 */
#ifndef HIL_REPORT_XML_API_H
#define HIL_REPORT_XML_API_H

#include "base/err.h"

#include <libxml/xmlwriter.h>

#define XML_API_NAMES(X)        \
    X(OutputBufferCreateIO)     \
    X(NewTextWriter)            \
    X(FreeTextWriter)           \
    X(TextWriterEndDocument)    \
    X(TextWriterEndElement)     \
    X(TextWriterFlush)          \
    X(TextWriterSetIndent)      \
    X(TextWriterStartDocument)  \
    X(TextWriterStartElement)   \
    X(TextWriterWriteAttribute) \
    X(TextWriterWriteString)

struct xml_api {
#define X(name) __typeof__(xml##name) *(name);
    XML_API_NAMES(X)
#undef X
};

/* -ERR_TOOL: libxml2 of the headers' version is not installed. */
int xml_api_load(struct xml_api *ret, struct err *err);

#endif
