/*
 * The gate in front of bcrypt: a hash takes a processor for a quarter of a second, so at most `running` threads
 * compute one at a time, at most `waiting` others wait in line for at most wait_ms, and any more are told to come
 * again. Without it a burst of sign-ins would take every processor and every thread of the program.
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
