/*
 * Functions that do not compile here, and what to use instead. The idea is git's banned.h. It is done with the
 * deprecated attribute, which is an error in this build and leaves the headers of other libraries alone. The build
 * includes this file before everything else (-include), because an attribute must come before a definition.
 */
#pragma once

#include <sys/types.h>

struct tm;

#define BANNED(instead) __attribute__((deprecated("banned: " instead)))

extern char *strcpy(char *, const char *) BANNED("use struct buf or snprintf");
extern char *strcat(char *, const char *) BANNED("use struct buf");
extern int sprintf(char *, const char *, ...) BANNED("use struct buf or snprintf");
extern char *strtok(char *, const char *) BANNED("use str_next");
extern int atoi(const char *) BANNED("use str_to_i64");
extern struct tm *gmtime(const time_t *) BANNED("use gmtime_r");
extern struct tm *localtime(const time_t *) BANNED("times are UTC");
extern int rand(void) BANNED("use rand_bytes");
extern int system(const char *) BANNED("start nothing through a shell");

#undef BANNED
