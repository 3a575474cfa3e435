/* SPDX-License-Identifier: MIT
 *
 * console rtt: SEGGER RTT: the firmware prints into a ring buffer in RAM, and the probe reads it.
 *
 *     console: {rtt: {openocd: {interface: stlink, target: stm32f4x, serial: 066D...}, at: 0x20000000, size: 64K}}
 *     console: {rtt: {server: "localhost:19021"}}                # J-Link's; or OpenOCD's rtt server
 *
 * With `openocd` hil runs OpenOCD itself for as long as the console is open. Its probe is taken
 * then: the console is closed while the board is flashed, and `reset: openocd` goes through this
 * one. The firmware makes its control block when it starts, so it is looked for until it is there.
 * One that an earlier firmware has left elsewhere in RAM would be found first; a reset through
 * OpenOCD halts the chip before it runs and wipes those out.
 */
#include "base/str.h"
#include "board/connect.h"
#include "board/console/console.h"
#include "board/flash/openocd_probe.h"
#include "board/openocd_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define START_MS 20000 /* OpenOCD, to the chip: slow probes with many transports take seconds */
#define APPEAR_MS 5000
#define RETRY_MS 50
#define CHANNELS_MAX 63

struct console_rtt {
    char *server;
    const struct yaml_node *openocd; /* while options are read */
    uint64_t at, size, channel;
    char *id;
    struct openocd_probe probe;
    bool has_probe;
    struct openocd_server running;
};

#define AT(member) offsetof(struct console_rtt, member)

static const struct field fields[] = {
    {"openocd", FIELD_NODE, AT(openocd),
     .help = "the probe, as flash: openocd has it: hil runs OpenOCD for it"},
    {"at", FIELD_ADDRESS, AT(at), .help = "where in RAM the control block is looked for"},
    {"size", FIELD_SIZE, AT(size),
     .help = "and in how many bytes from there; few are found sooner, such as the address of "
             "_SEGGER_RTT alone: 16"},
    {"id", FIELD_STRING, AT(id), .help = "what it begins with; \"SEGGER RTT\" where not given"},
    {"server", FIELD_STRING, AT(server),
     .help = "instead: \"host:port\" of an RTT server that runs already, J-Link's localhost:19021 "
             "or OpenOCD's rtt server"},
    {"channel", FIELD_UINT, AT(channel), .max = CHANNELS_MAX,
     .help = "RTT's channel; 0 where not given. A server but J-Link's has its own"},
    {0}};

static const struct field probe_fields[] = {
    OPENOCD_PROBE_ROWS, TOOL_FIELDS(struct openocd_probe), {0}};

static const struct flash_tool tool = {
    .program = "openocd",
    .hint = "sudo apt install openocd",
    .fields = probe_fields,
    .quote = openocd_quote,
};

static void preset(void *self)
{
    struct console_rtt *conf = self;

    tool_preset(&conf->probe, &tool);
    conf->running.fd = -1;
}

static void check_block(const struct console_rtt *conf, const struct yaml_node *node,
                        struct diags *diags)
{
    const char *id = conf->id;

    if (!conf->size || !yaml_get(node, "at"))
        diag_key(diags, node,
                 "console rtt needs at and size: where in RAM is the control block looked for? The "
                 "whole RAM does, such as {at: 0x20000000, size: 64K}");
    else if (conf->at > UINT32_MAX || conf->size > UINT32_MAX - conf->at)
        diag_node(diags, yaml_get(node, "size"), "console rtt: ends beyond 4 GiB");
    if (id && (!*id || strlen(id) > 16))
        diag_node(diags, yaml_get(node, "id"), "console rtt: an id has 1 to 16 characters");
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct console_rtt *conf = self;
    size_t before = diags->messages.count;
    struct err err = {0};

