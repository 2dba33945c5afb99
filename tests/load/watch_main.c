/* eiso-watch: parents who have their inbox open and officials who have a dashboard open, thousands
 * of them, and how long a mark takes from its sender to them.
 *
 *   eiso-watch --accounts FILE [--streams N] [--dashboards M] [--seconds S]
 *
 * A mark whose id is a v7 tells when it was made, just before it was sent (tests/load's senders, on
 * the same clock): from there to its byte in the parent's stream it is measured. */
#include <curl/curl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "conf/conf.h"
#include "national/kato.h"
#include "stream.h"

static const char usage[] =
    "eiso-watch --accounts FILE [--streams N] [--dashboards M] [--seconds S]\n"
    "  --accounts FILE  of parents, \"LOGIN PASSWORD\" a line\n"
    "  --streams N      of them, in turn; one each unless said\n"
    "  --dashboards M   one of eleven at the republic, the others at districts; 0 unless said\n"
    "  --seconds S      how long after all are open; 60 unless said\n"
    "Settings (deploy/up writes them into eiso.env):\n";

enum {
    MOST_MS = 60000, /* what took longer counts as this */
    SHOWN_EACH_US = 2 * 1000 * 1000,
    OPEN_WAIT_US = 120 * 1000 * 1000,
    WAIT_MS = 100,
    REPUBLIC_ONE_OF = 11,
    SIGN_IN_TRIES = 20
};

struct login {
    const char *url, *official, *password;
};
static const struct setting login_rows[] = {
    SETTING(login, url, "EISO_URL", .help = "front door"),
    SETTING(login, official, "EISO_OFFICIAL_LOGIN", .help = "who looks at the dashboards"),
    SETTING(login, password, "EISO_OFFICIAL_PASSWORD", .help = "and the password"),
};
static const struct settings login_settings = SETTINGS(login_rows);

struct options {
    const char *accounts;
    int64_t streams, dashboards, seconds;
};

struct watch {
    struct streams streams;
    size_t parents;           /* streams of inboxes; behind them dashboards */
    int64_t items, messages;  /* of parents, of dashboards */
    int64_t measured, max_ms; /* marks */
    uint32_t took[MOST_MS + 1];
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

/* ---- Sessions ---- */

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    static const char name[] = "set-cookie: eiso_", renewal[] = "set-cookie: eiso_renew";
    struct buf *cookie = context;
    size_t length = size * count, from = strlen("set-cookie: ");
    if (length > sizeof renewal && strncasecmp(bytes, name, strlen(name)) == 0 &&
        strncasecmp(bytes, renewal, strlen(renewal)) != 0) {
        const char *end = memchr(bytes, ';', length);
        buf_reset(cookie);
        buf_add(cookie, bytes + from, (end ? (size_t)(end - bytes) : length) - from);
        buf_add_char(cookie, '\0');
    }
    return length;
}

static size_t drop_bytes(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static long post_session(CURL *easy, const char *url, const struct buf *body, struct buf *cookie)
{
    long status = 0;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body->ptr);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body->len);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, cookie);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_bytes);
    if (curl_easy_perform(easy) == CURLE_OK)
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return status;
}

/* The session's cookie, in the arena; NULL where there is none. Waits where it is asked to. */
static const char *sign_in(CURL *easy, const char *url, const char *login, const char *password,
                           struct arena *arena)
{
    CLEANUP(buf_done) struct buf body = {0}, cookie = {0};
    const char *path = arena_printf(arena, "%s/v1/session", url);
    buf_printf(&body, "{\"login\":\"%s\",\"password\":\"%s\"}", login, password);
    for (int tries = 0; tries < SIGN_IN_TRIES; tries++) {
        long status = post_session(easy, path, &body, &cookie);
        curl_off_t wait_s = 0;
        if (status >= 200 && status < 300 && cookie.len)
            return arena_printf(arena, "%s", cookie.ptr);
        if (status == 401)
            return NULL;
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait_s);
        clock_sleep_ms(MAX_OF((int64_t)wait_s * 1000, (int64_t)500));
    }
    return NULL;
}

struct cookies {
    const char **items;
    size_t count;
};

