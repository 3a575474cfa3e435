/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/text.h"
#include "source/archive_api.h"
#include "source/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEED_BLOCK ((size_t)64 << 10)

struct reader {
    struct archive_api api;
    struct archive *archive;
    const struct ctx *ctx;
    const char *name;
    const char *glob;   /* NULL: the one firmware file */
    const char *choose; /* what is typed before a member's name to choose it; NULL: "NAME:" */
    const struct source_taker *taker;
    struct err *err; /* never NULL */
    bool told;       /* a callback has filled err already */

    struct conveyor *source; /* NULL: fd */
    int fd;
    int64_t file_size; /* -1: not a regular file, cannot seek */
    uint8_t block[FEED_BLOCK];
    uint8_t member[FEED_BLOCK];
    uint64_t packed;   /* bytes taken from fd */
    uint64_t unpacked; /* bytes of members held so far */
    uint64_t passed;   /* bytes of members that had to be unpacked to get past them */

    size_t members, wanted;
    struct listing firmware, others;
};

static int check_expansion(struct reader *reader, uint64_t unpacked)
{
    if (unpacked > SOURCE_TOTAL_MAX)
        return err_set(reader->err, ERR_LIMIT, "unpacks to more than %u GiB",
                       (unsigned)(SOURCE_TOTAL_MAX >> 30));
    if (unpacked > SOURCE_RATIO_FROM && unpacked / SOURCE_RATIO_MAX > reader->packed)
        return err_set(reader->err, ERR_DATA,
                       "refused: unpacks to more than %d times its size, as only a trap does",
                       SOURCE_RATIO_MAX);
    return 0;
}

/* With a decompressor in between, members that are passed over are unpacked, too. */
static int check_filters(struct reader *reader)
{
    la_int64_t unpacked = reader->api.filter_bytes(reader->archive, 0);

    if (reader->api.filter_count(reader->archive) <= 1 || unpacked < 0)
        return 0;
    return check_expansion(reader, (uint64_t)unpacked);
}

/* ---- how libarchive reads the descriptor ----------------------------------------------------- */

static la_ssize_t feed_read(struct archive *archive, void *arg, const void **ret_block)
{
    struct reader *reader = arg;
    ssize_t n;

    *ret_block = reader->block;
    if (reader->source)
        n = conveyor_take(reader->source, ret_block, reader->ctx, reader->err);
    else
        n = ctx_read(reader->ctx, reader->fd, reader->block, FEED_BLOCK, reader->err);

    if (n >= 0 && check_filters(reader) < 0)
        n = -1;
    if (n < 0) {
        reader->told = true;
        reader->api.set_error(archive, EIO, "reading stopped");
        return ARCHIVE_FATAL;
    }
    reader->packed += (uint64_t)n;
    return n;
}

/* Never past the end: libarchive would not see that the file is too short. */
static la_int64_t feed_skip(struct archive *archive, void *arg, la_int64_t count)
{
    struct reader *reader = arg;
    off_t at = lseek(reader->fd, 0, SEEK_CUR);

    (void)archive;
    if (at < 0 || at >= reader->file_size)
        return 0;
    if (count > reader->file_size - at)
        count = reader->file_size - at;
    return lseek(reader->fd, count, SEEK_CUR) < 0 ? 0 : count;
}

static la_int64_t feed_seek(struct archive *archive, void *arg, la_int64_t offset, int whence)
{
    struct reader *reader = arg;
    off_t at = lseek(reader->fd, offset, whence);

    (void)archive;
    return at < 0 ? ARCHIVE_FATAL : at;
}

static int open_reader(struct reader *reader)
{
    struct archive *archive = reader->archive;
    bool can_seek = reader->file_size >= 0;

#define X(name) reader->api.name(archive);
    ARCHIVE_KINDS(X)
#undef X
    /* The directory at a zip's end is the truth where it can be reached: it knows links, and a file
     * that lost it is truncated. */
    if (can_seek)
        reader->api.read_support_format_zip_seekable(archive);
    else
        reader->api.read_support_format_zip_streamable(archive);
    reader->api.read_set_callback_data(archive, reader);
    reader->api.read_set_read_callback(archive, feed_read);
    if (can_seek) {
        reader->api.read_set_skip_callback(archive, feed_skip);
        reader->api.read_set_seek_callback(archive, feed_seek);
    }
    return reader->api.read_open1(archive);
}

