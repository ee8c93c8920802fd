#include "sandbox/sandbox.h"

static const char *const scripts_fail_reasons[] = {
    "file_format_check_failed",
    "picture_size_check_failed",
    "photo_pull_failed",
    "internal",
    "publish_cancelled",
    "auth_removed",
    "spam_risk_too_many_posts",
    "spam_risk_text",
    "spam_risk_user_banned_from_posting",
    "spam_risk",
    "duration_check_failed",
    "frame_rate_check_failed",
    "video_pull_failed",
};

/* Ways to fail in which TikTok says nothing that can be understood; nothing is told of it. */
static const struct scripts_silence {
    const char *name;
    int http;
    bool made, stuck;
} scripts_silences[] = {
    {"timeout", 504, false, false},        /* no answer in time, and no post */
    {"outcome_unknown", 504, true, false}, /* the same, but there is a post */
    {"confirmation_timeout", 0, true, true},
};

static bool scripts_script_silence(struct str value, struct scripts *s)
{
    for (size_t i = 0; i < ARRAY_LEN(scripts_silences); i++) {
        const struct scripts_silence *silence = &scripts_silences[i];
        if (!str_eqc(value, silence->name))
            continue;
        s->http = silence->http;
        s->made = silence->made;
        s->stuck = silence->stuck;
        return true;
    }
    return false;
}

static bool scripts_script_code(struct arena *arena, struct str value, struct scripts *s)
{
    if (answer_knows(value))
        s->code = arena_strdup(arena, value);
    return s->code != NULL;
}

/* After the images were fetched, if TikTok can say it then; else at init. */
static bool scripts_script_fail(struct arena *arena, struct str value, struct scripts *s)
{
    for (size_t i = 0; i < ARRAY_LEN(scripts_fail_reasons); i++)
        if (str_eqc(value, scripts_fail_reasons[i]))
            s->fail = arena_strdup(arena, value);
    return s->fail != NULL || scripts_script_code(arena, value, s) || scripts_script_silence(value, s);
}

static bool scripts_script_http(struct arena *arena, struct str value, struct scripts *s)
{
    struct str status;
    int64_t number;
    (void)arena;

    if (!str_cut(&value, ',', &status))
        status = value;
    else if (str_eqc(value, "made"))
        s->made = true;
    else
        return false;
    if (!str_to_i64(status, &number) || number < 200 || number > 599)
        return false;
    s->http = (int)number;
    return true;
}

static bool scripts_script_status(struct arena *arena, struct str value, struct scripts *s)
{
    (void)arena;
    s->stuck = str_eqc(value, "stuck");
    return s->stuck;
}

static bool scripts_script_moderation(struct arena *arena, struct str value, struct scripts *s)
{
    int64_t sec;
    (void)arena;

    if (!str_to_i64(value, &sec) || sec < 0 || sec > SANDBOX_MODERATION_MAX_SEC)
        return false;
    s->moderation_sec = sec;
    return true;
}

static bool scripts_script_app(struct arena *arena, struct str value, struct scripts *s)
{
    (void)arena;
    s->unaudited = str_eqc(value, "unaudited");
    return s->unaudited;
}

static const struct {
    const char *verb;
    bool (*read)(struct arena *arena, struct str value, struct scripts *s);
} scripts_verbs[] = {
    {"fail", scripts_script_fail},
    {"code", scripts_script_code},
    {"http", scripts_script_http},
    {"status", scripts_script_status},
    {"moderation", scripts_script_moderation},
    {"app", scripts_script_app},
};

static bool scripts_script_read(struct arena *arena, struct str script, struct scripts *s)
{
    struct str verb;

    if (!str_cut(&script, ':', &verb))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(scripts_verbs); i++)
        if (str_eqc(verb, scripts_verbs[i].verb))
            return scripts_verbs[i].read(arena, script, s);
    return true;
}

static const char *scripts_find(struct str s, const char *two)
{
    return s.n < 2 ? NULL : memmem(s.p, s.n, two, 2);
}

bool scripts_read(struct arena *arena, struct str text, struct scripts *ret_scripts)
{
    const char *from, *to;

    while ((from = scripts_find(text, "[[")) != NULL) {
        text = str_skip(text, (size_t)(from - text.p) + 2);
        to = scripts_find(text, "]]");
        if (to == NULL)
            break;
        if (!scripts_script_read(arena, str_head(text, (size_t)(to - text.p)), ret_scripts))
            return false;
        text = str_skip(text, (size_t)(to - text.p) + 2);
    }
    return true;
}
