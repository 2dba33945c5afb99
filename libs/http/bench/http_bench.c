/* What the library itself costs, without nginx and without a database.
 *
 *     http-bench requests [seconds]      POST of 200 B on 64 connections of one client process
 *     http-bench streams [subscribers]   memory of a subscriber; frames a second to all of them
 *
 * Client and server are two processes on one machine: figures hold only beside its number of cores.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/sse.h"

enum { CONNECTIONS = 64, BODY_BYTES = 200, EVENTS = 256, FRAMES = 100, SETTLE_MS = 500 };

static char socket_path[64];

/* ---- Server ---- */

struct streams {
    struct sse **items;
    size_t count, wanted;
    int sent;
    struct sse_frame *frame;
    struct loop_timer *tick;
    int64_t rss_before, sending_us;
};

static struct streams streams;

static int64_t rss_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void post(struct http_request *request)
{
    http_answer(request, 200, "application/json", STR("{\"created\":1}"));
}

static void stream_closed(struct sse *sse, void *context)
{
    (void)sse;
    struct loop *loop = context;
    if (streams.count > 0 && --streams.count == 0)
        loop_stop(loop);
}

static void send_to_all(void *context)
{
    (void)context;
    int64_t start = clock_monotonic();
    for (size_t i = 0; i < streams.wanted; i++)
        sse_send(streams.items[i], streams.frame);
    streams.sending_us += clock_monotonic() - start;
    if (++streams.sent < FRAMES) {
        loop_timer_set(streams.tick, 50);
        return;
    }
    printf("a frame of 200 B to all: %.1f ms, %.0f sends/s\n",
           (double)streams.sending_us / FRAMES / 1000,
           (double)streams.wanted * FRAMES * 1e6 / (double)streams.sending_us);
    for (size_t i = 0; i < streams.wanted; i++)
        sse_close(streams.items[i]);
}

static void stream(struct http_request *request)
{
    if (streams.count == 0)
        streams.rss_before = rss_bytes();
    streams.items[streams.count++] = sse_open(request, stream_closed, request->server);
    if (streams.count < streams.wanted)
        return;
    printf("%zu subscribers: %.0f B of process memory each\n", streams.wanted,
           (double)(rss_bytes() - streams.rss_before) / (double)streams.wanted);
    loop_timer_set(streams.tick, SETTLE_MS);
}

static const struct route routes[] = {
    {HTTP_POST, "/v1/items", post, .body_bytes = 4096},
    {HTTP_GET, "/v1/stream", stream, .stream = true},
};

static void stop(void *context)
{
    loop_stop(context);
}

static int serve(size_t subscribers)
{
    struct err err;
    struct http_server *server;
    struct loop *loop = loop_new();
    char data[BODY_BYTES];
    memset(data, 'x', sizeof data);
    streams.wanted = subscribers;
    streams.items = mem_alloc((subscribers + 1) * sizeof(struct sse *));
    streams.frame = sse_frame_new(STR("1.2.3"), "mark", (struct str){data, sizeof data});
    streams.tick = loop_timer_new(loop, send_to_all, loop);
    const struct http_server_options options = {.loop = loop,
                                                .socket_path = socket_path,
                                                .routes = ROUTES(routes),
                                                .context = loop,
                                                .most_connections = subscribers + 2 * CONNECTIONS};
    if (http_server_open(&server, &options, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    loop_on_signal(loop, SIGTERM, stop, loop);
    loop_run(loop);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("server: %.2f s of CPU\n",
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    streams.count = 0;
    http_server_close(server);
    sse_frame_free(streams.frame);
    loop_timer_free(streams.tick);
    free(streams.items);
    loop_free(loop);
    return 0;
}

/* ---- Client ---- */

static int connect_patiently(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 1000; i++) {
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        clock_sleep_ms(5);
    }
    perror("connect");
    exit(1);
}

static void send_all(int fd, const char *text, size_t length)
{
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) {
        perror("send");
        exit(1);
    }
}

static int open_many(int count, const char *text, size_t length)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++) {
        int fd = connect_patiently();
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        send_all(fd, text, length);
    }
    return epoll;
}

static void load(int64_t seconds)
{
    char text[512], answer[4096];
    struct epoll_event events[EVENTS];
    int length = snprintf(
        text, sizeof text,
        "POST /v1/items HTTP/1.1\r\nHost: eiso\r\nX-Request-Id: 0123456789abcdef\r\n"
        "Accept-Language: kk\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%0*d",
        BODY_BYTES, BODY_BYTES, 0);
    int epoll = open_many(CONNECTIONS, text, (size_t)length);
    int64_t start = clock_monotonic(), answered = 0;
    while (clock_monotonic() - start < seconds * 1000000) {
        int count = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < count; i++) {
            if (recv(events[i].data.fd, answer, sizeof answer, 0) <= 0 ||
                memcmp(answer, "HTTP/1.1 200", 12) != 0)
                exit(1);
            answered++;
            send_all(events[i].data.fd, text, (size_t)length);
        }
    }
    printf("%.0f requests/s\n", (double)answered * 1e6 / (double)(clock_monotonic() - start));
}

static void subscribe(int subscribers)
{
    static const char text[] = "GET /v1/stream HTTP/1.1\r\nHost: eiso\r\n\r\n";
    static char nowhere[65536];
    struct epoll_event events[EVENTS];
    int epoll = open_many(subscribers, text, sizeof text - 1);
    while (subscribers > 0) {
        int count = epoll_wait(epoll, events, EVENTS, 30000);
        for (int i = 0; i < count; i++) {
            if (recv(events[i].data.fd, nowhere, sizeof nowhere, 0) > 0)
                continue;
            close(events[i].data.fd);
            subscribers--;
        }
    }
}

int main(int argc, char **argv)
{
    bool requests = argc > 1 && strcmp(argv[1], "requests") == 0;
    bool stream_test = argc > 1 && strcmp(argv[1], "streams") == 0;
    int64_t number = requests ? 5 : 10000;
    if ((!requests && !stream_test) ||
        (argc > 2 && !str_to_int64(str_from(argv[2]), 1, 100000, &number))) {
        fprintf(stderr, "usage: http-bench requests [seconds] | streams [subscribers]\n");
        return 2;
    }
    const struct rlimit files = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    snprintf(socket_path, sizeof socket_path, "/tmp/eiso-http-bench-%d", (int)getpid());
    pid_t server = fork();
    if (server == 0)
        return serve(stream_test ? (size_t)number : 0);
    if (requests)
        load(number);
    else
        subscribe((int)number);
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    unlink(socket_path);
    return 0;
}
