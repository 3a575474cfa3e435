/* SPDX-License-Identifier: MIT
 *
 * Motorola S-record, as in the M68000 Family Programmer's Reference Manual, appendix C.
 */
#include "image/builder.h"
#include "image/record.h"

struct record {
    char type; /* '0' to '9' */
    uint32_t address;
    const uint8_t *data;
    size_t size;
};

/* Bytes of the address field by type. S4 is reserved. */
static const uint8_t address_sizes[] = {2, 2, 3, 4, 0, 2, 3, 4, 3, 2};

static int check(const struct record_reader *reader, size_t width, struct err *err)
{
    const uint8_t *bytes = reader->bytes;
    uint8_t checksum = (uint8_t)~reader->sum;

    if (reader->count < width + 2)
        return record_error(reader, err, "record of %zu bytes: too short", reader->count);
    if (reader->count != bytes[0] + 1u)
        return record_error(reader, err, "record announces %u bytes and holds %zu", bytes[0],
                            reader->count - 1);
    if (bytes[reader->count - 1] != checksum)
        return record_error(reader, err, "checksum 0x%02x, should be 0x%02x",
                            bytes[reader->count - 1], checksum);
    return 0;
}

static int parse(struct record_reader *reader, struct record *ret, struct err *err)
{
    size_t width;

    if (reader->length < 2 || reader->text[0] != 'S' || reader->text[1] < '0' ||
        reader->text[1] > '9')
        return record_error(reader, err, "a record must begin with 'S' and a digit");
    width = address_sizes[reader->text[1] - '0'];
    if (!width)
        return record_error(reader, err, "unknown record type S%c", reader->text[1]);
    if (record_decode(reader, 2, err) < 0 || check(reader, width, err) < 0)
        return -ERR_DATA;
    *ret = (struct record){.type = (char)reader->text[1],
                           .data = reader->bytes + 1 + width,
                           .size = reader->count - width - 2};
    for (size_t i = 0; i < width; i++)
        ret->address = ret->address << 8 | reader->bytes[1 + i];
    return 0;
}

static int end(struct image_builder *builder, struct record_reader *reader, uint32_t entry,
               struct err *err)
{
    if (entry) /* the field cannot be left out: 0 stands for none */
        image_builder_set_entry(builder, entry);
    return record_next(reader) ? record_error(reader, err, "data after the termination record") : 0;
}

static int read_srec(struct image_builder *builder, struct image *image, struct err *err)
{
    struct record_reader reader;
    struct record record = {0};
    size_t data_records = 0;

    record_open(&reader, image);
    while (record_next(&reader)) {
        if (parse(&reader, &record, err) < 0)
            return -ERR_DATA;
        switch (record.type) {
        case '0': /* a comment */
            break;
        case '5':
        case '6':
            if (record.address != data_records)
                return record_error(&reader, err, "counts %u data records, the file has %zu so far",
                                    record.address, data_records);
            break;
        case '7':
        case '8':
        case '9':
            return end(builder, &reader, record.address, err);
        default: /* S1, S2, S3 */
            data_records++;
            if (image_builder_add(builder, record.address, record.data, record.size, reader.line,
                                  err) < 0)
                return err_wrap(err, "%s:%zu", reader.name, reader.line);
        }
    }
    return record_error(&reader, err,
                        "no termination record (S7, S8 or S9): the file is truncated");
}

static bool detect_srec(const uint8_t *bytes, size_t size)
{
    return record_detect(bytes, size, 'S');
}

const struct image_format image_srec = {
    .name = "srec", .place = "line", .detect = detect_srec, .read = read_srec};
