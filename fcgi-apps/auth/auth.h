/* What the files of app auth share. */
#pragma once

#include "fcgi/app.h"
#include "model/user/user.h"

extern const struct route auth_register_routes[], auth_session_routes[], auth_me_routes[];

/* The user as the API shows it, over struct user. */
extern const struct json_field auth_user_fields[];
