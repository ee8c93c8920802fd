/* What the files of the verbs `privacy ...` share. */
#pragma once

#include "model/privacy/request.h"
#include "user.h"

/* A verb about a user: opens the desk, does its work, and notes that it was done. */
struct privacy_deed {
    enum request_what what;
    int (*run)(struct desk *desk, const struct given *given, const struct user *user);
};
/* The --reason. False after a complaint. */
bool privacy_reason(const struct given *given, struct str *ret_reason);
int privacy_do(const struct given *given, const struct privacy_deed *deed);
