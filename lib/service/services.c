/* The table, in a file of its own: the program of tests/fixtures brings another. */
#include "service/service.h"

const struct service services[] = {
#define APP(name_, what_, ...) {.name = #name_, .kind = SERVICE_APP, .what = what_, __VA_ARGS__},
#define WORKER(name_, what_, ...) {.name = #name_, .kind = SERVICE_WORKER, .what = what_, __VA_ARGS__},
#define IMAGE(name_, what_, ...) {.name = #name_, .kind = SERVICE_IMAGE, .what = what_, __VA_ARGS__},
#define INTAKE(name_, what_, ...) {.name = #name_, .kind = SERVICE_INTAKE, .what = what_, __VA_ARGS__},
#include "service/service.def"
    {.name = NULL},
};
