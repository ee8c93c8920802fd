/*
 * The processes of the image service: those that work on images (process.c), and one that shows the figures (counts.c).
 * Each has a socket of its own to here and no other descriptor of ours, so it sees no image but its own. One that ends is
 * replaced.
 *
 *    crew_fill(&crew);
 *    if (crew_is_free(&crew) && shares_begin(...))
 *        crew_hand_over(&crew, &job, share);
 *    ... crew_polls, poll, crew_hear, crew_reap: shares_end where an image has ended ...
 *    crew_end(&crew);
 */
#pragma once

#include <poll.h>
#include <sys/types.h>

#include "base/conf.h"
#include "counts.h"
#include "job.h"
#include "shares.h"

#define CREW_MAX (1 + PROCESSES_MAX)

struct crew_slot {
    pid_t pid; /* 0: empty */
    int fd;    /* -1: it takes no more images */
    int64_t since_us;
    int served;
    bool busy;
    size_t share; /* while it is busy */
    struct image_job
        job; /* likewise: of it, the request and the client, who is to hear if the process dies of the image */
};

struct crew {
    const struct conf *conf;
    struct counts *counts;
    struct shares *shares;
    size_t slots; /* of them, the first shows the figures */
    int64_t pause_until_us;
    struct crew_slot slot[CREW_MAX];
};

void crew_init(struct crew *c, const struct conf *conf, struct counts *counts, struct shares *shares);

/* Starts those that are missing; when they die too fast, only after a pause, whose end is in pause_until_us. */
void crew_fill(struct crew *c);

bool crew_is_free(struct crew *c);

/* Keeps the job's client_fd until the image has ended; the files stay the caller's. False: the process has died, and all of the
 * job stays the caller's. */
MUST_CHECK bool crew_hand_over(struct crew *c, struct image_job *j, size_t share);

/* Their sockets, at most CREW_MAX; the number. crew_hear looks at the same ones after poll. */
size_t crew_polls(const struct crew *c, struct pollfd *p);
void crew_hear(struct crew *c, const struct pollfd *p);

void crew_reap(struct crew *c); /* after SIGCHLD */
void crew_end(struct crew *c);  /* tells them to stop, and waits */
