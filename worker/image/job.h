/*
 * One image on its way through the service: what its sender asked, and three descriptors. The scheduler receives it from
 * a client and sends it on to a process (process.c), which answers the client itself.
 *
 *    if (image_job_receive(client_fd, &job)) ...
 *    image_job_send(fd, &job);         // to a process; the descriptors are copied, so close them here
 *    image_job_take(fd, &job);               // in the process
 *    image_job_answer(&job, &report);
 *    image_job_close(&job);
 */
#pragma once

#include "base/defs.h"
#include "image/wire.h"

struct image_job {
    struct image_request request;
    int64_t waited_us;
    int client_fd, in_fd, out_fd;
};

#define IMAGE_JOB_NONE ((struct image_job){.client_fd = -1, .in_fd = -1, .out_fd = -1})

/*
 * A client's message. The numbers in it are within their ranges; nothing is known of the files. On success the job has
 * client_fd; else that stays the caller's. False: it is no request, or the client has hung up.
 */
MUST_CHECK bool image_job_receive(int client_fd, struct image_job *ret);

/* Between the scheduler and its processes. Neither blocks. */
MUST_CHECK bool image_job_send(int fd, const struct image_job *j);
MUST_CHECK bool image_job_take(int fd, struct image_job *ret);

/* ret_report's err is an enum err here. For signal handlers, too. */
void image_job_answer(const struct image_job *j, const struct image_report *r);

void image_job_close(struct image_job *j);
