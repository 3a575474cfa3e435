/* SPDX-License-Identifier: MIT */
#include "report/xml_file.h"

#include "base/fs.h"

#include <inttypes.h>
#include <stdio.h>

/* Never fails in libxml2's eyes, which would print about it. */
static int write_bytes(void *arg, const char *bytes, int count)
{
    struct xml_file *xml = arg;

    if (!xml->err.code)
        fs_write_all(xml->fd, bytes, (size_t)count, "cannot write", &xml->err);
    return count;
}

int xml_file_begin(struct xml_file *xml, int fd, struct err *err)
{
    xmlOutputBufferPtr output;
    int rc;

    *xml = (struct xml_file){.fd = fd};
    rc = xml_api_load(&xml->api, err);
    if (rc < 0)
        return rc;
    output = xml->api.OutputBufferCreateIO(write_bytes, NULL, xml, NULL);
    xml->writer = output ? xml->api.NewTextWriter(output) : NULL;
    if (!xml->writer)
        return err_set(err, ERR_LIMIT, "out of memory");
    xml->api.TextWriterSetIndent(xml->writer, 1);
    xml->failed |= xml->api.TextWriterStartDocument(xml->writer, NULL, "UTF-8", NULL) < 0;
    return 0;
}

void xml_begin(struct xml_file *xml, const char *name)
{
    xml->failed |= xml->api.TextWriterStartElement(xml->writer, BAD_CAST name) < 0;
}

void xml_end(struct xml_file *xml)
{
    xml->failed |= xml->api.TextWriterEndElement(xml->writer) < 0;
}

void xml_attribute(struct xml_file *xml, const char *name, const char *value)
{
    xml->failed |=
        xml->api.TextWriterWriteAttribute(xml->writer, BAD_CAST name, BAD_CAST value) < 0;
}

void xml_attribute_number(struct xml_file *xml, const char *name, uint64_t value)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%" PRIu64, value);
    xml_attribute(xml, name, digits);
}

void xml_attribute_time(struct xml_file *xml, const char *name, int64_t us)
{
    char seconds[40];

    if (us < 0)
        us = 0;
    snprintf(seconds, sizeof seconds, "%" PRId64 ".%06d", us / 1000000, (int)(us % 1000000));
    xml_attribute(xml, name, seconds);
}

void xml_text(struct xml_file *xml, const char *value)
{
    xml->failed |= xml->api.TextWriterWriteString(xml->writer, BAD_CAST value) < 0;
}

int xml_file_end(struct xml_file *xml, struct err *err)
{
    xml->failed |= xml->api.TextWriterEndDocument(xml->writer) < 0;
    xml->failed |= xml->api.TextWriterFlush(xml->writer) < 0;
    xml->api.FreeTextWriter(xml->writer); /* and the output buffer */
    if (xml->err.code)
        return err_set(err, xml->err.code, "%s", xml->err.message);
    return xml->failed ? err_set(err, ERR_LIMIT, "libxml2 could not write") : 0;
}
