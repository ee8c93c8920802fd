#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "image/image.h"
#include "image/wire.h"

/* Beyond the times that the service keeps: for what is neither waiting nor repairing. */
#define SLACK_SEC 5

static enum err image_client_open_socket(const char *path, const struct image_order *o, int *ret_fd)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = o->timeout_sec + o->queue_us / US_PER_SEC + SLACK_SEC};
    size_t n = strlen(path);

    ASSERT(n < sizeof a.sun_path);
    memcpy(a.sun_path, path, n);
    _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    /* The send timeout also bounds connect when the backlog is full (unix(7)). */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 || connect(fd, (void *)&a, sizeof a) < 0)
        return ERR_IMAGE_SERVICE;
    *ret_fd = fd;
    fd = -1;
    return OK;
}

static enum err image_client_send_request(int fd, const struct image_order *o)
{
    struct image_request rq = {.version = IMAGE_WIRE_VERSION,
                               .timeout_sec = o->timeout_sec,
                               .need_bytes = o->need_bytes,
                               .queue_us = o->queue_us,
                               .report_bytes = sizeof(struct image_report),
                               .errors = image_wire_errors(),
                               .background = o->background};
    const int fds[IMAGE_WIRE_FDS] = {o->in_fd, o->out_fd};
    union {
        char space[CMSG_SPACE(sizeof fds)];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec iov = {.iov_base = &rq, .iov_len = sizeof rq};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    ssize_t n;

    memcpy(rq.user, o->user_id.b, sizeof rq.user);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    do
        n = sendmsg(fd, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == sizeof rq ? OK : ERR_IMAGE_SERVICE;
}

/* What a process says that an image has taken over, it may say of anything. */
static bool image_client_is_sound(const struct image_report *r)
{
    return r->provenance >= IMAGE_NOT_LOOKED && r->provenance <= IMAGE_AI_GENERATED && r->type >= IMAGE_JPEG &&
           r->type <= IMAGE_HEIC && (r->kept == IMAGE_JPEG || r->kept == IMAGE_WEBP);
}

static enum err image_client_receive_report(int fd, struct image_report *ret)
{
    struct image_report r = {.provenance = IMAGE_NOT_LOOKED, .kept = IMAGE_JPEG}; /* as one of before means it */
    enum err e;
    ssize_t n;

    do
        n = recv(fd, &r, sizeof r, 0);
    while (n < 0 && errno == EINTR);
    /* End of file: the process that had the image was killed, or the service was. */
    if ((n != sizeof r && n != IMAGE_WIRE_BEFORE_REPORT_BYTES) || !image_wire_error(r.err, &e))
        return ERR_IMAGE_SERVICE;
    if (e == OK && !image_client_is_sound(&r))
        return ERR_IMAGE_SERVICE;
    r.err = OK;
    if (e == OK)
        *ret = r;
    return e;
}

enum err image_repair(const char *socket_path, const struct image_order *order, struct image_report *ret)
{
    _cleanup_(fd_closep) int fd = -1;
    struct fault fault;

    ASSERT(order->timeout_sec >= 1 && order->timeout_sec <= IMAGE_TIMEOUT_SEC_MAX && order->queue_us >= 0 &&
           order->queue_us <= IMAGE_QUEUE_US_MAX);
    if (fault_before(&fault, "ask for a repair"))
        return ERR_IMAGE_SERVICE;
    enum err e = image_client_open_socket(socket_path, order, &fd);
    if (e == OK)
        e = image_client_send_request(fd, order);
    if (e == OK)
        e = image_client_receive_report(fd, ret);
    return fault_after(&fault) ? ERR_IMAGE_SERVICE : e;
}
