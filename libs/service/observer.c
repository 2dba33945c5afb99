/* One thread, one connection at a time, one answer and the connection ends. It must work when
 * nothing else does, so it uses neither the loop nor any library that could wait. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "service/service_internal.h"

enum { REQUEST_BYTES = 4096, EXCHANGE_MS = 1000, BACKLOG = 16 };

struct observer {
    const struct process *process;
    struct health *health;
    const char *path;
    int listening, ending; /* sockets; an eventfd that becomes readable when the thread is to end */
    pthread_t thread;
    int64_t started_us;
};

/* ---- Health ---- */

void health_beat(struct health *health)
{
    health->beat_us = clock_monotonic();
}

void health_rest(struct health *health)
{
    health->beat_us = 0;
}

void process_alive(const struct process *process)
{
    if (process->health)
        health_beat(process->health);
}

static bool is_alive(const struct health *health)
{
    int64_t beat_us = health->beat_us;
    return beat_us == 0 || clock_monotonic() - beat_us < HEALTH_STALE_US;
}

/* ---- Answers ---- */

static int answer_live(struct observer *observer, struct buf *body)
{
    bool alive = is_alive(observer->health);
    buf_printf(body, "{\"alive\":%s}\n", alive ? "true" : "false");
    return alive ? 200 : 503;
}

static int answer_ready(struct observer *observer, struct buf *body)
{
    bool ready = is_alive(observer->health);
    buf_printf(body, "{\"checks\":{\"alive\":%s", ready ? "true" : "false");
    for (int i = 0; i < HEALTH_CHECKS && observer->health->checks[i].name; i++) {
        const struct check *check = &observer->health->checks[i];
        bool ok = check->ok;
        buf_printf(body, ",\"%s\":%s", check->name, ok ? "true" : "false");
        ready = ready && ok;
    }
    buf_add_text(body, "},\"troubles\":");
    metric_print_troubles(body);
    buf_printf(body, ",\"ready\":%s}\n", ready ? "true" : "false");
    return ready ? 200 : 503;
}

static void add_gauge(struct buf *out, const char *name, const char *help, double value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.0f\n", name, help, name, name, value);
}

static double resident_bytes(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    const char *second = strchr(text, ' ');
    return second ? strtod(second, NULL) * (double)sysconf(_SC_PAGESIZE) : 0;
}

static double open_files(void)
{
    double count = -3; /* ".", ".." and the folder itself */
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int answer_metrics(struct observer *observer, struct buf *body)
{
    metric_print(body);
    buf_printf(body,
               "# HELP process_cpu_seconds_total Time on a processor.\n"
               "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.6f\n",
               cpu_seconds());
    add_gauge(body, "process_resident_memory_bytes", "Memory in use.", resident_bytes());
    add_gauge(body, "process_open_fds", "Open descriptors.", open_files());
    buf_printf(body,
               "# HELP process_start_time_seconds Start, in seconds since 1970.\n"
               "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n",
               (double)observer->started_us * 1e-6);
    buf_printf(body,
               "# HELP eiso_build_info What is running.\n# TYPE eiso_build_info gauge\n"
               "eiso_build_info{service=\"%s\",role=\"%s\",version=\"%s\"} 1\n",
               observer->process->service->name, observer->process->role, EISO_VERSION);
    return 200;
}

static int answer_version(struct observer *observer, struct buf *body)
{
    buf_printf(body, "{\"service\":\"%s\",\"role\":\"%s\",\"version\":\"%s\"}\n",
               observer->process->service->name, observer->process->role, EISO_VERSION);
    return 200;
}

static const struct page {
    const char *path, *content_type;
    int (*answer)(struct observer *observer, struct buf *body);
} pages[] = {
    {"/livez", "application/json", answer_live},
    {"/readyz", "application/json", answer_ready},
    {"/metrics", "text/plain; version=0.0.4", answer_metrics},
    {"/version", "application/json", answer_version},
};

static const struct page *page_find(const char *request)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        size_t length = strlen(pages[i].path);
        if (strncmp(request, "GET ", 4) == 0 && strncmp(request + 4, pages[i].path, length) == 0 &&
            request[4 + length] == ' ')
            return &pages[i];
    }
    return NULL;
}

