#include "net/certificate.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static bool certificate_connect(int fd, const char *path, int timeout_ms)
{
    struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(path);

    if (n >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(a.sun_path, path, n);
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0 &&
           connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;
}

static bool certificate_end_of(const SSL *ssl, int64_t *ret_ends_us)
{
    X509 *shown = SSL_get1_peer_certificate(ssl);
    struct tm tm;

    bool known = shown != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(shown), &tm) == 1;
    X509_free(shown);
    if (known)
        *ret_ends_us = (int64_t)timegm(&tm) * US_PER_SEC;
    return known;
}

static bool certificate_shake_hands(int fd, const char *name, int64_t *ret_ends_us)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx == NULL ? NULL : SSL_new(ctx);

    bool known = ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1 &&
                 SSL_connect(ssl) == 1 && certificate_end_of(ssl, ret_ends_us);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return known;
}

enum probe_state certificate_look(const char *path, const char *name, int timeout_ms, int64_t *ret_ends_us)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum probe_state state = PROBE_SILENT;

    if (fd < 0)
        return state;
    if (!certificate_connect(fd, path, timeout_ms))
        state = errno == EACCES || errno == EPERM ? PROBE_REFUSED : errno == EAGAIN ? PROBE_SILENT : PROBE_GONE;
    else if (certificate_shake_hands(fd, name, ret_ends_us))
        state = PROBE_ANSWERS;
    (void)close(fd);
    return state;
}
