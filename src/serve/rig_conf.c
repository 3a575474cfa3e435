/* SPDX-License-Identifier: MIT */
#include "serve/rig_conf.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/field.h"
#include "conf/name.h"
#include "usb/usb.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECIPES_MAX 8
#define LOW_DEFAULT 10
#define SLOTS_MAX 256
#define SIZE_MAX_BYTES 4096

struct rig_fields {
    struct rig_conf conf;
    const struct yaml_node *match, *firmware, *test, *limits, *provision;
};

#define AT(member) offsetof(struct rig_fields, member)

static const struct field rows[] = {
    {"match", FIELD_NODE, AT(match), FIELD_REQUIRED,
     .help = "which devices are boards: {id: ['0483:df11'], serial, path, hub}"},
    {"firmware", FIELD_NODE, AT(firmware),
     .help = "a file, glob or ARCHIVE:GLOB beside lab.yaml, or {release, repo, asset, ...}"},
    {"at", FIELD_ADDRESS, AT(conf.at), .help = "where a raw binary belongs, 0x08000000"},
    {"slots", FIELD_STRINGS, AT(conf.slots), .help = "the hub paths of slots 1, 2, 3, ..."},
    {"max-parallel", FIELD_NODE, AT(limits),
     .help = "boards flashed at once: a number, or {lab, hub, controller}"},
    {"test", FIELD_NODE, AT(test),
     .help = "true, or {tests: N, require: [NAME]}: over the console"},
    {"power-cycle", FIELD_BOOL, AT(conf.power_cycle), .help = "off and on after flashing"},
    {"provision", FIELD_NODE, AT(provision),
     .help = "a list of {pool, patch|command|otp}: identities, each given once"},
    {"on-done", FIELD_ARGV, AT(conf.on_done), .help = "run when a board is done"},
    {"on-fail", FIELD_ARGV, AT(conf.on_fail), .help = "run when one failed or was pulled early"},
    {"beep", FIELD_BOOL, AT(conf.beep), .help = "the terminal's bell for each; true"},
    {0}};

static const struct field match_rows[] = {
    {"id", FIELD_STRINGS, offsetof(struct rig_conf, ids), FIELD_REQUIRED,
     .help = "USB ids, '0483:df11'; '0483:*' is every product"},
    {"serial", FIELD_STRING, offsetof(struct rig_conf, serial),
     .help = "pattern of serial numbers"},
    {"path", FIELD_STRING, offsetof(struct rig_conf, path), .help = "pattern of hub paths, 1-1.*"},
    {"hub", FIELD_STRING, offsetof(struct rig_conf, hub), .help = "all on this hub and below: 1-1"},
    {0}};

enum { RELEASE, ARTIFACT, BRANCH, WORKFLOW, REPO, ASSET, MEMBER, URL, SHA256, MINISIGN, TOKEN };
#define TEXT(index) offsetof(struct rig_conf, texts[index])

static const struct field firmware_rows[] = {
    {"release", FIELD_STRING, TEXT(RELEASE), .help = "latest, a tag, or a pattern of tags"},
    {"artifact", FIELD_STRING, TEXT(ARTIFACT), .help = "of a workflow run, with branch"},
    {"branch", FIELD_STRING, TEXT(BRANCH), .help = "whose newest green run"},
    {"workflow", FIELD_STRING, TEXT(WORKFLOW), .help = "only of this one, build.yml"},
    {"repo", FIELD_STRING, TEXT(REPO), .help = "owner/name"},
    {"asset", FIELD_STRING, TEXT(ASSET), .help = "of the release: a name or pattern"},
    {"member", FIELD_STRING, TEXT(MEMBER), .help = "which file of an archive"},
    {"url", FIELD_STRING, TEXT(URL), .help = "a file from anywhere"},
    {"sha256", FIELD_STRING, TEXT(SHA256), .help = "what url must give"},
    {"minisign", FIELD_STRING, TEXT(MINISIGN),
     .help = "the key file that its signature must be by"},
    {"token-file", FIELD_STRING, TEXT(TOKEN), .help = "GitHub's token instead of $GITHUB_TOKEN"},
    {0}};

