/* SPDX-License-Identifier: MIT
 *
 * Intel HEX, as in "Intel Hexadecimal Object File Format Specification", revision A, 1988.
 */
#include "image/builder.h"
#include "image/record.h"

enum record_type { DATA, END, SEGMENT_BASE, SEGMENT_START, LINEAR_BASE, LINEAR_START };

struct record {
    uint16_t offset;
    uint8_t type, size;
    const uint8_t *data;
};

/* What the last base record said. A linear address counts on through 4 GiB and wraps there; an
 * offset in a segment wraps at 64 KiB (chapter 3, "Data Record"). */
struct base {
    bool segmented;
    uint32_t address;
};

static uint32_t be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static int parse(struct record_reader *reader, struct record *ret, struct err *err)
{
    const uint8_t *bytes = reader->bytes;
    uint8_t checksum;

    if (reader->text[0] != ':')
        return record_error(reader, err, "a record must begin with ':'");
    if (record_decode(reader, 1, err) < 0)
        return -ERR_DATA;
    if (reader->count < 5)
        return record_error(reader, err, "record of %zu bytes: too short", reader->count);
    if (reader->count != bytes[0] + 5u)
        return record_error(reader, err, "record announces %u data bytes and holds %zu", bytes[0],
                            reader->count - 5);
    checksum = (uint8_t)-reader->sum;
    if (bytes[reader->count - 1] != checksum)
        return record_error(reader, err, "checksum 0x%02x, should be 0x%02x",
                            bytes[reader->count - 1], checksum);
    *ret = (struct record){
        .offset = (uint16_t)be16(bytes + 1), .type = bytes[3], .size = bytes[0], .data = bytes + 4};
    return 0;
}

static int check_size(const struct record_reader *reader, const struct record *record,
                      struct err *err)
{
    static const uint8_t sizes[] = {
        [END] = 0, [SEGMENT_BASE] = 2, [SEGMENT_START] = 4, [LINEAR_BASE] = 2, [LINEAR_START] = 4};

    if (record->type > LINEAR_START)
        return record_error(reader, err, "unknown record type 0x%02x", record->type);
    if (record->type != DATA && record->size != sizes[record->type])
        return record_error(reader, err, "record of type 0x%02x holds %u data bytes, should be %u",
                            record->type, record->size, sizes[record->type]);
    return 0;
}

static int add_data(struct image_builder *builder, const struct base *base,
                    const struct record *record, size_t line, struct err *err)
{
    uint64_t low = base->segmented ? base->address : 0;
    uint64_t window = base->segmented ? 0x10000 : 0x100000000;
    uint64_t offset = base->segmented ? record->offset : (uint64_t)base->address + record->offset;
    size_t size = record->size;

    if (size > window - offset)
        size = (size_t)(window - offset);
    if (image_builder_add(builder, low + offset, record->data, size, line, err) < 0 ||
        image_builder_add(builder, low, record->data + size, record->size - size, line, err) < 0)
        return -ERR_DATA;
    return 0;
}

static int take(struct image_builder *builder, struct base *base, const struct record *record,
                size_t line, struct err *err)
{
    uint32_t value = record->size >= 2 ? be16(record->data) : 0;

    switch (record->type) {
    case DATA:
        return add_data(builder, base, record, line, err);
    case SEGMENT_BASE:
        *base = (struct base){.segmented = true, .address = value << 4};
        return 0;
    case LINEAR_BASE:
        *base = (struct base){.address = value << 16};
        return 0;
    case SEGMENT_START: /* CS:IP */
        image_builder_set_entry(builder, (value << 4) + be16(record->data + 2));
        return 0;
    case LINEAR_START:
        image_builder_set_entry(builder, value << 16 | be16(record->data + 2));
        return 0;
    default: /* END */
        return 0;
    }
}

static int read_ihex(struct image_builder *builder, struct image *image, struct err *err)
{
    struct record_reader reader;
    struct base base = {0};
    struct record record = {0};

    record_open(&reader, image);
    while (record_next(&reader)) {
        if (parse(&reader, &record, err) < 0 || check_size(&reader, &record, err) < 0)
            return -ERR_DATA;
        if (take(builder, &base, &record, reader.line, err) < 0)
            return err_wrap(err, "%s:%zu", reader.name, reader.line);
        if (record.type == END)
            return record_next(&reader)
                       ? record_error(&reader, err, "data after the end-of-file record")
                       : 0;
    }
    return record_error(&reader, err, "no end-of-file record: the file is truncated");
}

static bool detect_ihex(const uint8_t *bytes, size_t size)
{
    return record_detect(bytes, size, ':');
}

const struct image_format image_ihex = {
    .name = "ihex", .place = "line", .detect = detect_ihex, .read = read_ihex};