    if (!conf->openocd == !conf->server)
        diag_key(diags, node, "console rtt needs either 'openocd' or 'server'%s",
                 conf->server ? ", not both" : "");
    if (conf->server && connect_tcp_check(conf->server, &err) < 0)
        diag_node(diags, yaml_get(node, "server"), "console rtt: %s", err.message);
    if (!conf->openocd || diags->messages.count > before)
        return;
    check_block(conf, node, diags);
    fields_read(probe_fields, conf->openocd, "console rtt openocd", &conf->probe, diags);
    if (diags->messages.count == before)
        openocd_probe_check(&conf->probe, conf->openocd, diags);
    conf->has_probe = true;
    conf->openocd = NULL; /* the tree may not live as long as we do */
}

static void done(void *self)
{
    struct console_rtt *conf = self;

    openocd_server_stop(&conf->running);
    fields_done(probe_fields, &conf->probe);
}

static const char *program(const void *self)
{
    const struct console_rtt *conf = self;

    return conf->has_probe ? tool_program(&conf->probe) : NULL;
}

static const char *hint(const void *self)
{
    (void)self;
    return tool.hint;
}

/* ---- OpenOCD --------------------------------------------------------------------------------- */

/* `rtt start` finds nothing for as long as the firmware has made nothing, and a chip that loses its
 * power, or is reset by somebody else, ends the reading. So it is begun anew every so often: what
 * the firmware has printed stays in its buffer meanwhile. Begun twice, it would read everything
 * twice. */
static const char tick[] = "proc hil_tick {} {"
                           " debug_level 1; catch {rtt stop};"
                           " set found [expr {![catch {rtt start}] && ![catch {rtt channels}]}];"
                           " if {!$found} {catch hil_setup};"
                           " debug_level 2;"
                           " if {$found && !$::hil_found} {echo {hil: the control block is found}};"
                           " set ::hil_found $found;"
                           " set ::hil_after [after [expr {$found ? 250 : 10}] hil_tick]}";

/* The chip stands at its reset vector: nothing of this firmware is in RAM yet. `rtt start` would
 * find such blocks, too, but read on from them. */
static const char forget[] =
    "proc hil_forget {at size word} {"
    " for {} {$size >= 4} {incr at 16384; incr size -16384} {"
    "  set words [read_memory $at 32 [expr {$size < 16384 ? $size / 4 : 4096}]];"
    "  foreach i [lsearch -all -exact $words $word] {write_memory [expr {$at + 4 * $i}] 32 0}}}";

/* What there was to read is on its way to us once this is answered, and no more comes. */
static const char halt[] = "proc hil_halt {} {"
                           " after cancel $::hil_after; catch {rtt stop};"
                           " if {[catch {halt} why]} {hil_tick; error $why}}";

static const char reset[] = "proc hil_reset {} {"
                            " after cancel $::hil_after; catch {rtt stop};"
                            " if {[catch {reset halt; hil_wipe; hil_setup; resume} why]} {"
                            "  hil_tick; error $why};"
                            " hil_tick}";

/* The word that a control block begins with, as Tcl has it. Control blocks lie at words. */
static void add_wipe(const struct console_rtt *conf, const char *id, struct strv *ret)
{
    uint64_t at = (conf->at + 3) & ~UINT64_C(3), past = conf->at + conf->size;
    uint8_t first[4] = {0};

    memcpy(first, id, strnlen(id, sizeof first));
    strv_addf(ret, "proc hil_wipe {} {hil_forget 0x%" PRIx64 " %" PRIu64 " 0x%x}", at,
              past > at ? past - at : 0,
              (unsigned)(first[0] | first[1] << 8 | first[2] << 16 | (unsigned)first[3] << 24));
}

