/* SPDX-License-Identifier: MIT
 *
 * record: text files of hexadecimal records, one a line. What Intel HEX and S-record share.
 *
 * Lines end with LF or CR LF, the last one with neither if it likes. Blank lines are passed over.
 */
#ifndef HIL_IMAGE_RECORD_H
#define HIL_IMAGE_RECORD_H

#include "image/image.h"

#define RECORD_BYTES_MAX 260 /* Intel HEX: count, address, type, 255 bytes, checksum */

struct record_reader {
    const char *name;
    const uint8_t *next, *end;
    size_t line;         /* of the current record, from 1 */
    const uint8_t *text; /* the current line without the blanks around it, never empty */
    size_t length;
    size_t column; /* of text[0], from 1 */
    uint8_t bytes[RECORD_BYTES_MAX];
    size_t count;
    uint8_t sum; /* of all bytes but the last, which is the checksum */
};

/* True where the file starts with text whose first mark is `mark` and a hexadecimal digit. */
bool record_detect(const uint8_t *bytes, size_t size, char mark);
void record_open(struct record_reader *reader, const struct image *image);
/* Goes to the next line that is not blank; false at the end of the file. */
bool record_next(struct record_reader *reader);
/* Decodes the digits after the first `skip` characters of the line into `bytes`. */
int record_decode(struct record_reader *reader, size_t skip, struct err *err);
/* -ERR_DATA with "name:line: " before the message. */
int record_error(const struct record_reader *reader, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
