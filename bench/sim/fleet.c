/* SPDX-License-Identifier: MIT
 *
 * fleet: a day of many hosts that share boards in PostgreSQL, in minutes: bench/fleet's inner part.
 *
 *     sim-fleet URL HOSTS BOARDS LABELS JOBS DAY-SECONDS SEED
 *
 * Each host is a process with claims of its own (store/claim.h): its connection, its keeper, its
 * kernel's locks; and with runners: of each label there are a quarter more than boards. Jobs come
 * over the day as people work, and GitHub's queue gives each to the next idle runner of its label.
 * That wants any board of the label, waits for it as hil run does, has it for the job's duration,
 * and gives it back. What a board does meanwhile is a sleep. Only the day and the durations are
 * compressed: what a lease costs takes as long as it takes, and so weighs that much more than in a
 * real day.
 *
 * Whether a board was given twice is not asked of the leases: the hosts have a table of owners in
 * memory that they share. The ideal is the same day with leases that cost nothing, each label first
 * come, first served. Prints one JSON object.
 */
#include "base/ctx.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "store/claim.h"
#include "store/db.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DAY_S 86400.0
#define LABELS_MAX 256
#define PARTIES 40       /* repositories */
#define MEDIAN_S 240.0   /* of a job; their logarithms are normal with */
#define SIGMA 1.0        /* this deviation, */
#define SHORTEST_S 20.0  /* and they are cut there */
#define LONGEST_S 3600.0 /* and there */
#define SAMPLE_MS 500    /* between two looks at the server's connections */
#define STACK ((size_t)512 << 10)
#define SETTLE_NS 300000000
#define LEASE_MS 5000 /* of the real clock */

struct job {
    double at_s, takes_s; /* of the simulated day */
    int label, party;
    enum holder_rank rank;
    double ideal_s; /* that it would wait */
    /* What became of it: */
    double waited_s;
    double take_ms, drop_ms; /* of the real clock */
    bool done;
};

/* What all processes see. */
struct shared {
    _Atomic int64_t start_ns; /* of the day; 0: not yet */
    atomic_uint ready, twice, failed;
    char why[256];               /* of the first that failed */
    atomic_int next[LABELS_MAX]; /* GitHub's queues: of each label's jobs, the next one */
};

struct fleet {
    const char *url;
    int hosts, boards, labels, jobs;
    double day_s; /* that the day takes */
    uint64_t seed;
    struct shared *shared;
    atomic_int *owners; /* of each board; 0: nobody */
    struct job *job;
    char **names;
    char *home;
};

/* ---- the day --------------------------------------------------------------------------------- */

/* splitmix64: the same seed, the same day, wherever it is run. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static double uniform(uint64_t *state)
{
    return ((double)(next_random(state) >> 11) + 0.5) / 9007199254740992.0;
}

static double duration(uint64_t *state)
{
    double normal = sqrt(-2 * log(uniform(state))) * cos(2 * M_PI * uniform(state));
    double takes_s = MEDIAN_S * exp(SIGMA * normal);

    return takes_s < SHORTEST_S ? SHORTEST_S : takes_s > LONGEST_S ? LONGEST_S : takes_s;
}

/* One hour of the working day has as many jobs as six of the night. */
static double arrival(uint64_t *state)
{
    static const double weights[24] = {1, 1, 1, 1, 1, 1, 1, 2, 4, 6, 6, 6,
                                       5, 5, 6, 6, 6, 5, 4, 3, 2, 2, 1, 1};
    double sum = 0, at;
    int hour = 0;

    for (int i = 0; i < 24; i++)
        sum += weights[i];
    at = uniform(state) * sum;
    while (at >= weights[hour])
        at -= weights[hour++];
    return (hour + at / weights[hour]) * 3600;
}

/* The second most wanted label is wanted half as often as the first, the third a third. */
static int label_of(uint64_t *state, int labels)
{
    double sum = 0, at;

    for (int i = 1; i <= labels; i++)
        sum += 1.0 / i;
    at = uniform(state) * sum;
    for (int i = 1; i < labels; i++) {
        at -= 1.0 / i;
        if (at < 0)
            return i - 1;
    }
    return labels - 1;
}

static enum holder_rank rank_of(uint64_t *state)
{
    double at = uniform(state);

    return at < 0.9 ? RANK_CI : at < 0.95 ? RANK_WATCH : RANK_DESK;
}

