#include "job.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "limits.h"

#define JOB_FDS 3

/* What goes to a process, with client_fd, in_fd and out_fd. */
struct image_job_order {
    struct image_request request;
    int64_t waited_us;
};

union image_job_control {
    char space[CMSG_SPACE(sizeof(int) * JOB_FDS)];
    struct cmsghdr align;
};

static ssize_t image_job_read(int fd, void *p, size_t size, int **fds, size_t fds_n)
{
    union image_job_control control;
    struct iovec iov = {.iov_base = p, .iov_len = size};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = CMSG_SPACE(sizeof(int) * fds_n)};

    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        for (size_t i = 0; i < fds_n && c->cmsg_len >= CMSG_LEN(sizeof(int) * (i + 1)); i++)
            memcpy(fds[i], CMSG_DATA(c) + sizeof(int) * i, sizeof(int));
    return n;
}

/* False: it is too short for a request. */
static bool image_job_fill_up(struct image_request *r, ssize_t n)
{
    if (n == IMAGE_WIRE_BEFORE_REQUEST_BYTES) {
        r->report_bytes = IMAGE_WIRE_BEFORE_REPORT_BYTES;
        r->errors = IMAGE_WIRE_BEFORE_ERRORS;
        r->background = IMAGE_BACKGROUND_WHITE;
        return true;
    }
    return n == sizeof *r;
}

static bool image_job_is_sound(const struct image_job *j)
{
    const struct image_request *r = &j->request;

    return r->version == IMAGE_WIRE_VERSION && j->in_fd >= 0 && j->out_fd >= 0 && r->timeout_sec > 0 &&
           r->timeout_sec <= IMAGE_TIMEOUT_SEC_MAX && r->queue_us >= 0 && r->queue_us <= IMAGE_QUEUE_US_MAX &&
           r->need_bytes > 0 && r->need_bytes <= IMAGE_NEED_MAX_BYTES &&
           r->report_bytes >= IMAGE_WIRE_BEFORE_REPORT_BYTES && r->errors >= IMAGE_WIRE_BEFORE_ERRORS &&
           r->background <= IMAGE_BACKGROUND_WHITE;
}

bool image_job_receive(int client_fd, struct image_job *ret)
{
    struct image_job j = IMAGE_JOB_NONE;
    int *fds[] = {&j.in_fd, &j.out_fd};

    ssize_t n = image_job_read(client_fd, &j.request, sizeof j.request, fds, ARRAY_LEN(fds));
    if (image_job_fill_up(&j.request, n) && image_job_is_sound(&j)) {
        j.client_fd = client_fd;
        *ret = j;
        return true;
    }
    image_job_close(&j);
    return false;
}

bool image_job_send(int fd, const struct image_job *j)
{
    struct image_job_order order = {.request = j->request, .waited_us = j->waited_us};
    const int fds[JOB_FDS] = {j->client_fd, j->in_fd, j->out_fd};
    union image_job_control control = {{0}};
    struct iovec iov = {.iov_base = &order, .iov_len = sizeof order};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    struct fault fault;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    if (fault_before(&fault, "hand over an image"))
        return false;
    return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof order && !fault_after(&fault);
}

bool image_job_take(int fd, struct image_job *ret)
{
    struct image_job j = IMAGE_JOB_NONE;
    struct image_job_order order;
    int *fds[JOB_FDS] = {&j.client_fd, &j.in_fd, &j.out_fd};

    if (image_job_read(fd, &order, sizeof order, fds, JOB_FDS) != sizeof order || j.out_fd < 0) {
        image_job_close(&j);
        return false;
    }
    j.request = order.request;
    j.waited_us = order.waited_us;
    *ret = j;
    return true;
}

void image_job_answer(const struct image_job *j, const struct image_report *r)
{
    struct image_report sent = *r;
    size_t n = MIN((size_t)j->request.report_bytes, sizeof sent);

    sent.err = image_wire_number((enum err)r->err);
    if (sent.err >= j->request.errors)
        sent.err = image_wire_number(ERR_IMAGE_CORRUPT);
    sent.waited_us = j->waited_us;
    (void)send(j->client_fd, &sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void image_job_close(struct image_job *j)
{
    fd_closep(&j->client_fd);
    fd_closep(&j->in_fd);
    fd_closep(&j->out_fd);
    *j = IMAGE_JOB_NONE;
}
