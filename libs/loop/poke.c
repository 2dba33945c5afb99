#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"

static bool poke_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, path, strlen(path) + 1);
    return true;
}

enum error poke_open(const char *path, int *fd, struct err *err)
{
    struct sockaddr_un address;
    if (!poke_address(path, &address))
        return err_set(err, ERROR_INVALID, "socket path is too long: %s", path);
    int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return err_set(err, ERROR_INTERNAL, "socket: %s", strerror(errno));
    unlink(path);
    if (bind(made, (const struct sockaddr *)&address, sizeof address) != 0) {
        enum error code = err_set(err, ERROR_INTERNAL, "bind %s: %s", path, strerror(errno));
        close(made);
        return code;
    }
    *fd = made;
    return ERROR_NONE;
}

static bool poke_drain(int fd)
{
    char byte;
    bool any = false;
    while (recv(fd, &byte, sizeof byte, MSG_DONTWAIT) >= 0)
        any = true;
    return any;
}

bool poke_wait(int fd, int64_t timeout_ms)
{
    if (fd < 0) {
        clock_sleep_ms(timeout_ms);
        return false;
    }
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, (int)timeout_ms) > 0 && poke_drain(fd);
}

void poke_send(const char *path)
{
    static int sender = -1;
    struct sockaddr_un address;
    if (sender < 0)
        sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sender < 0 || !poke_address(path, &address))
        return;
    ssize_t sent =
        sendto(sender, "", 1, MSG_DONTWAIT, (const struct sockaddr *)&address, sizeof address);
    (void)sent; /* nobody listens, or there is a poke already: both are fine */
}
