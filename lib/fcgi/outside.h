/*
 * Leave to wait for somebody else's machine: TikTok, Stripe, a remote store.
 *
 *    enum err e = outside_enter(c);
 *    if (e != OK)
 *        return e;
 *    ... the call ...
 *    outside_leave(c);
 *
 * At most conf.service_outside_max threads of a program wait at a time, so that a slow peer cannot take all of them.
 */
#pragma once

#include "fcgi/app.h"

/* ERR_BUSY at once when all places are taken; then nothing is to be left. */
MUST_CHECK enum err outside_enter(struct ctx *c);
void outside_leave(struct ctx *c);