static const struct field test_rows[] = {
    {"tests", FIELD_UINT, offsetof(struct rig_conf, tests), .min = 1, .max = 1000000,
     .help = "how many there must be at least"},
    {"require", FIELD_STRINGS, offsetof(struct rig_conf, require), .help = "tests that must pass"},
    {0}};

struct recipe_fields {
    struct rig_recipe recipe;
    const struct yaml_node *patch, *command, *otp;
};

static const struct field recipe_rows[] = {
    {"pool", FIELD_STRING, offsetof(struct recipe_fields, recipe.pool), FIELD_REQUIRED,
     .help = "which one it is drawn from; hil pool fills it"},
    {"from", FIELD_ARGV, offsetof(struct recipe_fields, recipe.from),
     .help = "a command whose last line of output is the identity, as of a key server"},
    {"low", FIELD_UINT, offsetof(struct recipe_fields, recipe.low), .max = INT64_MAX,
     .help = "notify: pool-low when fewer than this are left in it (10; 0: never)"},
    {"patch", FIELD_NODE, offsetof(struct recipe_fields, patch),
     .help = "{at, size, as}: bytes of the firmware before it is written"},
    {"command", FIELD_NODE, offsetof(struct recipe_fields, command),
     .help = "{write, read}: programs; read's last line must be the identity"},
    {"otp", FIELD_NODE, offsetof(struct recipe_fields, otp),
     .help = "{at, size, as}: one-time-programmable memory, by the board's otp driver"},
    {0}};

static const char *const forms[] = {"default", "bytes", "reversed", "text", NULL};

static const struct field place_rows[] = {
    {"at", FIELD_ADDRESS, offsetof(struct rig_recipe, at), FIELD_REQUIRED, .help = "its address"},
    {"size", FIELD_SIZE, offsetof(struct rig_recipe, size), .help = "of the room; it is filled up"},
    {"as", FIELD_CHOICE, offsetof(struct rig_recipe, form), .choices = forms,
     .help = "bytes, reversed (the last first) or text"},
    {0}};

static const struct field command_rows[] = {
    {"write", FIELD_ARGV, offsetof(struct rig_recipe, write), FIELD_REQUIRED,
     .help = "with {value} {serial} {path} {slot}"},
    {"read", FIELD_ARGV, offsetof(struct rig_recipe, read), .help = "prints what the board has"},
    {0}};