static void add_commands(const struct console_rtt *conf, struct strv *ret)
{
    const char *id = conf->id ? conf->id : "SEGGER RTT";
    cleanup_free char *quoted = openocd_quote(id);

    strv_addf(ret, "proc hil_setup {} {rtt setup 0x%" PRIx64 " %" PRIu64 " %s}", conf->at,
              conf->size, quoted);
    add_wipe(conf, id, ret);
    strv_add(ret, "set ::hil_found 0");
    strv_add(ret, tick);
    strv_add(ret, forget);
    strv_add(ret, halt);
    strv_add(ret, reset);
    strv_add(ret, "hil_setup");
    strv_add(ret, "rtt polling_interval 10");
    strv_addf(ret, "rtt server start 0 %" PRIu64, conf->channel);
    strv_add(ret, "hil_tick");
}

static int start_openocd(struct console_rtt *conf, const struct driver_env *env,
                         const struct ctx *ctx, int *ret_fd, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, START_MS);
    cleanup_strv struct strv commands = {0};
    char where[32];
    uint16_t port = 0;
    int rc;

    add_commands(conf, &commands);
    rc = openocd_server_start(&conf->running, &conf->probe, &commands, env, &wait, err);
    if (rc == 0)
        rc = openocd_server_port(&conf->running, "rtt", &wait, &port, err);
    snprintf(where, sizeof where, "127.0.0.1:%u", port);
    if (rc == 0)
        rc = connect_tcp(where, &wait, ret_fd, err);
    if (rc < 0)
        openocd_server_stop(&conf->running);
    return rc;
}

/* ---- a server -------------------------------------------------------------------------------- */

static int connect_server(const struct console_rtt *conf, const struct ctx *ctx, int *ret_fd,
                          struct err *err)
{
    struct ctx until = ctx_narrow(ctx, APPEAR_MS);

    for (;;) {
        int rc = connect_tcp(conf->server, &until, ret_fd, err);
        if (rc != -ERR_NOT_FOUND)
            return rc;
        if (ctx_left_ms(&until) == 0)
            return err_hint(err, "; is the J-Link software or OpenOCD running there, with its RTT "
                                 "server on that port?");
        if (ctx_sleep(&until, RETRY_MS, err) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    }
}

/* J-Link's server gives channel 0 unless it is told within 100 ms (wiki.segger.com/RTT,
 * "SEGGER TELNET Config String"). To others that would be bytes for the firmware. */
static int choose_channel(const struct console_rtt *conf, int fd, const struct ctx *ctx,
                          struct err *err)
{
    char text[64];
    int length =
        snprintf(text, sizeof text, "$$SEGGER_TELNET_ConfigStr=RTTCh;%" PRIu64 "$$", conf->channel);

    return conf->channel ? ctx_write(ctx, fd, text, (size_t)length, err) : 0;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static int open_rtt(void *self, const struct driver_env *env, const struct ctx *ctx, int *ret_fd,
                    struct err *err)
{
    struct console_rtt *conf = self;
    int fd = -1, rc;

    if (conf->has_probe)
        return start_openocd(conf, env, ctx, ret_fd, err);
    rc = connect_server(conf, ctx, &fd, err);
    if (rc == 0)
        rc = choose_channel(conf, fd, ctx, err);
    if (rc == 0)
        *ret_fd = fd;
    else
        close_fd(&fd);
    return rc;
}

static void close_rtt(void *self, int fd)
{
    struct console_rtt *conf = self;

    close(fd);
    openocd_server_stop(&conf->running);
}

static struct openocd_server *openocd(void *self)
{
    struct console_rtt *conf = self;

    return conf->has_probe ? &conf->running : NULL;
}

const struct console_driver console_rtt = {
    .base = {.name = "rtt",
             .summary = "SEGGER RTT, through OpenOCD or a J-Link",
             .fields = fields,
             .self_size = sizeof(struct console_rtt),
             .preset = preset,
             .check = check,
             .done = done,
             .program = program,
             .hint = hint},
    .settle_ms = 100, /* the probe looks every so often */
    .open = open_rtt,
    .close = close_rtt,
    .openocd = openocd,
};
