/* What the files of app keys share. */
#pragma once

#include "fcgi/app.h"

extern const struct route keys_routes[], health_routes[];