void rig_conf_done(struct rig_conf *conf)
{
    struct rig_fields fields = {.conf = *conf};

    fields_done(rows, &fields);
    fields_done(match_rows, &fields.conf);
    fields_done(firmware_rows, &fields.conf);
    fields_done(test_rows, &fields.conf);
    for (size_t i = 0; i < conf->recipe_count; i++) {
        struct recipe_fields recipe = {.recipe = conf->recipes[i]};
        fields_done(recipe_rows, &recipe);
        fields_done(command_rows, &recipe.recipe);
    }
    free(conf->recipes);
    free(conf->firmware);
    *conf = (struct rig_conf){0};
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool id_ok(const char *id)
{
    static const char digits[] = "0123456789abcdefABCDEF";

    return strlen(id) >= 6 && strspn(id, digits) == 4 && id[4] == ':' &&
           (!strcmp(id + 5, "*") || (strlen(id) == 9 && strspn(id + 5, digits) == 4));
}

static void read_match(const struct yaml_node *node, struct rig_conf *conf, struct diags *diags)
{
    fields_read(match_rows, node, "'match'", conf, diags);
    for (size_t i = 0; i < conf->ids.count; i++)
        if (!id_ok(conf->ids.items[i]))
            diag_node(diags, yaml_get(node, "id"), "'%.80s' is not a USB id such as '0483:df11'",
                      conf->ids.items[i]);
    if (conf->hub && !usb_path_valid(conf->hub) && !str_starts(conf->hub, "usb"))
        diag_node(diags, yaml_get(node, "hub"),
                  "'%.80s' is not a hub such as 1-1; hil discover shows them", conf->hub);
}

static void read_download(struct rig_conf *conf, const struct yaml_node *node, struct diags *diags)
{
    struct err err = {0};

    fields_read(firmware_rows, node, "'firmware'", conf, diags);
    conf->download = (struct download_request){DOWNLOAD_DEFAULTS,
                                               .release = conf->texts[RELEASE],
                                               .artifact = conf->texts[ARTIFACT],
                                               .branch = conf->texts[BRANCH],
                                               .workflow = conf->texts[WORKFLOW],
                                               .repo = conf->texts[REPO],
                                               .asset = conf->texts[ASSET],
                                               .member = conf->texts[MEMBER],
                                               .url = conf->texts[URL],
                                               .sha256 = conf->texts[SHA256],
                                               .minisign = conf->texts[MINISIGN],
                                               .token_file = conf->texts[TOKEN]};
    if (!download_wanted(&conf->download))
        diag_node(diags, node, "'firmware' needs release, artifact or url");
    else if (download_check(&conf->download, &err) < 0)
        diag_node(diags, node, "'firmware': %s", err.message);
}

static void read_firmware(const struct yaml_node *node, struct rig_conf *conf, struct diags *diags)
{
    cleanup_free char *dir = fs_dirname(conf->lab->file);

    if (node->kind == YAML_SCALAR)
        conf->firmware = fs_join(dir, node->text);
    else
        read_download(conf, node, diags);
}

static void read_test(const struct yaml_node *node, struct rig_conf *conf, struct diags *diags)
{
    static const struct field flag[] = {
        {"test", FIELD_BOOL, offsetof(struct rig_conf, test), .help = ""}, {0}};

    if (node->kind == YAML_MAP) {
        conf->test = true;
        fields_read(test_rows, node, "'test'", conf, diags);
    } else if (node->kind == YAML_SCALAR) {
        struct yaml_node alone = *node, map = {.kind = YAML_MAP, .first = &alone, .count = 1};
        alone.next = NULL;
        fields_read(flag, &map, "'rig'", conf, diags);
    } else {
        diag_node(diags, node, "'test' must be true, false or {tests: N, require: [NAME]}");
    }
}

static void read_limits(const struct yaml_node *node, struct rig_conf *conf, struct diags *diags)
{
    if (node->kind == YAML_MAP)
        max_parallel_read(node, &conf->limits, diags);
    else if (node->kind != YAML_SCALAR ||
             str_to_u64(node->text, 1000, "", &conf->limits.lab, NULL) < 0 || !conf->limits.lab)
        diag_node(diags, node,
                  "'max-parallel' must be a number from 1 to 1000, or {lab, hub, "
                  "controller}");
}

/* A serial number is what a device says, a reason what a tool does: no shell may read it as its
 * own. */
static void check_argv(const struct strv *argv, const struct yaml_node *node, struct diags *diags)
{
    static const char *const shells[] = {"sh", "bash", "dash", "zsh", "ksh", "ash"};
    bool shell = false;

    for (size_t i = 0; argv->count && i < ARRAY_SIZE(shells); i++)
        shell = shell || str_eq(fs_basename(argv->items[0]), shells[i]);
    for (size_t i = 1; shell && i < argv->count; i++) {
        if (!strchr(argv->items[i], '{') || !strchr(argv->items[i], '}'))
            continue;
        diag_node(diags, node,
                  "a shell would obey what stands in place of '%.40s'; use \"$HIL_SERIAL\", "
                  "\"$HIL_REASON\" and so on",
                  argv->items[i]);
        return;
    }
}

static void read_recipe(const struct yaml_node *node, struct rig_conf *conf, struct diags *diags)
{
    struct recipe_fields fields = {.recipe = {.low = LOW_DEFAULT}};
    struct rig_recipe *recipe = &conf->recipes[conf->recipe_count];
    const struct yaml_node *place;

    fields_read(recipe_rows, node, "a recipe", &fields, diags);
    *recipe = fields.recipe;
    conf->recipe_count++;
    if (!!fields.patch + !!fields.command + !!fields.otp != 1) {
        diag_key(diags, node, "one of patch, command and otp says how the identity gets there");
        return;
    }
    if (recipe->pool && !name_valid(recipe->pool))
        diag_node(diags, yaml_get(node, "pool"), "a pool's name must be made of " NAME_RULE);
    recipe->kind = fields.patch ? RECIPE_PATCH : fields.command ? RECIPE_COMMAND : RECIPE_OTP;
    place = fields.patch ? fields.patch : fields.otp;
    check_argv(&recipe->from, yaml_get(node, "from"), diags);
    if (fields.command) {
        fields_read(command_rows, fields.command, "'command'", recipe, diags);
        check_argv(&recipe->write, fields.command, diags);
        check_argv(&recipe->read, fields.command, diags);
    }
    if (place)
        fields_read(place_rows, place, place->key, recipe, diags);
    if (recipe->size > SIZE_MAX_BYTES)
        diag_node(diags, yaml_get(place, "size"), "more than %d bytes", SIZE_MAX_BYTES);
    for (size_t i = 0; i + 1 < conf->recipe_count; i++)
        if (str_eq(conf->recipes[i].pool, recipe->pool))
            diag_key(diags, node, "pool '%s' is here twice: a board has one identity of a pool",
                     recipe->pool);
}

static void read_recipes(const struct yaml_node *list, struct rig_conf *conf, struct diags *diags)
{
    if (list->kind != YAML_LIST || !list->count || list->count > RECIPES_MAX) {
        diag_node(diags, list,
                  "'provision' must be a list of 1 to %d such as [{pool: macs, patch: {at: "
                  "0x0800FF00}}]",
                  RECIPES_MAX);
        return;
    }
    conf->recipes = xcalloc(list->count, sizeof *conf->recipes);
    for (const struct yaml_node *node = list->first; node; node = node->next)
        read_recipe(node, conf, diags);
}

static void check_slots(const struct rig_conf *conf, const struct yaml_node *node,
                        struct diags *diags)
{
    if (conf->slots.count > SLOTS_MAX)
        diag_node(diags, node, "more than %d slots", SLOTS_MAX);
    for (size_t i = 0; i < conf->slots.count; i++) {
        if (!usb_path_valid(conf->slots.items[i]))
            diag_node(diags, node, "'%.80s' is not a hub path such as 1-1.3", conf->slots.items[i]);
        for (size_t j = 0; j < i; j++)
            if (str_eq(conf->slots.items[i], conf->slots.items[j]))
                diag_node(diags, node, "'%s' is two slots", conf->slots.items[i]);
    }
}

/* The rig's own keys; those of a board are read when one is made. */
static void read_own(const struct yaml_node *node, struct rig_fields *fields, struct diags *diags)
{
    struct yaml_node own = *node, *copies = xcalloc(node->count + 1, sizeof *copies);
    size_t count = 0;

    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (board_conf_key(child->key))
            continue;
        copies[count] = *child;
        copies[count].next = NULL;
        if (count)
            copies[count - 1].next = &copies[count];
        count++;
    }
    own.first = count ? copies : NULL;
    own.count = count;
    fields_read(rows, &own, "'rig'", fields, diags);
    free(copies);
}

