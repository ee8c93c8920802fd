/*
 * Permission to wait for somebody else's machine: TikTok.
 *
 *    enum err e = outside_enter(c);
 *    if (e != OK)
 *        return e;
 *    ... the call ...
 *    outside_leave(c);
 *
 * At most conf.service_outside_max threads of a program wait at the same time, so that a slow peer cannot take them
 * all.
 */
#pragma once

#include "fcgi/app.h"

/* ERR_BUSY, without waiting, when that many wait already; then outside_leave is not called. */
MUST_CHECK enum err outside_enter(struct ctx *c);
void outside_leave(struct ctx *c);
