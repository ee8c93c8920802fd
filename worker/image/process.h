/*
 * One of the processes that do the work: takes one image after another from the scheduler, repairs it and answers its
 * client. It ends after a number of images, or when it has grown, so nothing that a decoder leaks or breaks lasts.
 */
#pragma once

#include "counts.h"

#define PROCESS_IMAGES_MAX 50 /* then a new process takes over: starting it takes 30 ms, less than 1 ms per image */

#define EXIT_TIMED_OUT 3 /* its decoder took too long */

/* fd: where images come from (job.h), and where a byte goes after each. Runs until it has served its number of images,
 * fd ends or it gets SIGTERM, which the caller must have blocked. The exit status. */
int process_run(int fd, struct counts *counts, size_t slot);
