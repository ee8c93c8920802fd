/*
 * A gate in front of what could take every thread of a program: bcrypt, or calls to a machine elsewhere. At most
 * `running` threads are inside at a time, at most `waiting` others wait in line for at most wait_ms, and any more are
 * told to come again.
 *
 *    e = gate_enter(gate);
 *    if (e != OK)
 *        return e;
 *    ... password_hash ...
 *    gate_leave(gate);
 */
#pragma once

#include "base/err.h"

struct gate;

struct gate *gate_new(int running, int waiting, int wait_ms); /* running >= 1, waiting >= 0 */

/*
 * The gate of a program with so many threads: GATE_THREADS_KEPT of them are neither inside nor in line, whatever running
 * asks for, so that light requests go on. With three threads or fewer one may be inside and none waits.
 */
#define GATE_THREADS_KEPT 2
struct gate *gate_of_threads(int threads, int running, int wait_ms);

void gate_free(struct gate *gate);
DEFINE_FREEP(struct gate, gate_free)

MUST_CHECK enum err gate_enter(struct gate *gate); /* ERR_BUSY */
void gate_leave(struct gate *gate);
int gate_inside(struct gate *gate); /* how many are inside now */