/* ---- members --------------------------------------------------------------------------------- */

static int archive_error(struct reader *reader)
{
    const char *words = reader->api.error_string(reader->archive);

    if (reader->told)
        return -(int)reader->err->code;
    return err_set(reader->err, ERR_DATA, "damaged or truncated: %s", words ? words : "unreadable");
}

static bool has_dotdot(const char *name)
{
    for (const char *at = name; *at; at += strcspn(at, "/\\"), at += *at != '\0')
        if (at[0] == '.' && at[1] == '.' && strchr("/\\", at[2]))
            return true;
    return false;
}

static bool has_control(const char *name)
{
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            return true;
    return false;
}

static int too_large(struct reader *reader)
{
    return err_set(reader->err, ERR_LIMIT, "larger than %" PRIu64 " MiB",
                   reader->taker->file_max >> 20);
}

/* A name that only an attacker chooses makes the whole archive suspect, wanted or not. */
static int check_name(struct reader *reader, const char *name)
{
    const char *reason = !*name                 ? "an empty name"
                         : has_control(name)    ? "control characters in its name"
                         : strchr("/\\", *name) ? "an absolute name"
                         : has_dotdot(name)     ? "'..' in its name"
                                                : NULL;
    cleanup_free char *shown = text_clean_dup(name, 200, TEXT_ONE_LINE);

    return reason ? err_set(reader->err, ERR_DATA, "refused: member '%s' has %s", shown, reason)
                  : 0;
}

static const char *member_name(const struct reader *reader, struct archive_entry *entry)
{
    const char *name = reader->api.entry_pathname(entry);

    if (!name)
        name = reader->api.entry_pathname_utf8(entry);
    while (name && str_starts(name, "./") && name[2])
        name += 2;
    return name;
}

static int check_kind(struct reader *reader, struct archive_entry *entry)
{
    const char *link = reader->api.entry_hardlink(entry);

    if (reader->api.entry_filetype(entry) == AE_IFLNK)
        link = reader->api.entry_symlink(entry);
    if (link || reader->api.entry_filetype(entry) == AE_IFLNK) {
        cleanup_free char *shown = text_clean_dup(link ? link : "?", 200, TEXT_ONE_LINE);
        return err_set(reader->err, ERR_DATA, "refused: is a link to '%s'; name that file itself",
                       shown);
    }
    if (reader->api.entry_filetype(entry) != AE_IFREG)
        return err_set(reader->err, ERR_DATA, "refused: is a device or the like, not a file");
    if (reader->api.entry_is_encrypted(entry))
        return err_set(reader->err, ERR_DATA, "refused: is encrypted");
    return reader->api.entry_size(entry) > (la_int64_t)reader->taker->file_max ? too_large(reader)
                                                                               : 0;
}

static int read_member(struct reader *reader, const char *name)
{
    const struct source_taker *taker = reader->taker;
    uint64_t size = 0;
    int rc = taker->begin(taker->arg, name, reader->err);

    while (rc == 0) {
        la_ssize_t n = reader->api.read_data(reader->archive, reader->member, FEED_BLOCK);
        if (n < 0)
            return archive_error(reader);
        if (n == 0)
            return taker->end(taker->arg, reader->err);
        size += (uint64_t)n;
        reader->unpacked += (uint64_t)n;
        rc = size > taker->file_max ? too_large(reader) : check_expansion(reader, reader->unpacked);
        if (rc == 0)
            rc = ctx_check(reader->ctx, reader->err);
        if (rc == 0)
            rc = taker->bytes(taker->arg, reader->member, (size_t)n, reader->err);
    }
    return rc;
}

static int take_member(struct reader *reader, struct archive_entry *entry, const char *name)
{
    int rc = check_kind(reader, entry);

    if (rc == 0)
        rc = read_member(reader, name);
    return rc < 0 ? err_wrap(reader->err, "member '%s'", name) : 0;
}

static bool is_wanted(const struct reader *reader, const char *name)
{
    const char *glob = reader->glob;

    if (!glob)
        return source_is_firmware_name(name);
    return str_glob(str_starts(glob, "./") ? glob + 2 : glob, name);
}

