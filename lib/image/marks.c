#include "image/marks.h"

#include "base/defs.h"
#include "base/str.h"

#define BETWEEN_MAX 16 /* what may stand between a name and its value: =" and the like, also in UTF-16 */
#define WORD_MAX 48
#define CREATOR_TOOL "creatortool" /* XMP's name of the program */

struct marks_word {
    const char *word;
    enum image_provenance means;
};

static const struct marks_word image_marks_source_types[], image_marks_generators[];

/* The next byte, in lower case and without the zeros that UTF-16 has; -1: the end. */
static int image_marks_next(struct image_view *v)
{
    struct image_view b;

    do
        if (!image_view_take(v, 1, &b))
            return -1;
    while (b.p[0] == 0);
    return b.p[0] >= 'A' && b.p[0] <= 'Z' ? b.p[0] + ('a' - 'A') : b.p[0];
}

/* word is in lower case. */
static bool image_marks_starts(struct image_view *v, const char *word)
{
    struct image_view rest = *v;

    for (; *word != '\0'; word++)
        if (image_marks_next(&rest) != *word)
            return false;
    *v = rest;
    return true;
}

/* Goes on after the next place where that stands. */
static bool image_marks_find(struct image_view *v, const char *word)
{
    struct image_view skipped;

    for (; v->n > 0; (void)image_view_take(v, 1, &skipped))
        if (v->p[0] != 0 && image_marks_starts(v, word))
            return true;
    return false;
}

static bool image_marks_has(struct image_view text, const char *word)
{
    return image_marks_find(&text, word);
}

static bool image_marks_is_letter(int c)
{
    return c >= 'a' && c <= 'z';
}

/* Over what stands between a name and its value. */
static void image_marks_skip(struct image_view *v)
{
    for (int i = 0; i < BETWEEN_MAX; i++) {
        struct image_view rest = *v;
        int c = image_marks_next(&rest);
        if (c < 0 || image_marks_is_letter(c))
            return;
        *v = rest;
    }
}

/* The letters that come next, as one of the words; all of them must be it. */
static enum image_provenance image_marks_word(struct image_view v)
{
    for (size_t i = 0; image_marks_source_types[i].word != NULL; i++) {
        struct image_view rest = v;
        if (image_marks_starts(&rest, image_marks_source_types[i].word) &&
            !image_marks_is_letter(image_marks_next(&rest)))
            return image_marks_source_types[i].means;
    }
    return IMAGE_NONE_FOUND;
}

enum image_provenance image_marks_source_type(struct image_view address)
{
    size_t last = 0;

    for (size_t i = 0; i < address.n; i++)
        if (address.p[i] == '/')
            last = i + 1;
    return image_marks_word((struct image_view){address.p + last, address.n - last});
}

/* {"Label":"1"}: it is generated; 2 and 3 mean "perhaps", and that platforms are to say so (GB 45438-2025 annex E). */
static enum image_provenance image_marks_label(struct image_view v)
{
    for (int i = 0; i < BETWEEN_MAX && v.n > 0; i++) {
        int c = image_marks_next(&v);
        if (c >= '1' && c <= '3')
            return c == '1' ? IMAGE_AI_GENERATED : IMAGE_AI_EDITED;
    }
    return IMAGE_NONE_FOUND;
}

static enum image_provenance image_marks_aigc(struct image_view text)
{
    enum image_provenance found = IMAGE_NONE_FOUND;

    while (image_marks_find(&text, "label"))
        found = MAX(found, image_marks_label(text));
    return found;
}

/* One of the generators' names is in the text, which is short. */
static enum image_provenance image_marks_generator(struct image_view text)
{
    text.n = MIN(text.n, 2 * WORD_MAX);
    for (size_t i = 0; image_marks_generators[i].word != NULL; i++)
        if (image_marks_has(text, image_marks_generators[i].word))
            return image_marks_generators[i].means;
    return IMAGE_NONE_FOUND;
}

static bool image_marks_is_end(uint8_t c)
{
    return c == '<' || c == '>' || c == '"' || c == '\'';
}

/*
 * The value that v begins with: an attribute's or an element's. After the end of an element the name of the next one is in its place. It
 * ends also at the name that it is of: a text of nothing but names would take seconds.
 */
static struct image_view image_marks_until(struct image_view v)
{
    size_t n = 0;

    for (; n < v.n && n < 2 * WORD_MAX && !image_marks_is_end(v.p[n]); n++) {
        struct image_view rest = {v.p + n, v.n - n};
        if (image_marks_starts(&rest, CREATOR_TOOL))
            break;
    }
    return (struct image_view){v.p, n};
}

enum image_provenance image_marks_xmp(struct image_view text)
{
    enum image_provenance found = IMAGE_NONE_FOUND;

    for (struct image_view v = text; image_marks_find(&v, "digitalsourcetype");) {
        image_marks_skip(&v);
        found = MAX(found, image_marks_word(v));
    }
    for (struct image_view v = text; image_marks_find(&v, CREATOR_TOOL);) {
        image_marks_skip(&v);
        found = MAX(found, image_marks_generator(image_marks_until(v)));
    }
    if (image_marks_has(text, "tc260:aigc"))
        found = MAX(found, image_marks_aigc(text));
    return found;
}

