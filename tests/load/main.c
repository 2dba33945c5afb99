/* eiso-live: a school system that lives a school day through the public API, in the schools that
 * its client may see or in a country of its own.
 *
 *   eiso-live [OPTION]...
 *   eiso-live --scale S [--seed K] [OPTION]...
 *   eiso-live --scale S [--seed K] --load
 *
 * Environment: EISO_URL, EISO_CLIENT_ID, EISO_CLIENT_SECRET, EISO_DIR (deploy/up's eiso.env). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "conf/conf.h"
#include "national/calendar.h"
#include "roster.h"
#include "sender.h"

static const char usage[] =
    "eiso-live [OPTION]...\n"
    "eiso-live --scale S [--seed K] [OPTION]...\n"
    "eiso-live --scale S [--seed K] --load\n"
    "  --rate N       items a second, 0.1 to 100,000; 2 unless said\n"
    "  --fast         instead: as fast as they are accepted\n"
    "  --rhythm F     instead: a day of that country from its morning to its evening, F times\n"
    "                 faster than the clock, and then the next\n"
    "  --batch N      items of one, at most 500, as a lesson has some 24; what is due in a quarter "
    "of\n"
    "                 a second unless said\n"
    "  --quarter-end  three times the marks, many of them summative\n"
    "  --seconds S    how long; until SIGTERM unless said\n"
    "  --ledger FILE  what was sent and what became of it, appended; $EISO_DIR/state/live/ledger\n"
    "  --progress     lines for people instead of a log\n"
    "  --chance N     seed of what happens; another one each time unless said\n"
    "  --scale S      in a country of its own, 0.0001 to 1 of the nation; the client speaks for\n"
    "                 the ministry, and the country was loaded\n"
    "  --seed K       of that country; 1 unless said\n"
    "  --load         loads it, and ends\n"
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
    struct pace pace;
    bool quarter_end, shows;
    int64_t seconds, batch;
    const char *ledger;
    uint64_t chance;
    double scale; /* 0: no country of its own */
    uint64_t seed;
    bool load;
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

static bool real_given(const char *text, double min, double max, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value >= min && *value <= max;
}

static bool seed_given(const char *text, uint64_t *seed)
{
    int64_t number = 0;
    *seed = number_given(text, 1, INT64_MAX, &number) ? (uint64_t)number : 0;
    return *seed > 0;
}

static bool option_read(int option, struct options *options)
{
    switch (option) {
    case 'r':
        return real_given(optarg, 0.1, 100000, &options->pace.rate);
    case 'f':
        options->pace.rate = 0;
        return true;
    case 'h':
        return real_given(optarg, 0.1, 100000, &options->pace.rhythm);
    case 'q':
        return options->quarter_end = true;
    case 'b':
        return number_given(optarg, 1, 500, &options->batch);
    case 'p':
        return options->shows = true;
    case 's':
        return number_given(optarg, 0, INT64_C(10) * 365 * 86400, &options->seconds);
    case 'l':
        options->ledger = optarg;
        return true;
    case 'c':
        return seed_given(optarg, &options->chance);
    case 'n':
        return real_given(optarg, 0.0001, 1, &options->scale);
    case 'e':
        return seed_given(optarg, &options->seed);
    case 'o':
        return options->load = true;
    default:
        return false;
    }
}

static bool options_read(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"rate", required_argument, NULL, 'r'},
                                          {"fast", no_argument, NULL, 'f'},
                                          {"rhythm", required_argument, NULL, 'h'},
                                          {"quarter-end", no_argument, NULL, 'q'},
                                          {"progress", no_argument, NULL, 'p'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"ledger", required_argument, NULL, 'l'},
                                          {"chance", required_argument, NULL, 'c'},
                                          {"scale", required_argument, NULL, 'n'},
                                          {"seed", required_argument, NULL, 'e'},
                                          {"load", no_argument, NULL, 'o'},
                                          {"batch", required_argument, NULL, 'b'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!option_read(option, options))
            return false;
    options->pace.day_items = options->scale * pace_nation(options->quarter_end);
    bool own = options->scale > 0;
    return optind == argc && (own || (!options->load && options->pace.rhythm == 0));
}

