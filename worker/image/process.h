/*
 * One of the processes that do the work: takes one connection after the other from the listening socket, repairs its
 * image, answers, and ends after so many images, so that nothing that a decoder leaks or breaks lasts.
 */
#pragma once

#include "counts.h"

#define EXIT_TIMED_OUT 3 /* its decoder did not come back in time */

/* Runs until it has served its images or gets SIGTERM (which is blocked, also in the caller). The exit status. */
int process_run(int listener, struct counts *counts, size_t slot);