static enum error sign_all_in(const char *url, const char *path, struct cookies *cookies,
                              struct arena *arena, struct err *err)
{
    enum { MOST = 100000, LINE = 512 };
    char line[LINE], login[128], password[256];
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERROR_NOT_FOUND, "%s cannot be read", path);
    CURL *easy = curl_easy_init();
    cookies->items = ARENA_ARRAY(arena, MOST, const char *);
    while (cookies->count < MOST && !stopped && fgets(line, LINE, file) &&
           sscanf(line, "%127s %255s", login, password) == 2) {
        cookies->items[cookies->count] = sign_in(easy, url, login, password, arena);
        if (!cookies->items[cookies->count++]) {
            err_set(err, ERROR_UNAUTHORIZED, "%s cannot sign in", login);
            break;
        }
    }
    curl_easy_cleanup(easy);
    fclose(file);
    return err->code        ? err->code
           : cookies->count ? ERROR_NONE
                            : err_set(err, ERROR_INVALID, "%s has no account", path);
}

/* ---- What comes ---- */

/* Milliseconds since it was made; -1: its id does not tell. */
static int64_t age_of(struct str id)
{
    struct uuid uuid;
    int64_t made_ms = 0;
    if (!uuid_parse(id, &uuid) || uuid.bytes[6] >> 4 != 7)
        return -1;
    for (int i = 0; i < 6; i++)
        made_ms = made_ms << 8 | uuid.bytes[i];
    return MAX_OF(clock_now() / 1000 - made_ms, (int64_t)0);
}

static void take_event(void *context, size_t stream, struct str data)
{
    static const char first[] = "{\"id\":\"", mark[] = "\"kind\":\"mark_recorded\"";
    struct watch *watch = context;
    if (stream >= watch->parents) {
        watch->messages++;
        return;
    }
    watch->items++;
    if (data.len < strlen(first) + UUID_TEXT_LEN || memcmp(data.ptr, first, strlen(first)) != 0 ||
        !memmem(data.ptr, data.len, mark, strlen(mark)))
        return;
    int64_t age_ms = age_of((struct str){data.ptr + strlen(first), UUID_TEXT_LEN});
    if (age_ms < 0)
        return;
    watch->took[MIN_OF(age_ms, (int64_t)MOST_MS)]++;
    watch->measured++;
    watch->max_ms = MAX_OF(watch->max_ms, age_ms);
}

/* ---- What is said ---- */

static int64_t share_took(const struct watch *watch, double share)
{
    int64_t below = 0, wanted = (int64_t)ceil(share * (double)watch->measured);
    for (int64_t ms = 0; ms <= MOST_MS; ms++)
        if ((below += watch->took[ms]) >= wanted)
            return ms;
    return MOST_MS;
}

static void show(const struct watch *watch, FILE *file)
{
    fprintf(file,
            "streams %zu of %zu open, %lld opened again; parents got %lld items, dashboards %lld "
            "messages\n",
            watch->streams.open, watch->streams.count, (long long)watch->streams.ended,
            (long long)watch->items, (long long)watch->messages);
}

static void report(const struct watch *watch)
{
    static const int bounds[] = {10, 20, 30, 50, 75, 100, 150, 200, 500, 1000, MOST_MS};
    show(watch, stdout);
    printf("from the mark's id to the parent's byte, %lld marks: p50 %lld p90 %lld p99 %lld max "
           "%lld ms\n",
           (long long)watch->measured, (long long)share_took(watch, 0.5),
           (long long)share_took(watch, 0.9), (long long)share_took(watch, 0.99),
           (long long)watch->max_ms);
    int64_t below = 0, ms = 0;
    for (size_t i = 0; i < COUNT_OF(bounds) && watch->measured; i++) {
        for (; ms <= bounds[i]; ms++)
            below += watch->took[ms];
        printf("  up to %5d ms %9lld  %5.1f %%\n", bounds[i], (long long)below,
               100.0 * (double)below / (double)watch->measured);
    }
}

/* ---- The run ---- */