static void answer(struct observer *observer, const char *request, struct buf *out)
{
    CLEANUP(buf_done) struct buf body = {0};
    const struct page *page = page_find(request);
    int status = page ? page->answer(observer, &body) : 404;
    const char *reason = status == 200 ? "OK" : page ? "Service Unavailable" : "Not Found";
    buf_printf(out,
               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
               "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
               status, reason, page ? page->content_type : "text/plain", body.len);
    buf_add_str(out, buf_str(&body));
}

/* ---- Exchange: bounded in bytes and in time ---- */

static bool wait_for(int fd, short events, int64_t deadline_us)
{
    int64_t left_ms = (deadline_us - clock_monotonic()) / 1000;
    struct pollfd wait = {.fd = fd, .events = events};
    return left_ms > 0 && poll(&wait, 1, (int)left_ms) > 0;
}

static bool read_request(int fd, char request[REQUEST_BYTES], int64_t deadline_us)
{
    size_t length = 0;
    while (length < REQUEST_BYTES - 1 && wait_for(fd, POLLIN, deadline_us)) {
        ssize_t got = recv(fd, request + length, REQUEST_BYTES - 1 - length, MSG_DONTWAIT);
        if (got <= 0)
            return false;
        length += (size_t)got;
        request[length] = '\0';
        if (strstr(request, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void write_answer(int fd, struct str bytes, int64_t deadline_us)
{
    while (bytes.len && wait_for(fd, POLLOUT, deadline_us)) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return;
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
}

static void serve(struct observer *observer, int fd)
{
    char request[REQUEST_BYTES] = "";
    CLEANUP(buf_done) struct buf out = {0};
    int64_t deadline_us = clock_monotonic() + EXCHANGE_MS * INT64_C(1000);
    if (read_request(fd, request, deadline_us)) {
        answer(observer, request, &out);
        write_answer(fd, buf_str(&out), deadline_us);
    }
    close(fd);
}

static void *observe(void *argument)
{
    struct observer *observer = argument;
    struct pollfd waits[] = {{.fd = observer->listening, .events = POLLIN},
                             {.fd = observer->ending, .events = POLLIN}};
    for (;;) {
        if (poll(waits, COUNT_OF(waits), -1) < 0)
            continue;
        if (waits[1].revents)
            return NULL;
        int fd = accept4(observer->listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            serve(observer, fd);
        else
            clock_sleep_ms(10); /* out of descriptors: do not spin */
    }
}

/* ---- Beginning and end ---- */

static enum error listen_at(const char *path, int *listening, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERROR_INVALID, "EISO_OBSERVER: the path is too long: %s", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
        enum error code = err_set(err, ERROR_INTERNAL, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return code;
    }
    *listening = fd;
    return ERROR_NONE;
}

/* Signals are the role's: the thread is started with all of them blocked. */
static int thread_start(struct observer *observer)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&observer->thread, NULL, observe, observer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum error observer_open(struct observer **observer, struct process *process, struct health *health,
                         struct err *err)
{
    const char *path = process->common.observer;
    process->health = health;
    *observer = NULL;
    if (!*path)
        return ERROR_NONE;
    int listening = -1;
    enum error code = listen_at(path, &listening, err);
    if (code)
        return code;
    struct observer *made = mem_alloc(sizeof *made);
    *made = (struct observer){.process = process,
                              .health = health,
                              .path = path,
                              .listening = listening,
                              .ending = eventfd(0, EFD_CLOEXEC),
                              .started_us = clock_now()};
    ensure(made->ending >= 0);
    ensure(thread_start(made) == 0);
    *observer = made;
    return ERROR_NONE;
}

void observer_close(struct observer *observer)
{
    if (!observer)
        return;
    eventfd_write(observer->ending, 1);
    pthread_join(observer->thread, NULL);
    close(observer->listening);
    close(observer->ending);
    unlink(observer->path);
    free(observer);
}

void observer_close_at(struct observer **observer)
{
    observer_close(*observer);
}
