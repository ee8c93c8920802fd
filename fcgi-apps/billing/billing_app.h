/* What the files of the app billing share. */
#pragma once

#include "fcgi/app.h"

extern const struct route billing_routes[];
