/* eiso-single: single marks, one a request, over some connections that each wait for their answer.
 *
 *   eiso-single TARGET CONNECTIONS SECONDS <PAIRS
 *
 * TARGET: unix:PATH, an api's own socket, or ADDRESS:PORT, the front door. PAIRS: lines "CLASS
 * LEARNER", enrolled today; each mark is of the next one. Environment: EISO_TOKEN, which may write
 * marks there. Prints how many were created in a second; exit code 1 where anything else was said.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/uuid.h"

enum { PAIRS_MOST = 100000, CONNECTIONS_MOST = 1024, ANSWER_BYTES = 4096, EVENTS = 64 };

struct pair {
    char class[UUID_TEXT_LEN + 1], learner[UUID_TEXT_LEN + 1];
};

struct connection {
    int fd;
    char answer[ANSWER_BYTES]; /* as far as it was read */
    size_t len;
};

struct run {
    struct pair *pairs;
    size_t pairs_count, next;
    const char *token;
    char today[DATE_TEXT_LEN + 1];
    struct connection *connections;
    int epoll;
    int64_t created;
    struct buf request;
};

static void fail(const char *what)
{
    fprintf(stderr, "eiso-single: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_pairs(struct run *run)
{
    run->pairs = calloc(PAIRS_MOST, sizeof *run->pairs);
    ensure(run->pairs);
    struct pair *pair = run->pairs;
    while (run->pairs_count < PAIRS_MOST && scanf("%36s %36s", pair->class, pair->learner) == 2)
        pair = &run->pairs[++run->pairs_count];
    if (!run->pairs_count)
        fail("no pairs");
}

static struct sockaddr_in front_address(const char *target)
{
    struct sockaddr_in front = {.sin_family = AF_INET};
    char address[INET_ADDRSTRLEN] = "";
    const char *colon = strrchr(target, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (port > 0 && port <= UINT16_MAX)
        snprintf(address, sizeof address, "%.*s", (int)(colon - target), target);
    errno = EINVAL;
    if (inet_pton(AF_INET, address, &front.sin_addr) != 1)
        fail("the target is neither unix:PATH nor ADDRESS:PORT");
    front.sin_port = htons((uint16_t)port);
    return front;
}

static int connect_to(const char *target)
{
    bool is_local = strncmp(target, "unix:", 5) == 0;
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in front = {0};
    if (is_local)
        snprintf(local.sun_path, sizeof local.sun_path, "%s", target + 5);
    else
        front = front_address(target);
    int fd = socket(is_local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *to =
        is_local ? (const struct sockaddr *)&local : (const struct sockaddr *)&front;
    if (fd < 0 || connect(fd, to, is_local ? sizeof local : sizeof front))
        fail(target);
    return fd;
}

static void send_mark(struct run *run, struct connection *connection)
{
    const struct pair *pair = &run->pairs[run->next++ % run->pairs_count];
    struct uuid id = uuid_v7();
    char id_text[UUID_TEXT_LEN + 1], body[512];
    uuid_format(&id, id_text);
    int len = snprintf(body, sizeof body,
                       "[{\"id\":\"%s\",\"class\":\"%s\",\"learner\":\"%s\",\"subject\":\"math\","
                       "\"kind\":\"formative\",\"points\":9,\"max_points\":10,\"date\":\"%s\","
                       "\"lesson\":3}]",
                       id_text, pair->class, pair->learner, run->today);
    buf_reset(&run->request);
    buf_printf(&run->request,
               "POST /v1/marks HTTP/1.1\r\nHost: single\r\nAuthorization: Bearer %s\r\n"
               "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
               run->token, len, body);
    connection->len = 0;
    if (send(connection->fd, run->request.ptr, run->request.len, MSG_NOSIGNAL) !=
        (ssize_t)run->request.len)
        fail("send");
}

/* Whether the answer is whole. */
static bool read_answer(struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->answer + connection->len,
                       sizeof connection->answer - 1 - connection->len, 0);
    if (got <= 0)
        fail("the connection ended");
    connection->len += (size_t)got;
    connection->answer[connection->len] = '\0';
    const char *body = strstr(connection->answer, "\r\n\r\n");
    const char *length = strcasestr(connection->answer, "content-length:");
    if (!body || !length)
        return false;
    size_t head = (size_t)(body + 4 - connection->answer);
    return connection->len >= head + strtoul(length + strlen("content-length:"), NULL, 10);
}

static void take_answer(struct run *run, const struct connection *connection)
{
    if (!strstr(connection->answer, "\"created\":1,")) {
        fprintf(stderr, "eiso-single: %s\n", connection->answer);
        exit(1);
    }
    run->created++;
}

static void open_all(struct run *run, const char *target, size_t count)
{
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    run->connections = calloc(count, sizeof *run->connections);
    ensure(run->epoll >= 0 && run->connections);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        run->connections[i].fd = connect_to(target);
        ensure(!epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->connections[i].fd, &event));
        send_mark(run, &run->connections[i]);
    }
}

/* Until the time is over; what is then under way is awaited. */
static void work(struct run *run, size_t count, int64_t end_us)
{
    struct epoll_event events[EVENTS];
    for (size_t under_way = count; under_way > 0;) {
        int ready = epoll_wait(run->epoll, events, EVENTS, 30000);
        if (ready <= 0)
            fail("no answer for 30 s");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = &run->connections[events[i].data.u64];
            if (!read_answer(connection))
                continue;
            take_answer(run, connection);
            if (clock_monotonic() < end_us)
                send_mark(run, connection);
            else
                under_way--;
        }
    }
}

int main(int count, char **arguments)
{
    struct run run = {.token = getenv("EISO_TOKEN")};
    long connections = count == 4 ? strtol(arguments[2], NULL, 10) : 0;
    long seconds = count == 4 ? strtol(arguments[3], NULL, 10) : 0;
    if (!run.token || connections < 1 || connections > CONNECTIONS_MOST || seconds < 1) {
        fputs("usage: EISO_TOKEN=... eiso-single unix:PATH|ADDRESS:PORT CONNECTIONS SECONDS\n",
              stderr);
        return 2;
    }
    read_pairs(&run);
    date_format(date_today(), run.today);
    int64_t begun_us = clock_monotonic();
    open_all(&run, arguments[1], (size_t)connections);
    work(&run, (size_t)connections, begun_us + seconds * 1000000);
    printf("%.0f\n", (double)run.created * 1e6 / (double)(clock_monotonic() - begun_us));
    for (long i = 0; i < connections; i++)
        close(run.connections[i].fd);
    close(run.epoll);
    buf_done(&run.request);
    free(run.connections);
    free(run.pairs);
    return 0;
}