void rig_conf_read(const struct lab *lab, struct rig_conf *ret, struct diags *diags)
{
    const struct yaml_node *node = lab->rig;
    struct rig_fields fields = {.conf = {.lab = lab, .node = node, .beep = true}};

    *ret = fields.conf;
    if (!node || node->kind != YAML_MAP) {
        diag_at(diags, node ? node->line : 1, node ? node->column : 1,
                "a lab needs 'rig' for hil rig: {match: {id: ['0483:df11']}, firmware: fw.elf, "
                "flash: {dfu: {path: '{path}'}}}");
        return;
    }
    read_own(node, &fields, diags);
    fields.conf.has_at = yaml_get(node, "at");
    if (fields.match)
        read_match(yaml_get(node, "match"), &fields.conf, diags);
    if (fields.firmware)
        read_firmware(yaml_get(node, "firmware"), &fields.conf, diags);
    if (fields.test)
        read_test(yaml_get(node, "test"), &fields.conf, diags);
    if (fields.limits)
        read_limits(yaml_get(node, "max-parallel"), &fields.conf, diags);
    if (fields.provision)
        read_recipes(yaml_get(node, "provision"), &fields.conf, diags);
    check_slots(&fields.conf, yaml_get(node, "slots"), diags);
    check_argv(&fields.conf.on_done, yaml_get(node, "on-done"), diags);
    check_argv(&fields.conf.on_fail, yaml_get(node, "on-fail"), diags);
    if (fields.conf.test && !yaml_get(node, "console"))
        diag_node(diags, yaml_get(node, "test"), "'test' needs a 'console' to read");
    if (fields.conf.power_cycle && !yaml_get(node, "power"))
        diag_node(diags, yaml_get(node, "power-cycle"), "'power-cycle' needs 'power'");
    *ret = fields.conf;
}

