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
void gate_free(struct gate *gate);
DEFINE_FREEP(struct gate, gate_free)

MUST_CHECK enum err gate_enter(struct gate *gate); /* ERR_BUSY */
void gate_leave(struct gate *gate);
int gate_inside(struct gate *gate); /* how many are inside now */
