/* The resources of the app media, and what its threads share. */
#pragma once

#include "fcgi/app.h"
#include "media/outage.h"
#include "store/store.h"

struct media {
    struct outage outage;
    struct store store;
};

extern const struct route delivery_routes[]; /* delivery.c */
