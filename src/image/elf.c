/* SPDX-License-Identifier: MIT
 *
 * ELF executables of either class and byte order, by way of libelf. What is loaded is what the
 * program headers say, at the physical address: section headers may have been stripped.
 */
#include "base/str.h"
#include "image/builder.h"

#include <gelf.h>
#include <inttypes.h>
#include <string.h>

static int check_type(const GElf_Ehdr *header, struct err *err)
{
    switch (header->e_type) {
    case ET_EXEC:
    case ET_DYN: /* position-independent firmware such as U-Boot; see check_segment() */
        return 0;
    case ET_REL:
        return err_set(err, ERR_DATA, "is an object file, not linked firmware");
    case ET_CORE:
        return err_set(err, ERR_DATA, "is a core dump, not firmware");
    default:
        return err_set(err, ERR_DATA, "ELF type %u is not an executable", header->e_type);
    }
}

static int check_segment(const GElf_Phdr *segment, size_t number, size_t file_size, struct err *err)
{
    if (segment->p_type == PT_INTERP)
        return err_set(err, ERR_DATA,
                       "needs a dynamic loader: a program for an operating system, not firmware");
    if (segment->p_type != PT_LOAD)
        return 0;
    if (segment->p_offset > file_size || segment->p_filesz > file_size - segment->p_offset)
        return err_set(err, ERR_DATA,
                       "segment %zu (%" PRIu64 " bytes at offset 0x%" PRIx64
                       ") is outside the file of %zu bytes: the file is truncated",
                       number, segment->p_filesz, segment->p_offset, file_size);
    return 0;
}

/* Reads and checks all program headers; *ret is the caller's to free. */
static int read_segments(Elf *elf, size_t file_size, GElf_Phdr **ret, size_t *ret_count,
                         struct err *err)
{
    cleanup_free GElf_Phdr *segments = NULL;
    size_t count;

    if (elf_getphdrnum(elf, &count) < 0)
        return err_set(err, ERR_DATA, "damaged ELF header: %s", elf_errmsg(-1));
    if (count > IMAGE_SEGMENTS_MAX)
        return err_set(err, ERR_LIMIT, "%zu program headers, %d are the most", count,
                       IMAGE_SEGMENTS_MAX);
    segments = xcalloc(count, sizeof *segments);
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(elf, (int)i, &segments[i]))
            return err_set(err, ERR_DATA, "program header %zu: %s", i, elf_errmsg(-1));
        if (check_segment(&segments[i], i, file_size, err) < 0)
            return -ERR_DATA;
    }
    *ret = segments;
    *ret_count = count;
    segments = NULL;
    return 0;
}

/* Some linkers leave every physical address 0; then the virtual one is meant, as binutils has it.
 */
static bool has_physical(const GElf_Phdr *segments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_filesz && segments[i].p_paddr)
            return true;
    return false;
}

static int add_segments(struct image_builder *builder, const struct image *image,
                        const GElf_Phdr *segments, size_t count, struct err *err)
{
    bool physical = has_physical(segments, count);

    for (size_t i = 0; i < count; i++) {
        const GElf_Phdr *segment = &segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (image_builder_add(builder, physical ? segment->p_paddr : segment->p_vaddr,
                              image->file_bytes + segment->p_offset, segment->p_filesz, i, err) < 0)
            return err_wrap(err, "segment %zu", i);
    }
    return 0;
}

/* The GNU build-id among the notes in this part of the file, as hexadecimal; NULL: none. */
static char *build_id_in(Elf *elf, uint64_t offset, uint64_t size, const struct image *image)
{
    Elf_Data *data;
    GElf_Nhdr note;
    size_t at = 0, next, name_at, id_at;
    char *text;

    if (!size || offset > image->file_size || size > image->file_size - offset)
        return NULL;
    data = elf_getdata_rawchunk(elf, (int64_t)offset, size, ELF_T_NHDR);
    if (!data)
        return NULL;
    while ((next = gelf_getnote(data, at, &note, &name_at, &id_at)) > 0) {
        const char *bytes = data->d_buf;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_descsz && note.n_descsz <= 64 &&
            note.n_namesz == sizeof ELF_NOTE_GNU &&
            !memcmp(bytes + name_at, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU)) {
            text = xmalloc(2 * (size_t)note.n_descsz + 1);
            hex_encode(bytes + id_at, note.n_descsz, text);
            return text;
        }
        at = next;
    }
    return NULL;
}

/* Firmware link scripts often keep the note section without a PT_NOTE for it. */
static char *find_build_id(Elf *elf, const GElf_Phdr *segments, size_t count,
                           const struct image *image)
{
    char *id = NULL;
    Elf_Scn *scn = NULL;
    GElf_Shdr section;

    for (size_t i = 0; i < count && !id; i++)
        if (segments[i].p_type == PT_NOTE)
            id = build_id_in(elf, segments[i].p_offset, segments[i].p_filesz, image);
    while (!id && (scn = elf_nextscn(elf, scn)))
        if (gelf_getshdr(scn, &section) && section.sh_type == SHT_NOTE)
            id = build_id_in(elf, section.sh_offset, section.sh_size, image);
    return id;
}

static int read_open_elf(Elf *elf, struct image_builder *builder, struct image *image,
                         struct err *err)
{
    cleanup_free GElf_Phdr *segments = NULL;
    size_t count = 0;
    GElf_Ehdr header;
    int rc;

    if (!gelf_getehdr(elf, &header))
        return err_set(err, ERR_DATA, "damaged ELF header: %s", elf_errmsg(-1));
    rc = check_type(&header, err);
    if (rc == 0)
        rc = read_segments(elf, image->file_size, &segments, &count, err);
    if (rc == 0)
        rc = add_segments(builder, image, segments, count, err);
    if (rc < 0)
        return rc;
    if (header.e_entry) /* 0: none, says the gABI */
        image_builder_set_entry(builder, header.e_entry);
    if (!image->build_id)
        image->build_id = find_build_id(elf, segments, count, image);
    return 0;
}

static int read_elf(struct image_builder *builder, struct image *image, struct err *err)
{
    Elf *elf;
    int rc;

    elf_version(EV_CURRENT);
    elf = elf_memory((char *)image->file_bytes, image->file_size);
    if (!elf || elf_kind(elf) != ELF_K_ELF)
        rc = err_set(err, ERR_DATA, "damaged ELF header: the file is truncated");
    else
        rc = read_open_elf(elf, builder, image, err);
    elf_end(elf);
    return rc < 0 ? err_wrap(err, "%s", image->name) : 0;
}

static bool detect_elf(const uint8_t *bytes, size_t size)
{
    return size >= SELFMAG && !memcmp(bytes, ELFMAG, SELFMAG);
}

const struct image_format image_elf = {
    .name = "elf", .place = "segment", .detect = detect_elf, .read = read_elf};
