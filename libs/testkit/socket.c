#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "testkit/testkit.h"
#include "testkit/testkit_internal.h"

enum { READ_BYTES = 65536 };

int testkit_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >=
        (int)sizeof address.sun_path)
        testkit_fail("%s is too long for a socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

int testkit_send(const char *path, struct str request)
{
    int fd = testkit_connect(path);
    while (fd >= 0 && request.len) {
        ssize_t sent = send(fd, request.ptr, request.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            close(fd);
            return -1;
        }
        request.ptr += sent;
        request.len -= (size_t)sent;
    }
    return fd;
}

char *testkit_receive(struct arena *arena, int fd)
{
    CLEANUP(buf_done) struct buf answer = {0};
    for (ssize_t got = fd >= 0; got > 0; answer.len += got > 0 ? (size_t)got : 0) {
        buf_reserve(&answer, READ_BYTES);
        got = recv(fd, answer.ptr + answer.len, READ_BYTES, 0);
    }
    if (fd >= 0)
        close(fd);
    return arena_printf(arena, "%.*s", STR_ARG(buf_str(&answer)));
}

char *testkit_ask(struct arena *arena, const char *path, struct str request)
{
    return testkit_receive(arena, testkit_send(path, request));
}

int testkit_status(const char *answer)
{
    int status = 0;
    return sscanf(answer, "HTTP/1.1 %3d", &status) == 1 ? status : 0;
}

static bool is_ready(void *context)
{
    const char *const *path = context;
    CLEANUP(arena_done) struct arena arena = {0};
    return testkit_status(
               testkit_ask(&arena, *path, STR("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"))) == 200;
}

void testkit_wait_ready(const char *path, int64_t timeout_ms)
{
    if (!testkit_wait_until(is_ready, &path, timeout_ms))
        testkit_fail("%s: not ready within %lld ms", path, (long long)timeout_ms);
}
