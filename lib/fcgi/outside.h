/*
 * Permission to wait for somebody else's machine: TikTok.
 *
 *    enum err e = outside_enter(c);
 *    if (e != OK)
 *        return e;
 *    ... the call ...
 *    outside_leave(c);
 *
 * At most conf.service_outside_max threads of a program call at the same time, so that a slow peer cannot take them all.
 * As many as leave two threads free stand in line for them, for conf.service_queue_sec. So claim what works only once (an
 * OAuth state) after outside_enter: who is told to come again must still have it.
 */
#pragma once

#include "fcgi/app.h"

struct gate *outside_gate(const struct conf *conf); /* a program's one */

/* ERR_BUSY when the line is full or the wait was too long; then outside_leave is not called. */
MUST_CHECK enum err outside_enter(struct ctx *c);
void outside_leave(struct ctx *c);