static int by_label_and_arrival(const void *a, const void *b)
{
    const struct job *x = a, *y = b;

    if (x->label != y->label)
        return x->label - y->label;
    return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

static int boards_of(const struct fleet *fleet, int label)
{
    return fleet->boards / fleet->labels + (label < fleet->boards % fleet->labels);
}

static int first_board(const struct fleet *fleet, int label)
{
    int extra = fleet->boards % fleet->labels;

    return label * (fleet->boards / fleet->labels) + (label < extra ? label : extra);
}

/* With leases that cost nothing: whoever comes gets the board of its label that is free first. */
static void find_ideal(const struct fleet *fleet)
{
    double *free_at = xcalloc((size_t)fleet->boards, sizeof *free_at);

    for (int i = 0; i < fleet->jobs; i++) {
        struct job *job = &fleet->job[i];
        int first = first_board(fleet, job->label), best = first;
        for (int b = first; b < first + boards_of(fleet, job->label); b++)
            if (free_at[b] < free_at[best])
                best = b;
        double begins_s = free_at[best] > job->at_s ? free_at[best] : job->at_s;
        job->ideal_s = begins_s - job->at_s;
        free_at[best] = begins_s + job->takes_s;
    }
    free(free_at);
}

static void plan_day(const struct fleet *fleet)
{
    uint64_t state = fleet->seed;

    for (int i = 0; i < fleet->jobs; i++) {
        struct job *job = &fleet->job[i];
        job->at_s = arrival(&state);
        job->takes_s = duration(&state);
        job->label = label_of(&state, fleet->labels);
        job->party = (int)(next_random(&state) % PARTIES);
        job->rank = rank_of(&state);
    }
    qsort(fleet->job, (size_t)fleet->jobs, sizeof *fleet->job, by_label_and_arrival);
    for (int i = fleet->jobs; i-- > 0;)
        atomic_store(&fleet->shared->next[fleet->job[i].label], i);
    find_ideal(fleet);
}

/* ---- a host ---------------------------------------------------------------------------------- */

struct host {
    const struct fleet *fleet;
    struct claims *claims;
    int number;
};

struct runner {
    struct host *host;
    int label;
    pthread_t thread;
};

/* As it is on the day's clock: real nanoseconds. */
static int64_t moment(const struct fleet *fleet, double at_s)
{
    return atomic_load(&fleet->shared->start_ns) + (int64_t)(at_s * fleet->day_s / DAY_S * 1e9);
}

static double day_seconds(const struct fleet *fleet, int64_t ns)
{
    return (double)ns / 1e9 * DAY_S / fleet->day_s;
}

static void sleep_until(int64_t ns)
{
    struct timespec at = {ns / 1000000000, ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL))
        ;
}

static void fail(const struct fleet *fleet, const char *why)
{
    if (atomic_fetch_add(&fleet->shared->failed, 1) == 0)
        snprintf(fleet->shared->why, sizeof fleet->shared->why, "%s", why);
}

static void have_board(const struct host *host, struct job *job, struct claim *claim, int board,
                       int64_t asked_ns)
{
    const struct fleet *fleet = host->fleet;
    int64_t had_ns = ctx_now_ns(), given_ns;

    if (atomic_exchange(&fleet->owners[board], host->number + 1))
        atomic_fetch_add(&fleet->shared->twice, 1);
    job->waited_s = day_seconds(fleet, had_ns - moment(fleet, job->at_s));
    job->take_ms = (double)(had_ns - asked_ns) / 1e6;
    sleep_until(had_ns + (int64_t)(job->takes_s * fleet->day_s / DAY_S * 1e9));
    atomic_store(&fleet->owners[board], 0);
    given_ns = ctx_now_ns();
    claim_drop(claim);
    job->drop_ms = (double)(ctx_now_ns() - given_ns) / 1e6;
    job->done = true;
}

static void run_job(const struct host *host, struct job *job)
{
    const struct fleet *fleet = host->fleet;
    int first = first_board(fleet, job->label);
    char party[32], user[] = "ci", *warning = NULL;
    struct holder self = {.pid = getpid(), .rank = job->rank, .user = user, .repository = party};
    const struct keeper_wish wish = {.boards = (const char *const *)&fleet->names[first],
                                     .count = (size_t)boards_of(fleet, job->label),
                                     .self = &self,
                                     .wait = true};
    struct ctx ctx = ctx_root(-1, NULL);
    struct claim *claim = NULL;
    struct err err = {0};
    int64_t asked_ns = ctx_now_ns();
    size_t index = 0;

    snprintf(party, sizeof party, "team/firmware-%d", job->party);
    if (claim_take(host->claims, &wish, &ctx, &claim, &index, &warning, &err) == 0)
        have_board(host, job, claim, first + (int)index, asked_ns);
    else
        fail(fleet, err.message);
    free(warning);
}

static void *work(void *arg)
{
    const struct runner *runner = arg;
    const struct fleet *fleet = runner->host->fleet;

    for (;;) {
        int next = atomic_fetch_add(&fleet->shared->next[runner->label], 1);
        if (next >= fleet->jobs || fleet->job[next].label != runner->label)
            return NULL;
        sleep_until(moment(fleet, fleet->job[next].at_s));
        run_job(runner->host, &fleet->job[next]);
    }
}

