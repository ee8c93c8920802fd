#include "desk.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define REQUEST_US (5 * US_PER_SEC) /* for a client that connects and says nothing */

void desk_init(struct desk *d, int listener, struct counts *counts, struct shares *shares)
{
    *d = (struct desk){.listener = listener, .stop_us = INT64_MAX, .counts = counts, .shares = shares};
}

static void desk_leave(struct desk *d, size_t i)
{
    struct desk_client *client = &d->client[i];

    if (client->asked)
        image_job_close(&client->job);
    else
        (void)close(client->fd);
    *client = d->client[--d->clients];
}

static void desk_refuse(struct desk *d, struct image_job *j, enum err e, int64_t waited_us)
{
    struct image_report r = {.err = (int32_t)e};

    j->waited_us = waited_us;
    image_job_answer(j, &r);
    if (e == ERR_BUSY)
        counts_told_busy(d->counts);
}

static size_t desk_client_of(const struct desk *d, size_t share)
{
    size_t i = 0;

    while (!d->client[i].asked || d->client[i].share != share)
        i++; /* what waits has its client */
    return i;
}

void desk_give(struct desk *d, struct crew *c)
{
    size_t share;

    while (crew_is_free(c) && shares_begin(d->shares, &share)) {
        size_t i = desk_client_of(d, share);
        struct image_job *j = &d->client[i].job;
        j->waited_us = clock_mono_us() - d->client[i].came_us;
        if (!crew_hand_over(c, j, share)) {
            desk_refuse(d, j, ERR_IMAGE_SERVICE, j->waited_us);
            shares_end(d->shares, share);
        }
        desk_leave(d, i);
    }
    counts_waiting(d->counts, (int64_t)shares_waiting(d->shares));
}

size_t desk_polls(const struct desk *d, struct pollfd *p)
{
    p[0] = (struct pollfd){.fd = d->clients < DESK_MAX ? d->listener : -1, .events = POLLIN};
    for (size_t i = 0; i < d->clients; i++)
        p[1 + i] = (struct pollfd){.fd = d->client[i].fd, .events = d->client[i].asked ? 0 : POLLIN};
    return 1 + d->clients;
}

static void desk_accept(struct desk *d)
{
    int64_t now_us = clock_mono_us();
    int fd;

    while (d->clients < DESK_MAX && (fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        d->client[d->clients++] = (struct desk_client){.fd = fd, .until_us = now_us + REQUEST_US};
}

/* False: there is nobody to wait for. */
static bool desk_ask(struct desk *d, struct desk_client *client)
{
    if (!image_job_receive(client->fd, &client->job))
        return false;
    if (!shares_add(d->shares, client->job.request.user, client->job.request.need_bytes, &client->share)) {
        desk_refuse(d, &client->job, ERR_BUSY, 0);
        client->job.client_fd = -1; /* desk_leave closes it */
        image_job_close(&client->job);
        return false;
    }
    client->asked = true;
    client->came_us = clock_mono_us();
    client->until_us = MIN(client->came_us + client->job.request.queue_us, d->stop_us);
    return true;
}

static void desk_drop(struct desk *d, size_t i)
{
    if (d->client[i].asked)
        shares_end(d->shares, d->client[i].share);
    desk_leave(d, i);
}

void desk_hear(struct desk *d, const struct pollfd *p)
{
    int64_t now_us = clock_mono_us();

    /* From the end, because the last one takes the place of one that leaves. */
    for (size_t i = d->clients; i-- > 0;) {
        struct desk_client *client = &d->client[i];
        bool here = (p[1 + i].revents & (POLLHUP | POLLERR)) == 0;
        if (here && p[1 + i].revents != 0)
            here = desk_ask(d, client);
        bool late = now_us > client->until_us;
        if (here && late && client->asked)
            desk_refuse(d, &client->job, ERR_BUSY, now_us - client->came_us);
        if (!here || late)
            desk_drop(d, i);
    }
    if (p[0].revents != 0)
        desk_accept(d);
}

int64_t desk_until_us(const struct desk *d)
{
    int64_t until_us = INT64_MAX;

    for (size_t i = 0; i < d->clients; i++)
        until_us = MIN(until_us, d->client[i].until_us);
    return until_us;
}

void desk_stop(struct desk *d, int64_t wait_us)
{
    d->listener = -1;
    d->stop_us = clock_mono_us() + wait_us;
    for (size_t i = 0; i < d->clients; i++)
        d->client[i].until_us = MIN(d->client[i].until_us, d->stop_us);
}
