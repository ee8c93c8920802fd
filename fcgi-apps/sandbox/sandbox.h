/*
 * The TikTok simulator: TikTok's own paths, fields, codes and manners, on a host name of its own. It serves the demo,
 * the tests, and keys for trying things out. Where TikTok's documentation leaves something open, a comment says so.
 *
 * Answers are TikTok's: an envelope {"data", "error": {"code", "message", "log_id"}} for the API, flat JSON for OAuth,
 * HTML for people (nginx says its Content-Security-Policy and Cache-Control, for the whole host). All its state is in
 * the sandbox_* tables; it has no secrets but those that it has issued to us.
 */
#pragma once

#include "fcgi/app.h"
#include "model/sandbox/sandbox.h"
#include "model/sandbox/sandbox_publish.h"
#include "tiktok/tiktok.h"

#define SANDBOX_BODY_MAX (256u << 10) /* 35 URLs of 2 KiB, a description of 4000 units, escaped */
#define SANDBOX_FORM_MAX (16u << 10)

/* Answers (answer.c). All return OK, for the handler's return. */
MUST_CHECK enum err answer_data(struct ctx *c, struct str json); /* an object's text */

MUST_CHECK enum err answer_blocked(struct ctx *c, struct str code); /* 200 with this code: for creator_info only */

/* Answers a code of the table with its documented status; message NULL: that of the table. */
MUST_CHECK enum err answer_refused(struct ctx *c, const char *code, const char *message);
bool answer_knows(struct str code);
void answer_error(struct ctx *c, enum err e); /* app_sandbox.answer_error: no answer of the host has our envelope */
MUST_CHECK enum err answer_status(struct ctx *c, int status); /* a scripted HTTP status */

MUST_CHECK enum err answer_flat(struct ctx *c, struct str json);
MUST_CHECK enum err answer_oauth_error(struct ctx *c, const char *error, const char *description);

/* HTML (html.c): a page that loads nothing from anywhere. */
void html_put(struct buf *b, struct str text); /* escaped, for text and quoted attributes */
void html_open(struct buf *b, const char *title);
MUST_CHECK enum err answer_html(struct ctx *c, int status, struct buf *page); /* closes the page */

/* Where the images of our own test posts are, and what comes before their path (publish.c). */
struct str publish_own_media(struct arena *arena, const struct conf *conf);

/* The caps that hold for an app (publish.c). */
struct sandbox_caps publish_caps(const struct ctx *c, bool audited);

/*
 * Checks who calls (caller.c): the Bearer token, whether it has one of the scopes (comma between them), the rate.
 * False: the refusal has been answered, or *ret_err says what went wrong.
 */
#define CALL_NOT_LIMITED (-1)
MUST_CHECK bool caller_check(struct ctx *c, const char *any_scope, int call, struct sandbox_caller *ret_caller,
                             enum err *ret_err);

/* The scopes there are. */
struct scope {
    const char *name, *what;
};
extern const struct scope scopes[]; /* ends with a NULL name */

/* What init gets. */
struct init_post_info {
    struct str title, description, privacy_level;
    bool disable_comment, auto_add_music, is_aigc;
    bool brand_content_toggle, brand_organic_toggle, brand_content_given, brand_organic_given;
};
struct init_source_info {
    struct str source;
    struct strs photo_images;
    int64_t photo_cover_index;
    bool cover_given;
};
struct init_body {
    struct str media_type, post_mode;
    bool is_aigc;
    struct init_post_info post_info;
    struct init_source_info source_info;
};

/* The checks of init (rules.c): the first that fails, or NULL. */
struct rule_input {
    const struct init_body *body;
    const struct sandbox_caller *caller;
    struct str media_prefix;
    bool audited;
};
struct rule {
    bool (*broken)(const struct rule_input *in);
    const char *code, *message;
};
const struct rule *rules_check(const struct rule_input *in);

/*
 * Scripts (scripts.c), in the description or the title:
 *    [[fail:CODE]]        the post is made, pulled, and ends FAILED with this fail_reason; with a code that is none, init refuses
 *                         with it; timeout: init has no answer, and makes nothing; outcome_unknown: likewise, but the post is
 *                         made; confirmation_timeout: as status:stuck
 *    [[status:stuck]]    the post is made and never advances
 *    [[moderation:N]]     a public post has its number and its page N seconds after its end (0 to 86400)
 *    [[app:unaudited]]    this post is one of an app that TikTok has not audited
 *    [[code:CODE]]        init refuses with this code and its documented status; nothing is made
 *    [[http:NNN]]        init answers this HTTP status (200 to 599); nothing is made
 *    [[http:NNN,made]]    the same, but the post is made before: the outcome cannot be known from the answer
 * Another word in brackets is plain text; a wrong value is refused with invalid_param, so that no test waits in vain.
 */
struct scripts {
    const char *fail, *code; /* NULL: none */
    int http;                /* 0: none */
    int64_t moderation_sec;  /* -1: none */
    bool made, stuck, unaudited;
};
MUST_CHECK bool scripts_read(struct arena *arena, struct str text, struct scripts *ret_scripts);

/* Judges a fetched file as a photo (picture.c): "ok" or the fail_reason. */
struct picture {
    int64_t size_bytes, width, height;
    struct str sha256;
};
/* head: PICTURE_HEAD_BYTES to work in; the frame header of a JPEG may come after 1 MiB of EXIF and ICC. */
#define PICTURE_HEAD_BYTES (1u << 20)
MUST_CHECK const char *picture_check(int fd, uint8_t *head, struct arena *arena, struct picture *ret_picture);

/* What the threads share. */
struct sandbox_state {
    atomic_llong purged_at_us;                      /* by whichever of them was first */
    atomic_bool has_sender;                         /* one background thread is that of the Stripe simulator */
    atomic_bool trouble_is_told;                    /* and no puller has done anything since */
    bool sender_trouble_is_told;                    /* of the sender's thread alone */
    struct secret_ring stripe_keys, stripe_secrets; /* empty where Stripe is not simulated */
    /* Our client secrets, where the simulator stands in for TikTok; may be empty. Each is taken, webhooks are signed with the first. */
    struct secret_ring tiktok_secrets;
};

/* Whether what is TikTok for us is this simulator. */
bool sandbox_stands_in(const struct conf *conf);

/* The client that has a webhook (model/sandbox/sandbox_hook.h); absent: none (settings.c). */
struct str sandbox_hooked(const struct conf *conf, const struct sandbox_state *state);

/* One round of a background thread: milliseconds to wait before the next. */
int puller_round(const struct conf *conf, struct db *db, struct arena *arena, struct sandbox_state *state,
                 const atomic_bool *stopping);

/* Stripe's side: sandbox/stripe/stripe.h */
bool stripe_answers(const struct ctx *c); /* the path is one of Stripe's API, which is simulated */
void stripe_answer_error(struct ctx *c, enum err e);
extern const struct route stripe_customer_routes[], stripe_checkout_routes[], stripe_read_routes[], stripe_pay_routes[],
    stripe_portal_routes[];

extern const struct route oauth_routes[], consent_routes[], user_routes[], publish_routes[], page_routes[],
    settings_routes[];
