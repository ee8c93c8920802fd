#include "auth/auth.h"
#include "model/key.h"

/* The user, and the key that asks. */
struct me {
	struct user user;
	bool by_key;
	struct key key;
};

#define USER_FIELDS(T, prefix) \
	{.name = "id", JSON_UUID(T, prefix id), .help = "The user's id"}, \
		{.name = "email", JSON_STR(T, prefix email), .help = "Address as registered", .policy = "account.email"}, \
		{.name = "name", JSON_STR(T, prefix name), .help = "Name, if given", .policy = "account.name"}, \
	{ \
		.name = "created_at", JSON_TIME(T, prefix created_at_us), .help = "Registration", .policy = "account.times" \
	}

static const struct json_field key_fields[] = {
	{.name = "id", JSON_UUID(struct key, id), .help = "The key's id"},
	{.name = "name", JSON_STR(struct key, name), .help = "Its name", .policy = "key.name"},
	{.name = "prefix", JSON_STR(struct key, prefix), .help = "Its first characters", .policy = "key.name"},
	JSON_END,
};

static const struct json_field me_fields[] = {
	USER_FIELDS(struct me, user.),
	{.name = "key",
     JSON_OBJECT(struct me, key, key_fields),
     JSON_GIVEN(struct me, by_key),
     .help = "The API key that asked; null for a session"},
	JSON_END,
};

static enum err me(struct ctx *c)
{
	struct me out = {.by_key = c->caller.kind == CALLER_KEY};

	enum err e = app_query_only(c, NULL);
	if (e == OK)
		e = user_by_id(c->db, c->arena, &c->caller.user_id, &out.user);
	if (e == OK && out.by_key)
		e = key_by_id(c->db, c->arena, &c->caller.user_id, &c->caller.key_id, &out.key);
	return e == OK ? reply_data(&c->rep, 200, me_fields, &out) : e;
}

const struct json_field auth_user_fields[] = {USER_FIELDS(struct user, ), JSON_END};

const struct route auth_me_routes[] = {
	{.method = "GET",
     .pattern = "/api/v1/me",
     .handler = me,
     .auth = AUTH_ANY,
     .rate = RATE_READ,
     .summary = "Who am I"},
	ROUTE_END,
};
