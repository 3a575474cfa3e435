/* SPDX-License-Identifier: MIT */
#include "board/flash/gdb_map.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scanner {
    const char *start, *at, *end;
    struct gdb_region *regions;
    size_t count;
    bool in_memory; /* between <memory> and </memory> of the last region */
    struct err *err;
};

static int broken(const struct scanner *scanner, const char *what)
{
    return err_set(scanner->err, ERR_DATA, "memory map: byte %zu: %s",
                   (size_t)(scanner->at - scanner->start), what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_.:", c));
}

static void skip_blanks(struct scanner *scanner)
{
    while (scanner->at < scanner->end && is_blank(*scanner->at))
        scanner->at++;
}

static bool at_text(const struct scanner *scanner, const char *text)
{
    size_t length = strlen(text);

    return (size_t)(scanner->end - scanner->at) >= length && !memcmp(scanner->at, text, length);
}

/* Moves behind the next `text`. */
static int skip_past(struct scanner *scanner, const char *text)
{
    const char *found =
        memmem(scanner->at, (size_t)(scanner->end - scanner->at), text, strlen(text));

    if (!found)
        return broken(scanner, "an element that does not end");
    scanner->at = found + strlen(text);
    return 0;
}

/* A name or a value, as a piece of the document. */
struct piece {
    const char *at;
    size_t length;
};

static bool piece_is(struct piece piece, const char *text)
{
    return piece.length == strlen(text) && !memcmp(piece.at, text, piece.length);
}

static struct piece take_name(struct scanner *scanner)
{
    struct piece name = {scanner->at, 0};

    while (scanner->at < scanner->end && is_name(*scanner->at))
        scanner->at++;
    name.length = (size_t)(scanner->at - name.at);
    return name;
}

static int take_number(const struct scanner *scanner, struct piece piece, uint64_t *ret)
{
    char text[32];

    while (piece.length && is_blank(*piece.at))
        piece.at++, piece.length--;
    while (piece.length && is_blank(piece.at[piece.length - 1]))
        piece.length--;
    if (piece.length >= sizeof text)
        return broken(scanner, "a number that is too long");
    snprintf(text, sizeof text, "%.*s", (int)piece.length, piece.length ? piece.at : "");
    if (str_to_u64(text, UINT64_MAX, "", ret, NULL) < 0)
        return broken(scanner, "no number where one should be");
    return 0;
}

/* name="value" or name='value'. */
static int take_attribute(struct scanner *scanner, struct piece *ret_name, struct piece *ret_value)
{
    const char *close;
    char quote;

    *ret_name = take_name(scanner);
    skip_blanks(scanner);
    if (!ret_name->length || !at_text(scanner, "="))
        return broken(scanner, "no attribute where one should be");
    scanner->at++;
    skip_blanks(scanner);
    if (!at_text(scanner, "\"") && !at_text(scanner, "'"))
        return broken(scanner, "an attribute without quotes");
    quote = *scanner->at++;
    close = memchr(scanner->at, quote, (size_t)(scanner->end - scanner->at));
    if (!close)
        return broken(scanner, "a value that does not end");
    *ret_value = (struct piece){scanner->at, (size_t)(close - scanner->at)};
    scanner->at = close + 1;
    return 0;
}

struct element {
    struct piece name, type, start, length, property;
    bool empty; /* <name .../> */
};

static int take_element(struct scanner *scanner, struct element *ret)
{
    *ret = (struct element){.name = take_name(scanner)};
    if (!ret->name.length)
        return broken(scanner, "no name after <");
    for (;;) {
        struct piece name, value;
        skip_blanks(scanner);
        if (at_text(scanner, "/>") || at_text(scanner, ">")) {
            ret->empty = *scanner->at == '/';
            scanner->at += ret->empty ? 2 : 1;
            return 0;
        }
        int rc = take_attribute(scanner, &name, &value);
        if (rc < 0)
            return rc;
        if (piece_is(name, "type"))
            ret->type = value;
        else if (piece_is(name, "start"))
            ret->start = value;
        else if (piece_is(name, "length"))
            ret->length = value;
        else if (piece_is(name, "name"))
            ret->property = value;
    }
}

static int add_region(struct scanner *scanner, const struct element *element)
{
    struct gdb_region region = {.type = GDB_RAM};
    int rc;

    if (scanner->count == GDB_MAP_REGIONS_MAX)
        return err_set(scanner->err, ERR_LIMIT, "memory map: more than %d regions",
                       GDB_MAP_REGIONS_MAX);
    if (piece_is(element->type, "flash"))
        region.type = GDB_FLASH;
    else if (piece_is(element->type, "rom"))
        region.type = GDB_ROM;
    rc = take_number(scanner, element->start, &region.start);
    if (rc == 0)
        rc = take_number(scanner, element->length, &region.length);
    if (rc < 0)
        return rc;
    if (!region.length || region.length > UINT64_MAX - region.start)
        return broken(scanner, "a region without a possible length");
    scanner->regions = xrealloc(scanner->regions, scanner->count + 1, sizeof *scanner->regions);
    scanner->regions[scanner->count++] = region;
    scanner->in_memory = !element->empty;
    return 0;
}

/* <property name="blocksize">0x4000</property> */
static int take_property(struct scanner *scanner, const struct element *element)
{
    const char *close = memchr(scanner->at, '<', (size_t)(scanner->end - scanner->at));
    struct piece text = {scanner->at, close ? (size_t)(close - scanner->at) : 0};

    if (!close)
        return broken(scanner, "a property that does not end");
    scanner->at = close;
    if (!scanner->in_memory || !piece_is(element->property, "blocksize"))
        return 0;
    return take_number(scanner, text, &scanner->regions[scanner->count - 1].block_size);
}

/* `scanner->at` stands on a <. */
static int take_markup(struct scanner *scanner)
{
    struct element element;
    int rc;

    if (at_text(scanner, "<!--"))
        return skip_past(scanner, "-->");
    if (at_text(scanner, "<?"))
        return skip_past(scanner, "?>");
    if (at_text(scanner, "<!"))
        return skip_past(scanner, ">");
    if (at_text(scanner, "</")) {
        if (at_text(scanner, "</memory>"))
            scanner->in_memory = false;
        return skip_past(scanner, ">");
    }
    scanner->at++;
    rc = take_element(scanner, &element);
    if (rc == 0 && piece_is(element.name, "memory"))
        return add_region(scanner, &element);
    if (rc == 0 && piece_is(element.name, "property") && !element.empty)
        return take_property(scanner, &element);
    return rc;
}

static int by_start(const void *a, const void *b)
{
    const struct gdb_region *left = a, *right = b;

    return left->start < right->start ? -1 : left->start > right->start;
}

static int check_regions(const struct scanner *scanner)
{
    for (size_t i = 0; i < scanner->count; i++) {
        const struct gdb_region *region = &scanner->regions[i];
        if (region->type == GDB_FLASH && !region->block_size)
            return err_set(scanner->err, ERR_DATA,
                           "memory map: flash at 0x%08" PRIx64 " has no blocksize", region->start);
        if (i && region->start - region[-1].start < region[-1].length)
            return err_set(scanner->err, ERR_DATA,
                           "memory map: two regions overlap at 0x%08" PRIx64, region->start);
    }
    return 0;
}

int gdb_map_parse(const char *xml, size_t count, struct gdb_region **ret, size_t *ret_count,
                  struct err *err)
{
    struct scanner scanner = {.start = xml, .at = xml, .end = xml + count, .err = err};
    int rc = count > GDB_MAP_BYTES_MAX
                 ? err_set(err, ERR_LIMIT, "memory map: larger than %d bytes", GDB_MAP_BYTES_MAX)
                 : 0;

    while (rc == 0) {
        const char *next = memchr(scanner.at, '<', (size_t)(scanner.end - scanner.at));
        if (!next)
            break;
        scanner.at = next;
        rc = take_markup(&scanner);
    }
    if (rc == 0 && scanner.count)
        qsort(scanner.regions, scanner.count, sizeof *scanner.regions, by_start);
    if (rc == 0)
        rc = check_regions(&scanner);
    if (rc < 0) {
        free(scanner.regions);
        return rc;
    }
    *ret = scanner.regions;
    *ret_count = scanner.count;
    return 0;
}