/* Zip, tar, cpio and ar seek past a member; the others unpack it, and only its header says how
 * large it is. */
static int pass_member(struct reader *reader, struct archive_entry *entry)
{
    int format = reader->api.format(reader->archive) & ARCHIVE_FORMAT_BASE_MASK;
    la_int64_t size = reader->api.entry_size(entry);

    if (format == ARCHIVE_FORMAT_7ZIP || format == ARCHIVE_FORMAT_CAB ||
        format == ARCHIVE_FORMAT_RAR || format == ARCHIVE_FORMAT_RAR_V5)
        reader->passed += size > 0 ? (uint64_t)size : 0;
    if (reader->passed > SOURCE_TOTAL_MAX)
        return check_expansion(reader, reader->passed);
    return 0;
}

static int visit(struct reader *reader, struct archive_entry *entry)
{
    const char *name = member_name(reader, entry);
    int rc;

    if (++reader->members > SOURCE_MEMBERS_MAX)
        return err_set(reader->err, ERR_LIMIT, "more than %d members", SOURCE_MEMBERS_MAX);
    if (!name)
        return err_set(reader->err, ERR_DATA, "member %zu has no readable name", reader->members);
    rc = check_name(reader, name);
    if (rc < 0 || reader->api.entry_filetype(entry) == AE_IFDIR)
        return rc;
    listing_add(source_is_firmware_name(name) ? &reader->firmware : &reader->others, name);
    if (!is_wanted(reader, name))
        return pass_member(reader, entry);
    if (++reader->wanted > 1 && !reader->glob) /* too many: only their names matter now */
        return pass_member(reader, entry);
    return take_member(reader, entry, name);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* One compressed file such as fw.hex.gz: it is called what the archive is, less the last ending. */
static int take_single(struct reader *reader)
{
    const char *base = fs_basename(reader->name), *dot = strrchr(base, '.');
    cleanup_free char *name = xstrndup(base, dot > base ? (size_t)(dot - base) : strlen(base));

    if (reader->glob && !str_glob(reader->glob, name))
        return err_set(reader->err, ERR_DATA,
                       "is one compressed file, so it has no member '%s'; leave that out",
                       reader->glob);
    return read_member(reader, name);
}

/* A tar ends with blocks of zeros; libarchive takes the plain end of the file for it as well, and a
 * file cut between two members would go unnoticed. */
static bool lacks_tar_end(const struct reader *reader)
{
    struct archive *archive = reader->archive;

    return (reader->api.format(archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR &&
           reader->api.filter_bytes(archive, 0) == reader->api.read_header_position(archive);
}

static int judge(struct reader *reader)
{
    bool any_firmware = reader->firmware.total > 0;
    cleanup_free char *names = listing_text(any_firmware ? &reader->firmware : &reader->others);
    const char *first = any_firmware ? reader->firmware.names.items[0] : "";
    cleanup_free char *choose =
        reader->choose ? xstrdup(reader->choose) : xasprintf("%s:", reader->name);

    if (lacks_tar_end(reader))
        return err_set(reader->err, ERR_DATA, "truncated: the tar file has no end mark");
    if (!reader->glob && reader->wanted > 1)
        return err_set(reader->err, ERR_USAGE, "has %zu firmware files: %s; choose, as in '%s%s'",
                       reader->wanted, names, choose, first);
    if (reader->wanted)
        return 0;
    if (!reader->firmware.total && !reader->others.total)
        return err_set(reader->err, ERR_NOT_FOUND, "the archive is empty");
    if (reader->glob)
        return err_set(reader->err, ERR_NOT_FOUND, "no member matches '%s'; there is %s",
                       reader->glob, names);
    return err_set(reader->err, ERR_NOT_FOUND,
                   "no firmware file by name; there is %s; choose with '%sNAME'", names, choose);
}

/* A file that begins as a zip and is not seen as one has lost its directory. */
static int not_an_archive(struct reader *reader)
{
    char head[4];

    if (reader->file_size >= 0 && pread(reader->fd, head, sizeof head, 0) == sizeof head &&
        !memcmp(head, "PK\3\4", sizeof head))
        return err_set(reader->err, ERR_DATA,
                       "truncated: the zip file has no directory at its end");
    return ARCHIVE_NONE;
}

static int read_all(struct reader *reader)
{
    struct archive_entry *entry;
    int rc = open_reader(reader);

    while (rc >= ARCHIVE_WARN) {
        rc = reader->api.read_next_header(reader->archive, &entry);
        if (rc < ARCHIVE_WARN)
            break;
        if (check_filters(reader) < 0)
            return -(int)reader->err->code;
        if (rc == ARCHIVE_EOF)
            return judge(reader);
        if (reader->api.format(reader->archive) == ARCHIVE_FORMAT_RAW)
            return reader->api.filter_count(reader->archive) > 1 ? take_single(reader)
                                                                 : not_an_archive(reader);
        rc = visit(reader, entry);
        if (rc < 0)
            return rc;
    }
    return archive_error(reader);
}

static int open_and_read(struct reader *reader)
{
    int rc = archive_api_load(&reader->api, reader->err);

    if (rc < 0)
        return rc;
    reader->archive = reader->api.read_new();
    rc = read_all(reader);
    reader->api.read_free(reader->archive);
    return rc;
}

int archive_read_members(int fd, const struct archive_wish *wish, const struct source_taker *taker,
                         const struct ctx *ctx, struct err *err)
{
    /* libarchive converts names to the locale's character set, and loses those of the "C" locale */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    struct reader *reader = xcalloc(1, sizeof *reader);
    struct err unread = {0};
    struct stat info;
    int rc;

    *reader = (struct reader){.ctx = ctx,
                              .name = wish->name,
                              .glob = wish->glob,
                              .choose = wish->choose,
                              .taker = taker,
                              .err = err ? err : &unread,
                              .source = wish->source,
                              .fd = fd,
                              .file_size = -1};
    if (!wish->source && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        reader->file_size = info.st_size;
    rc = reader->file_size == 0 ? ARCHIVE_NONE : open_and_read(reader);
    if (rc >= 0 && reader->told) /* some filters take our error for the end of the file */
        rc = -(int)reader->err->code;
    listing_done(&reader->firmware);
    listing_done(&reader->others);
    free(reader);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return rc < 0 ? err_wrap(err, "%s", wish->name) : rc;
}

/* ---- into memory ----------------------------------------------------------------------------- */

static int take_begin(void *arg, const char *name, struct err *err)
{
    struct files_taker *taker = arg;

    (void)err;
    buf_done(&taker->bytes);
    taker->bytes = (struct buf)BUF_INIT(SOURCE_FILE_MAX);
    free(taker->name);
    taker->name = xstrdup(name);
    return 0;
}

static int take_bytes(void *arg, const void *bytes, size_t count, struct err *err)
{
    struct files_taker *taker = arg;

    return buf_add(&taker->bytes, bytes, count) < 0
               ? err_set(err, ERR_LIMIT, "larger than %zu MiB", SOURCE_FILE_MAX >> 20)
               : 0;
}

static int take_end(void *arg, struct err *err)
{
    struct files_taker *taker = arg;
    cleanup_free char *full = xasprintf("%s:%s", taker->archive, taker->name);

    (void)err;
    source_files_add(taker->files, full, fs_basename(taker->name), &taker->bytes);
    return 0;
}

struct source_taker files_taker_init(struct files_taker *taker, const char *archive,
                                     struct source_files *files)
{
    *taker = (struct files_taker){
        .files = files, .archive = archive, .bytes = BUF_INIT(SOURCE_FILE_MAX)};
    return (struct source_taker){take_begin, take_bytes, take_end, taker, SOURCE_FILE_MAX};
}

void files_taker_done(struct files_taker *taker)
{
    buf_done(&taker->bytes);
    free(taker->name);
}

int archive_load(int fd, const char *name, const char *glob, const struct ctx *ctx,
                 struct source_files *files, struct err *err)
{
    struct files_taker taker;
    struct source_taker into = files_taker_init(&taker, name, files);
    int rc = archive_read_members(fd, &(struct archive_wish){.name = name, .glob = glob}, &into,
                                  ctx, err);

    files_taker_done(&taker);
    return rc;
}
