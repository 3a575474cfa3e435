/* SPDX-License-Identifier: MIT */
#include "run/standing.h"

#include "base/str.h"

#include <stdlib.h>

int standing_look(const struct inventory *inventory, struct store *store, size_t i,
                  struct standing *ret, struct err *err)
{
    const struct lab *lab = inventory->lab;
    const char *name = lab->boards[i].name;

    *ret =
        (struct standing){.conf = &lab->boards[i], .drivers = board_drivers(inventory->boards[i])};
    ret->quarantined = store && store_quarantined(store, lab->name, name, &ret->quarantine);
    ret->has_last = store && store_last(store, lab->name, name, &ret->last);
    return lease_peek(inventory->runtime_dir, lab->name, name, &ret->held, &ret->holder,
                      &ret->waiting, err);
}

void standing_hold_back(struct standing *standing, const struct strv *boards,
                        const struct strv *reasons)
{
    free(standing->held_back);
    standing->held_back = NULL;
    for (size_t i = 0; i < boards->count && !standing->held_back; i++)
        if (str_eq(boards->items[i], standing->conf->name))
            standing->held_back = xstrdup(reasons->items[i]);
}

void standing_done(struct standing *standing)
{
    holder_done(&standing->holder);
    free(standing->held_back);
}

static void put_holder(struct json_out *out, const struct holder *holder)
{
    json_key(out, "holder");
    json_object(out);
    json_kv_int(out, "pid", holder->pid);
    json_kv_string(out, "user", holder->user);
    json_kv_string(out, "command", holder->command);
    json_kv_int(out, "since", holder->since_unix_s);
    json_kv_string(out, "repository", holder->repository);
    json_kv_string(out, "run_id", holder->run_id);
    json_kv_string(out, "job", holder->job);
    json_kv_string(out, "attempt", holder->attempt);
    json_kv_string(out, "run_url", holder->run_url);
    json_kv_string(out, "out", holder->out);
    json_object_end(out);
}

static void put_drivers(struct json_out *out, const struct board_drivers *drivers)
{
    json_key(out, "drivers");
    json_object(out);
    json_kv_string(out, "power", drivers->power);
    json_kv_string(out, "reset", drivers->reset);
    json_kv_string(out, "flash", drivers->flash);
    json_kv_string(out, "console", drivers->console);
    json_object_end(out);
}

static void put_last(struct json_out *out, const struct standing *standing)
{
    json_key(out, "last");
    if (!standing->has_last) {
        json_null(out);
        return;
    }
    json_object(out);
    json_kv_string(out, "verdict", verdict_name(standing->last.verdict));
    json_kv_string(out, "test", standing->last.test);
    json_kv_int(out, "time", standing->last.unix_s);
    json_object_end(out);
}

static void put_quarantine(struct json_out *out, const struct standing *standing)
{
    json_key(out, "quarantine");
    if (!standing->quarantined) {
        json_null(out);
        return;
    }
    json_object(out);
    json_kv_string(out, "reason", standing->quarantine.reason);
    json_kv_int(out, "since", standing->quarantine.unix_s);
    json_object_end(out);
}

void standing_json(const struct standing *standing, struct json_out *out)
{
    json_kv_string(out, "name", standing->conf->name);
    if (standing->conf->server) {
        json_kv_string(out, "server", standing->conf->server->name);
        json_kv_string(out, "away", standing->away);
    }
    json_kv_strv(out, "labels", &standing->conf->labels);
    put_drivers(out, &standing->drivers);
    json_kv_bool(out, "held", standing->held);
    if (standing->held)
        put_holder(out, &standing->holder);
    json_kv_int(out, "waiting", (int64_t)standing->waiting);
    put_last(out, standing);
    put_quarantine(out, standing);
    json_kv_string(out, "held_back", standing->held_back);
}