static void usage_print(void)
{
    CLEANUP(buf_done) struct buf settings = {0};
    conf_help(&login_settings, &settings);
    fprintf(stderr, "%s%.*s", usage, STR_ARG(buf_str(&settings)));
}

/* The schools of the day: a country of one's own, or what the client may see. */
static enum error find_world(const struct options *options, struct country *country,
                             struct world *world, struct api *api, struct err *err)
{
    struct uuid own;
    if (options->scale == 0)
        return world_load(world, api, err);
    if (world_own(api, &own, err))
        return err->code;
    country_open(country, options->seed, options->scale, &own, calendar_year_of(date_today()));
    if (!options->load)
        world_of_country(world, country);
    return ERROR_NONE;
}

/* The installation may still be starting: it is asked until it answers. */
static void await_world(const struct options *options, struct country *country, struct world *world,
                        struct api *api)
{
    struct err err = {0};
    while (api_sign_in(api, &err) || find_world(options, country, world, api, &err)) {
        log_error("waiting for the installation", &err);
        clock_sleep_ms(TRY_AGAIN_MS);
    }
    if (!options->load)
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
    if (totals->wrong)
        log_line(LOG_ERROR, "outcomes that cannot be right", LOG_NUMBER("count", totals->wrong));
}

static enum error live(const struct options *options, struct api *api, struct world *world,
                       struct totals *totals, struct err *err)
{
    CLEANUP(ledger_close) struct ledger ledger = {0};
    CLEANUP(day_done) struct day day = {0};
    CLEANUP(office_done) struct office office = {0};
    struct sender sender = {.api = api,
                            .day = &day,
                            .ledger = &ledger,
                            .office = world->country ? &office : NULL,
                            .pace = options->pace,
                            .seconds = options->seconds,
                            .batch = options->batch,
                            .shows = options->shows,
                            .alone = world->country,
                            .stopped = &stopped};
    day_open(&day, world, date_today(), options->chance);
    day.quarter_end = options->quarter_end;
    office_open(&office, api, world);
    if (ledger_open(&ledger, options->ledger, err) ||
        ledger_read_taken(options->ledger, &day, err) || sender_run(&sender, totals, err))
        return err->code;
    totals->wrong += office.wrong;
    log_line(LOG_INFO, "the office", LOG_NUMBER("moves", office.moved),
             LOG_NUMBER("substitutions", office.substitutions));
    return ERROR_NONE;
}

static int run_load(const struct options *options, const struct country *country, struct api *api)
{
    struct roster roster = {
        .api = api, .country = country, .shows = options->shows, .stopped = &stopped};
    struct err err = {0};
    if (roster_load(&roster, &err)) {
        log_error("the end", &err);
        return 1;
    }
    int64_t all = roster.written + roster.kept + roster.rejected;
    printf("written %lld kept %lld rejected %lld rate %.1f/s\n", (long long)roster.written,
           (long long)roster.kept, (long long)roster.rejected,
           roster.seconds > 0 ? (double)all / roster.seconds : 0.0);
    return roster.rejected || stopped ? 1 : 0;
}

static int run_live(const struct options *options, struct api *api, struct world *world)
{
    struct totals totals = {0};
    struct err err = {0};
    if (live(options, api, world, &totals, &err)) {
        log_error("the end", &err);
        return 1;
    }
    totals_print(&totals);
    return totals.wrong ? 1 : 0;
}

static int run(const struct options *options, const struct login *login)
{
    CLEANUP(api_close) struct api api;
    CLEANUP(country_done) struct country country = {0};
    CLEANUP(world_done) struct world world = {0};
    api_open(&api, login->url, login->client_id, login->client_secret);
    await_world(options, &country, &world, &api);
    catch_signals();
    return options->load ? run_load(options, &country, &api) : run_live(options, &api, &world);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct options options = {.pace = {.rate = 2}, .chance = (uint64_t)clock_now(), .seed = 1};
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