/* ---- what matches ---------------------------------------------------------------------------- */

static bool id_matches(const struct rig_conf *conf, const struct rig_device *device)
{
    char id[16], any[16];

    snprintf(id, sizeof id, "%04x:%04x", device->vendor, device->product);
    snprintf(any, sizeof any, "%04x:*", device->vendor);
    for (size_t i = 0; i < conf->ids.count; i++)
        if (!strcasecmp(conf->ids.items[i], id) || !strcasecmp(conf->ids.items[i], any))
            return true;
    return false;
}

static bool is_below(const char *hub, const char *path)
{
    size_t length = strlen(hub);

    if (str_starts(hub, "usb")) /* a root hub: "usb1" has "1-..." */
        return strtoul(hub + 3, NULL, 10) == strtoul(path, NULL, 10);
    return !strncmp(path, hub, length) && path[length] == '.';
}

bool rig_conf_matches(const struct rig_conf *conf, const struct rig_device *device)
{
    return id_matches(conf, device) && (!conf->serial || str_glob(conf->serial, device->serial)) &&
           (!conf->path || str_glob(conf->path, device->path)) &&
           (!conf->hub || is_below(conf->hub, device->path));
}

/* ---- placeholders ---------------------------------------------------------------------------- */

void rig_words_add(struct rig_words *words, const char *name, const char *value)
{
    if (words->count + 1 >= ARRAY_SIZE(words->names))
        return;
    words->names[words->count] = name;
    words->values[words->count++] = value;
}

void rig_words_fill(struct rig_words *words, unsigned slot, const struct rig_device *device)
{
    const char *dot = strrchr(device->path, '.'), *dash = strchr(device->path, '-');
    const char *port = dot ? dot + 1 : dash ? dash + 1 : "";

    *words = (struct rig_words){.count = 0};
    snprintf(words->slot, sizeof words->slot, "%u", slot);
    rig_words_add(words, "path", device->path);
    rig_words_add(words, "serial", device->serial);
    rig_words_add(words, "hub", device->hub);
    rig_words_add(words, "port", port);
    rig_words_add(words, "slot", words->slot);
}

void rig_words_env(const struct rig_words *words, struct strv *ret)
{
    for (size_t i = 0; i < words->count; i++) {
        char *pair = xasprintf("HIL_%s=%s", words->names[i], words->values[i]);
        for (char *at = pair; *at != '='; at++)
            *at = (char)toupper((unsigned char)*at);
        strv_add_owned(ret, pair);
    }
}

/* "{serial}" and the like; the drivers' own placeholders stay. NULL: it is all of the text, and not
 * known. */
static char *fill_text(void *arg, const char *text)
{
    const struct rig_words *words = arg;
    cleanup_buf struct buf out = BUF_INIT(YAML_BYTES_MAX);

    for (const char *at = text; *at;) {
        size_t i = 0, length = 0;
        for (; i < words->count; i++) {
            length = strlen(words->names[i]);
            if (*at == '{' && !strncmp(at + 1, words->names[i], length) && at[length + 1] == '}')
                break;
        }
        if (i == words->count) {
            buf_add(&out, at++, 1);
            continue;
        }
        if (!*words->values[i] && at == text && !at[length + 2])
            return NULL;
        buf_adds(&out, words->values[i]);
        at += length + 2;
    }
    return buf_steal(&out);
}

int rig_conf_board(const struct rig_conf *conf, unsigned slot, const struct rig_device *device,
                   struct lab **ret, struct diags *diags, struct err *err)
{
    cleanup_free char *name = xasprintf("rig-%s", device->path);
    struct rig_words words;

    rig_words_fill(&words, slot, device);
    return lab_from_template(conf->lab, conf->node, name, fill_text, &words, ret, diags, err);
}