/* The line of settings that stable-diffusion-webui and its kin write after the prompt, or JSON in its place. */
static enum image_provenance image_marks_parameters(struct image_view text)
{
    bool line = image_marks_has(text, "steps: ") &&
                (image_marks_has(text, "sampler: ") || image_marks_has(text, "cfg scale: "));
    bool json = image_marks_has(text, "sui_image_params") || image_marks_has(text, "\"class_type\"") ||
                (image_marks_has(text, "\"prompt\"") &&
                 (image_marks_has(text, "\"steps\"") || image_marks_has(text, "\"sampler")));

    return line || json ? IMAGE_AI_GENERATED : IMAGE_NONE_FOUND;
}

static enum image_provenance image_marks_any(struct image_view text)
{
    (void)text;
    return IMAGE_AI_GENERATED;
}

static enum image_provenance image_marks_nodes(struct image_view text)
{
    return image_marks_has(text, "\"nodes\"") ? IMAGE_AI_GENERATED : IMAGE_NONE_FOUND;
}

/* Midjourney's: the prompt, and "Job ID: " with a UUID. */
static enum image_provenance image_marks_description(struct image_view text)
{
    for (struct image_view v = text; image_marks_find(&v, "job id: ");) {
        int hex = 0, c;
        while (char_is_alnum((char)(c = image_marks_next(&v))))
            hex += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (hex == 8 && c == '-')
            return IMAGE_AI_GENERATED;
    }
    return image_marks_parameters(text);
}

/* ComfyUI puts into EXIF's fields for a camera what it has no others for. */
static enum image_provenance image_marks_camera(struct image_view text)
{
    bool is = image_marks_starts(&text, "prompt:{") || image_marks_starts(&text, "workflow:{");

    return is ? IMAGE_AI_GENERATED : IMAGE_NONE_FOUND;
}

static enum image_provenance image_marks_comment(struct image_view text)
{
    enum image_provenance label = image_marks_has(text, "\"aigc\"") ? image_marks_aigc(text) : IMAGE_NONE_FOUND;

    return MAX(label, image_marks_parameters(text));
}

static const struct {
    const char *name;
    enum image_provenance (*look)(struct image_view text);
} image_marks_fields[] = {
    {"XML:com.adobe.xmp", image_marks_xmp},
    {"Software", image_marks_generator},
    {"Source", image_marks_generator}, /* NovelAI's name of the model */
    {"parameters", image_marks_parameters},
    {"prompt", image_marks_any},
    {"negative_prompt", image_marks_any},
    {"Negative Prompt", image_marks_any},
    {"workflow", image_marks_nodes},
    {"generation_data", image_marks_any},
    {"fooocus_scheme", image_marks_any},
    {"invokeai_metadata", image_marks_any},
    {"invokeai_graph", image_marks_any},
    {"sd-metadata", image_marks_any},
    {"Dream", image_marks_any},
    {"AIGC", image_marks_aigc},
    {"Comment", image_marks_comment},
    {"UserComment", image_marks_comment},
    {"Description", image_marks_description},
    {"ImageDescription", image_marks_description},
    {"Make", image_marks_camera},
    {"Model", image_marks_camera},
};

enum image_provenance image_marks_field(struct image_view name, struct image_view text)
{
    for (size_t i = 0; i < ARRAY_LEN(image_marks_fields); i++)
        if (strlen(image_marks_fields[i].name) == name.n && memcmp(image_marks_fields[i].name, name.p, name.n) == 0)
            return image_marks_fields[i].look(text);
    return IMAGE_NONE_FOUND;
}

/* https://cv.iptc.org/newscodes/digitalsourcetype/ */
static const struct marks_word image_marks_source_types[] = {
    {"trainedalgorithmicmedia", IMAGE_AI_GENERATED},
    {"compositewithtrainedalgorithmicmedia", IMAGE_AI_EDITED},
    {"compositesynthetic", IMAGE_AI_EDITED},
    {NULL, IMAGE_NONE_FOUND},
};

static const struct marks_word image_marks_generators[] = {
    {"stable diffusion", IMAGE_AI_GENERATED},
    {"stable-diffusion", IMAGE_AI_GENERATED},
    {"comfyui", IMAGE_AI_GENERATED},
    {"automatic1111", IMAGE_AI_GENERATED},
    {"invokeai", IMAGE_AI_GENERATED},
    {"novelai", IMAGE_AI_GENERATED},
    {"fooocus", IMAGE_AI_GENERATED},
    {"swarmui", IMAGE_AI_GENERATED},
    {"draw things", IMAGE_AI_GENERATED},
    {"midjourney", IMAGE_AI_GENERATED},
    {"dall-e", IMAGE_AI_GENERATED},
    {"adobe firefly", IMAGE_AI_GENERATED},
    {NULL, IMAGE_NONE_FOUND},
};
