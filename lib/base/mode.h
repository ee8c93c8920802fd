/*
 * Live and test: two worlds of accounts, posts and uploads that do not see each other. Live data goes to TikTok, test data to
 * the simulator; docs/test-keys.md says what that means to users. Who asks says in which world (fcgi/app.h).
 */
#pragma once

enum mode { MODE_LIVE, MODE_TEST, MODE__MAX };

/* As the API and the tables have them; ends with NULL. */
extern const char *const mode_names[];
