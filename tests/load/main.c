/* eiso-live: a school system that lives a school day through the public API.
 *
 *   eiso-live [--rate N] [--seconds S] [--ledger FILE] [--seed N]
 *
 * Environment: EISO_URL, EISO_CLIENT_ID, EISO_CLIENT_SECRET, EISO_DIR (deploy/up's eiso.env). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "conf/conf.h"
#include "sender.h"

static const char usage[] =
    "eiso-live [--rate N] [--seconds S] [--ledger FILE] [--seed N]\n"
    "  --rate N       items a second, 0.1 to 100,000; 2 unless said\n"
    "  --seconds S    how long; until SIGTERM unless said\n"
    "  --ledger FILE  what was sent and what became of it, appended; $EISO_DIR/state/live/ledger\n"
    "  --seed N       of chance; another one each time unless said\n"
    "Settings (deploy/up writes them into eiso.env):\n";

enum { TRY_AGAIN_MS = 2000 };

struct login {
    const char *url, *client_id, *client_secret, *dir;
};
static const struct setting login_rows[] = {
    SETTING(login, url, "EISO_URL", .help = "front door"),
    SETTING(login, client_id, "EISO_CLIENT_ID", .help = "client of the school system"),
    SETTING(login, client_secret, "EISO_CLIENT_SECRET", .help = "its secret"),
    SETTING(login, dir, "EISO_DIR", .fallback = ".", .help = "folder of the installation"),
};
static const struct settings login_settings = SETTINGS(login_rows);

struct options {
    double rate;
    int64_t seconds;
    const char *ledger;
    uint64_t seed;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static bool number_given(const char *text, int64_t min, int64_t max, int64_t *value)
{
    return str_to_int64(str_from(text), min, max, value);
}

static bool rate_given(const char *text, double *rate)
{
    char *end;
    *rate = strtod(text, &end);
    return end != text && !*end && *rate >= 0.1 && *rate <= 100000;
}

static bool option_read(int option, struct options *options)
{
    int64_t number = 0;
    switch (option) {
    case 'r':
        return rate_given(optarg, &options->rate);
    case 's':
        return number_given(optarg, 0, INT64_C(10) * 365 * 86400, &options->seconds);
    case 'l':
        options->ledger = optarg;
        return true;
    case 'e':
        options->seed = number_given(optarg, 0, INT64_MAX, &number) ? (uint64_t)number : 0;
        return number > 0;
    default:
        return false;
    }
}

static bool options_read(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"rate", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"ledger", required_argument, NULL, 'l'},
                                          {"seed", required_argument, NULL, 'e'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!option_read(option, options))
            return false;
    return optind == argc;
}

static void usage_print(void)
{
    CLEANUP(buf_done) struct buf settings = {0};
    conf_help(&login_settings, &settings);
    fprintf(stderr, "%s%.*s", usage, STR_ARG(buf_str(&settings)));
}

/* The installation may still be starting: it is asked until it answers. */
static void await_world(struct world *world, struct api *api)
{
    struct err err = {0};
    while (api_sign_in(api, &err) || world_load(world, api, &err)) {
        log_error("waiting for the installation", &err);
        clock_sleep_ms(TRY_AGAIN_MS);
    }
    log_line(LOG_INFO, "classes found", LOG_NUMBER("count", (int64_t)world->count));
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static void totals_print(const struct totals *totals)
{
    int64_t answered = totals->accepted + totals->rejected;
    printf("accepted %lld rejected %lld unknown %lld rate %.1f/s lag %lld ms\n",
           (long long)totals->accepted, (long long)totals->rejected, (long long)totals->unknown,
           totals->seconds > 0 ? (double)answered / totals->seconds : 0.0,
           (long long)totals->lag_p99_ms);
    if (totals->broken)
        log_line(LOG_ERROR, "accepted items were not duplicates when sent again",
                 LOG_NUMBER("count", totals->broken));
}

static enum error live(const struct options *options, struct api *api, const struct world *world,
                       struct totals *totals, struct err *err)
{
    CLEANUP(ledger_close) struct ledger ledger = {0};
    CLEANUP(day_done) struct day day = {0};
    struct sender sender = {api, &day, &ledger, options->rate, options->seconds, &stopped};
    day_open(&day, world, date_today(), options->seed);
    if (ledger_open(&ledger, options->ledger, err) ||
        ledger_read_taken(options->ledger, &day, err) || sender_run(&sender, totals, err))
        return err->code;
    return ERROR_NONE;
}

static int run(const struct options *options, const struct login *login)
{
    CLEANUP(api_close) struct api api;
    CLEANUP(world_done) struct world world = {0};
    struct err err = {0};
    struct totals totals = {0};
    api_open(&api, login->url, login->client_id, login->client_secret);
    await_world(&world, &api);
    catch_signals();
    if (live(options, &api, &world, &totals, &err)) {
        log_error("the end", &err);
        return 1;
    }
    totals_print(&totals);
    return totals.broken ? 1 : 0;
}

int main(int argc, char **argv)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct options options = {.rate = 2, .seed = (uint64_t)clock_now()};
    struct login login = {0};
    struct err err = {0};
    log_open("live", "sender", 0, LOG_INFO);
    if (!options_read(argc, argv, &options)) {
        usage_print();
        return 2;
    }
    if (conf_read(&login_settings, &login, &arena, &err)) {
        log_error("settings", &err);
        return 2;
    }
    if (!options.ledger)
        options.ledger = arena_printf(&arena, "%s/state/live/ledger", login.dir);
    return run(&options, &login);
}
