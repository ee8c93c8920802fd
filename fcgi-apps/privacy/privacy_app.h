/* What the files of the app privacy share. */
#pragma once

#include "fcgi/app.h"

extern const struct route data_routes[];
extern const struct route policy_routes[];
