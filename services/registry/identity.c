#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"

enum { KEY_BYTES = 43, BLOCK_BYTES = 64, DIGEST_BYTES = 32 };

static struct {
    bool loaded;
    uint8_t bytes[KEY_BYTES];
} key;

static void close_at(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static enum error key_read(const char *path, struct err *err)
{
    CLEANUP(close_at) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, "%s: %s", path,
                       strerror(errno));
    if (status.st_mode & 077)
        return err_set(err, ERROR_INVALID, "%s: may be read by others", path);
    if (status.st_size != KEY_BYTES || read(fd, key.bytes, KEY_BYTES) != KEY_BYTES)
        return err_set(err, ERROR_INVALID, "%s: is no key of %d bytes", path, KEY_BYTES);
    key.loaded = true;
    return ERROR_NONE;
}

/* Written whole beside its place first: nobody reads half a key, and the first one stays. */
static enum error key_make(const char *path, struct arena *arena, struct err *err)
{
    const char *fresh = arena_printf(arena, "%s.%d", path, (int)getpid());
    CLEANUP(close_at) int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct str secret = secret_make(arena);
    bool written = fd >= 0 && write(fd, secret.ptr, secret.len) == (ssize_t)secret.len &&
                   fsync(fd) == 0 && (link(fresh, path) == 0 || errno == EEXIST);
    int reason = errno;
    unlink(fresh);
    return written ? ERROR_NONE : err_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(reason));
}

enum error identity_open(const char *folder, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/identity.key", folder);
    enum error code = key_read(path, err);
    if (code == ERROR_NOT_FOUND)
        code = key_make(path, &arena, err);
    return code || key.loaded ? code : key_read(path, err);
}

/* RFC 2104: the digest of the padded key and what follows it. */
static void digest_padded(uint8_t pad, struct str text, uint8_t digest[DIGEST_BYTES])
{
    CLEANUP(buf_done) struct buf block = {0};
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        buf_add_u8(&block, (i < KEY_BYTES ? key.bytes[i] : 0) ^ pad);
    buf_add_str(&block, text);
    secret_digest(buf_str(&block), digest);
}

struct uuid identity_hash(struct str text)
{
    struct uuid hash = {0};
    uint8_t digest[DIGEST_BYTES];
    ensure(key.loaded);
    if (!str_present(text))
        return hash;
    digest_padded(0x36, text, digest);
    digest_padded(0x5c, (struct str){(const char *)digest, sizeof digest}, digest);
    memcpy(&hash, digest, sizeof hash);
    return hash;
}