/* Of each label's runners every host has its share. */
static struct runner *hire(struct host *host, size_t *ret_count)
{
    const struct fleet *fleet = host->fleet;
    struct runner *runners = xcalloc((size_t)fleet->boards * 2 + LABELS_MAX, sizeof *runners);

    *ret_count = 0;
    for (int label = 0, all = 0; label < fleet->labels; label++)
        for (int i = 0; i < (boards_of(fleet, label) * 5 + 3) / 4; i++, all++)
            if (all % fleet->hosts == host->number)
                runners[(*ret_count)++] = (struct runner){.host = host, .label = label};
    return runners;
}

static int live(const struct fleet *fleet, int number)
{
    cleanup_free char *runtime_dir = xasprintf("%s/host-%d", fleet->home, number);
    cleanup_free char *name = xasprintf("fleet-%d", fleet->hosts);
    cleanup_free char *url = xstrdup(fleet->url);
    const struct lab lab = {.name = name, .store = {.url = url, .lease_ms = LEASE_MS}};
    struct host host = {.fleet = fleet, .number = number};
    struct runner *runners;
    pthread_attr_t attr;
    size_t count, begun = 0;

    fs_mkdirs(runtime_dir, 0700, NULL);
    host.claims = claims_open(&lab, runtime_dir);
    runners = hire(&host, &count);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    atomic_fetch_add(&fleet->shared->ready, 1);
    while (!atomic_load(&fleet->shared->start_ns))
        sleep_until(ctx_now_ns() + 1000000);
    while (begun < count &&
           pthread_create(&runners[begun].thread, &attr, work, &runners[begun]) == 0)
        begun++;
    if (begun < count)
        fail(fleet, "no more threads");
    while (begun)
        pthread_join(runners[--begun].thread, NULL);
    pthread_attr_destroy(&attr);
    claims_close(host.claims);
    free(runners);
    return 0;
}

/* ---- the server's own figures ---------------------------------------------------------------- */

static int64_t ask(struct db *db, const char *sql)
{
    struct statement *statement = NULL;
    struct err err = {0};
    int64_t value = 0;

    if (db_prepare(db, sql, &statement, &err) < 0 || statement_step(statement, &err) != 1) {
        fprintf(stderr, "sim-fleet: %s\n", err.message);
        exit(1);
    }
    value = statement_int(statement, 0);
    statement_free(statement);
    return value;
}

static struct db *open_db(const struct fleet *fleet)
{
    struct err err = {0};
    struct db *db = NULL;

    if (db_open_server(fleet->url, true, NULL, &db, &err) < 0) {
        fprintf(stderr, "sim-fleet: %s\n", err.message);
        exit(1);
    }
    return db;
}

/* Backends that have ended have told what they did. */
static int64_t queries(struct db *db)
{
    sleep_until(ctx_now_ns() + SETTLE_NS);
    return ask(db, "SELECT (xact_commit + xact_rollback)::bigint FROM pg_stat_database"
                   " WHERE datname = current_database()");
}

