/*
 * One of the processes that do the work: takes one connection after another from the listening socket, repairs its
 * image and answers. It ends after a number of images, so nothing that a decoder leaks or breaks lasts.
 */
#pragma once

#include "counts.h"

#define EXIT_TIMED_OUT 3 /* its decoder took too long */

/* Runs until it has served its number of images or gets SIGTERM, which the caller must have blocked. The exit
 * status. */
int process_run(int listener, struct counts *counts, size_t slot);
