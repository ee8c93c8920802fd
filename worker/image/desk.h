/*
 * Where the clients of the image service stand: takes their connections and requests, lets them wait for their turn
 * (shares.h), and tells those that would wait too long to come again, whether or not a process is free. It never reads a
 * byte of an image.
 *
 *    desk_give(&desk, &crew);                   // who may begin now
 *    n = desk_polls(&desk, p);
 *    poll(p, n, desk_until_us(&desk) ...);
 *    desk_hear(&desk, p);
 */
#pragma once

#include <poll.h>

#include "crew.h"

#define DESK_SILENT_MAX 16 /* of those that have not asked yet: a client asks as soon as it is connected */
#define DESK_MAX (SHARES_WAITING_MAX + DESK_SILENT_MAX)

struct desk_client {
    int fd;
    bool asked;
    int64_t came_us, until_us; /* then it is told to come again or, if it has not asked yet, left */
    struct image_job job;      /* once it has asked; its client_fd is fd */
    size_t share;
};

struct desk {
    int listener;    /* -1: no more */
    int64_t stop_us; /* nobody waits longer */
    struct counts *counts;
    struct shares *shares;
    size_t clients;
    struct desk_client client[DESK_MAX];
};

void desk_init(struct desk *d, int listener, struct counts *counts, struct shares *shares);

/* Gives those whose turn it is to processes that are free. */
void desk_give(struct desk *d, struct crew *c);

/* The descriptors to wait for, at most 1 + DESK_MAX; the number. desk_hear looks at the same ones after poll. */
size_t desk_polls(const struct desk *d, struct pollfd *p);
void desk_hear(struct desk *d, const struct pollfd *p);

/* When desk_hear has something to do without anybody saying so. */
int64_t desk_until_us(const struct desk *d);

/* Accepts no more; those that are here wait no longer than wait_us from now. */
void desk_stop(struct desk *d, int64_t wait_us);