/* Inboxes in turn of the accounts; dashboards at the republic and at districts. */
static void fill_streams(struct stream *items, const struct options *options,
                         const struct cookies *parents, const char *official, struct arena *arena)
{
    size_t count, unit = 0;
    const struct kato_unit *units = kato_units(&count);
    ensure(parents->count > 0);
    for (int64_t i = 0; i < options->streams; i++)
        items[i] = (struct stream){.path = "/v1/inbox/stream",
                                   .cookie = parents->items[(size_t)i % parents->count]};
    for (int64_t i = 0; i < options->dashboards; i++) {
        struct stream *stream = &items[options->streams + i];
        const char *node = "KZ";
        stream->cookie = official;
        do
            unit = (unit + 1) % count;
        while (units[unit].kind != KATO_DISTRICT);
        if (i % REPUBLIC_ONE_OF)
            node = arena_printf(arena, "%.*s", STR_ARG(units[unit].code));
        stream->path = arena_printf(arena, "/v1/indicators/stream?node=%s", node);
    }
}

/* Until all are open, then for so long; what came before all were open does not count. */
static void watch_run(struct watch *watch, int64_t seconds)
{
    int64_t begun = clock_monotonic(), shown = begun, end = 0;
    while (!stopped && (!end || clock_monotonic() < end)) {
        streams_work(&watch->streams, WAIT_MS);
        int64_t now = clock_monotonic();
        if (!end && (watch->streams.open == watch->streams.count || now > begun + OPEN_WAIT_US)) {
            end = now + seconds * 1000000;
            watch->items = watch->messages = watch->measured = watch->max_ms = 0;
            memset(watch->took, 0, sizeof watch->took);
        }
        if (now >= shown + SHOWN_EACH_US) {
            show(watch, stderr);
            shown = now;
        }
    }
}

static enum error watch_all(const struct options *given, const struct login *login,
                            struct watch *watch, struct arena *arena, struct err *err)
{
    struct options options = *given;
    struct cookies parents = {0};
    const char *official = NULL;
    if (sign_all_in(login->url, options.accounts, &parents, arena, err))
        return err->code;
    if (options.dashboards) {
        CURL *easy = curl_easy_init();
        official = sign_in(easy, login->url, login->official, login->password, arena);
        curl_easy_cleanup(easy);
        if (!official)
            return err_set(err, ERROR_UNAUTHORIZED, "%s cannot sign in", login->official);
    }
    options.streams = options.streams ? options.streams : (int64_t)parents.count;
    size_t count = (size_t)(options.streams + options.dashboards);
    struct stream *items = ARENA_ARRAY(arena, count, struct stream);
    fill_streams(items, &options, &parents, official, arena);
    watch->parents = (size_t)options.streams;
    watch->streams = (struct streams){.event = take_event, .context = watch};
    if (streams_open(&watch->streams, login->url, items, count, err))
        return err->code;
    watch_run(watch, options.seconds);
    report(watch);
    bool all = watch->streams.open == watch->streams.count;
    streams_close(&watch->streams);
    return all || stopped ? ERROR_NONE : err_set(err, ERROR_UNAVAILABLE, "not all are open");
}

static bool option_read(int option, struct options *options)
{
    switch (option) {
    case 'a':
        options->accounts = optarg;
        return true;
    case 'n':
        return str_to_int64(str_from(optarg), 1, 50000, &options->streams);
    case 'd':
        return str_to_int64(str_from(optarg), 0, 5000, &options->dashboards);
    case 's':
        return str_to_int64(str_from(optarg), 1, 86400, &options->seconds);
    default:
        return false;
    }
}

static bool options_read(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"accounts", required_argument, NULL, 'a'},
                                          {"streams", required_argument, NULL, 'n'},
                                          {"dashboards", required_argument, NULL, 'd'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!option_read(option, options))
            return false;
    return optind == argc && options->accounts;
}

static void usage_print(void)
{
    CLEANUP(buf_done) struct buf settings = {0};
    conf_help(&login_settings, &settings);
    fprintf(stderr, "%s%.*s", usage, STR_ARG(buf_str(&settings)));
}

int main(int argc, char **argv)
{
    CLEANUP(arena_done) struct arena arena = {0};
    static struct watch watch;
    struct options options = {.seconds = 60};
    struct login login = {0};
    struct err err = {0};
    struct sigaction action = {.sa_handler = stop};
    log_open("watch", "watch", 0, LOG_INFO);
    if (!options_read(argc, argv, &options)) {
        usage_print();
        return 2;
    }
    if (conf_read(&login_settings, &login, &arena, &err)) {
        log_error("settings", &err);
        return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (watch_all(&options, &login, &watch, &arena, &err))
        log_error("the end", &err);
    curl_global_cleanup();
    return err.code ? 1 : 0;
}
