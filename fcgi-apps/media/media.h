/* The resources of the app media. */
#pragma once

#include "fcgi/app.h"

extern const struct route delivery_routes[]; /* delivery.c */