/* ---- what it came to ------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void put_number(struct json_out *out, const char *name, double value)
{
    json_key(out, name);
    json_double(out, value, 3);
}

static void put_spread(struct json_out *out, const char *name, double *values, size_t count)
{
    double sum = 0;

    qsort(values, count, sizeof *values, by_size);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    json_key(out, name);
    json_object(out);
    put_number(out, "mean", count ? sum / (double)count : 0);
    put_number(out, "p50", count ? values[count / 2] : 0);
    put_number(out, "p95", count ? values[count * 95 / 100] : 0);
    put_number(out, "max", count ? values[count - 1] : 0);
    json_object_end(out);
}

static void put_jobs(const struct fleet *fleet, struct json_out *out)
{
    size_t room = (size_t)fleet->jobs, count = 0, at_once = 0;
    double *values = xcalloc(room, sizeof *values);

    for (size_t i = 0; i < room; i++)
        count += fleet->job[i].done;
    json_kv_int(out, "done", (int64_t)count);
    for (size_t i = 0; i < room; i++)
        values[i] = fleet->job[i].waited_s;
    put_spread(out, "wait_s", values, room);
    for (size_t i = 0; i < room; i++)
        values[i] = fleet->job[i].ideal_s;
    put_spread(out, "ideal_s", values, room);
    for (size_t i = 0; i < room; i++)
        if (fleet->job[i].ideal_s <= 0)
            values[at_once++] = fleet->job[i].take_ms;
    put_spread(out, "take_ms", values, at_once);
    for (size_t i = 0; i < room; i++)
        values[i] = fleet->job[i].drop_ms;
    put_spread(out, "drop_ms", values, room);
    free(values);
}

static void print_result(const struct fleet *fleet, struct db *db, int64_t asked,
                         int64_t connections, double took_s)
{
    struct json_out out;

    json_begin(&out, STDOUT_FILENO, 0);
    json_object(&out);
    json_kv_int(&out, "hosts", fleet->hosts);
    json_kv_int(&out, "boards", fleet->boards);
    json_kv_int(&out, "jobs", fleet->jobs);
    put_number(&out, "took_s", took_s);
    put_jobs(fleet, &out);
    json_kv_int(&out, "queries", asked);
    json_kv_int(&out, "connections", connections);
    json_kv_int(&out, "twice", atomic_load(&fleet->shared->twice));
    json_kv_int(&out, "failed", atomic_load(&fleet->shared->failed));
    json_kv_string(&out, "why", fleet->shared->why);
    json_kv_int(&out, "held",
                ask(db, "SELECT count(*) FROM leases WHERE expires > clock_timestamp()"));
    json_kv_int(&out, "queued", ask(db, "SELECT count(*) FROM lease_waiters"));
    json_object_end(&out);
    json_end(&out, NULL);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void *share(size_t size)
{
    void *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (all == MAP_FAILED) {
        perror("sim-fleet");
        exit(1);
    }
    return all;
}

static void start_hosts(const struct fleet *fleet)
{
    for (int i = 0; i < fleet->hosts; i++) {
        pid_t pid = fork();
        if (pid < 0) {
            perror("sim-fleet");
            exit(1);
        }
        if (pid == 0)
            _exit(live(fleet, i));
    }
    while (atomic_load(&fleet->shared->ready) < (unsigned)fleet->hosts)
        sleep_until(ctx_now_ns() + 1000000);
}

/* Until all hosts have ended: the most connections that there were at a time, but for ours. */
static int64_t watch_hosts(const struct fleet *fleet, struct db *db)
{
    int64_t most = 0, looked_ns = 0;

    for (int left = fleet->hosts; left;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid > 0) {
            left--;
            continue;
        }
        if (ctx_now_ns() - looked_ns > SAMPLE_MS * INT64_C(1000000)) {
            int64_t now = ask(db, "SELECT count(*) - 1 FROM pg_stat_activity"
                                  " WHERE application_name = 'hil'");
            most = now > most ? now : most;
            looked_ns = ctx_now_ns();
        }
        sleep_until(ctx_now_ns() + 10000000);
    }
    return most;
}

int main(int argc, char **argv)
{
    struct fleet fleet;
    struct db *db;
    int64_t before, asked, most, began_ns, took_ns;

    if (argc != 8) {
        fprintf(stderr, "sim-fleet URL HOSTS BOARDS LABELS JOBS DAY-SECONDS SEED\n");
        return 2;
    }
    fleet = (struct fleet){.url = argv[1],
                           .hosts = atoi(argv[2]),
                           .boards = atoi(argv[3]),
                           .labels = atoi(argv[4]),
                           .jobs = atoi(argv[5]),
                           .day_s = atof(argv[6]),
                           .seed = strtoull(argv[7], NULL, 10)};
    if (fleet.hosts < 1 || fleet.labels < 1 || fleet.labels > LABELS_MAX ||
        fleet.boards < fleet.labels || fleet.jobs < 1 || fleet.day_s <= 0)
        return 2;
    fleet.shared = share(sizeof *fleet.shared);
    fleet.owners = share((size_t)fleet.boards * sizeof *fleet.owners);
    fleet.job = share((size_t)fleet.jobs * sizeof *fleet.job);
    fleet.names = xcalloc((size_t)fleet.boards, sizeof *fleet.names);
    for (int i = 0; i < fleet.boards; i++)
        fleet.names[i] = xasprintf("board-%04d", i);
    if (fs_temp_dir(&fleet.home, NULL) < 0)
        return 1;
    plan_day(&fleet);
    db = open_db(&fleet);
    before = queries(db);
    db_close(db); /* no connection lives through a fork */
    start_hosts(&fleet);
    began_ns = ctx_now_ns() + 50000000;
    atomic_store(&fleet.shared->start_ns, began_ns);
    db = open_db(&fleet);
    most = watch_hosts(&fleet, db);
    took_ns = ctx_now_ns() - began_ns;
    asked = queries(db) - before - took_ns / 1000000 / SAMPLE_MS; /* but for the looks */
    print_result(&fleet, db, asked, most, (double)took_ns / 1e9);
    db_close(db);
    fs_remove_tree(fleet.home);
    free(fleet.home);
    for (int i = 0; i < fleet.boards; i++)
        free(fleet.names[i]);
    free(fleet.names);
    return atomic_load(&fleet.shared->failed) || atomic_load(&fleet.shared->twice) ? 1 : 0;
}
