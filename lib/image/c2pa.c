#include "image/c2pa.h"

#include "base/defs.h"
#include "image/cbor.h"
#include "image/marks.h"

#define BOX_BYTES 8
#define BOXES_DEEP 6 /* store, manifest, assertions, assertion, content; and one more */
#define CBOR_DEEP 16 /* an action's parameters may nest; deeper ones are not read */
#define UUID_BYTES 16
#define HAS_LABEL 2 /* of a description's toggles */

/* What one manifest says. */
struct image_c2pa_manifest {
    enum image_provenance found;
    bool is_new; /* it begins something new, rather than what it opens */
};

struct image_c2pa_store {
    enum image_provenance before; /* of all manifests but the last */
    struct image_c2pa_manifest last;
};

/* A map or an array that is being read. */
struct image_c2pa_level {
    uint64_t left; /* items; of a map, keys and values */
    bool is_map, is_value;
    struct image_view key, action, source;
};

/* The next box and its content; one that says it is longer than what is there, or has no end, ends where that does. */
static bool image_c2pa_box(struct image_view *v, struct image_view *ret_type, struct image_view *ret)
{
    struct image_view head, wide;

    if (!image_view_take(v, BOX_BYTES, &head))
        return false;
    uint64_t n = image_view_be32(head.p), head_n = BOX_BYTES;
    if (n == 1) {
        if (!image_view_take(v, 8, &wide))
            return false;
        n = (uint64_t)image_view_be32(wide.p) << 32 | image_view_be32(wide.p + 4);
        head_n += wide.n;
    }
    n = n == 0 ? v->n : MAX(n, head_n) - head_n;
    *ret_type = (struct image_view){head.p + 4, 4};
    return image_view_take(v, MIN(n, (uint64_t)v->n), ret);
}

static bool image_c2pa_is(struct image_view text, const char *wanted)
{
    return text.n == strlen(wanted) && memcmp(text.p, wanted, text.n) == 0;
}

/* The label of a superbox, from its description, which comes first. */
static struct image_view image_c2pa_label(struct image_view content)
{
    struct image_view type, label, head;

    if (!image_c2pa_box(&content, &type, &label) || !image_c2pa_is(type, "jumd") ||
        !image_view_take(&label, UUID_BYTES + 1, &head) || (head.p[UUID_BYTES] & HAS_LABEL) == 0)
        return (struct image_view){NULL, 0};
    label.n = strnlen((const char *)label.p, label.n);
    return label;
}

/* An action that names a model's work made the whole image only when it created it. */
static void image_c2pa_action(struct image_c2pa_manifest *m, struct image_view action, struct image_view source)
{
    bool created = image_c2pa_is(action, "c2pa.created");
    enum image_provenance word = source.n > 0 ? image_marks_source_type(source) : IMAGE_NONE_FOUND;

    m->is_new |= created;
    if (word == IMAGE_AI_GENERATED && !created)
        word = IMAGE_AI_EDITED;
    m->found = MAX(m->found, word);
}

/* What an item means in the map that it stands in. */
static void image_c2pa_put(struct image_c2pa_level *level, const struct image_cbor_item *item)
{
    if (!level->is_map)
        return;
    if (!level->is_value)
        level->key = item->text;
    else if (item->kind == CBOR_TEXT && image_c2pa_is(level->key, "action"))
        level->action = item->text;
    else if (item->kind == CBOR_TEXT && image_c2pa_is(level->key, "digitalSourceType"))
        level->source = item->text;
}

static void image_c2pa_count(struct image_c2pa_level *level)
{
    level->is_value = level->is_map && !level->is_value;
    level->left -= level->left != CBOR_INDEFINITE;
}

static uint64_t image_c2pa_items(const struct image_cbor_item *item)
{
    if (item->n == CBOR_INDEFINITE)
        return item->n;
    return item->kind == CBOR_MAP ? 2 * MIN(item->n, UINT64_MAX / 4) : MIN(item->n, UINT64_MAX / 2);
}

/* Ends the level, and those that end with it. */
static size_t image_c2pa_end(struct image_c2pa_manifest *m, struct image_c2pa_level *levels, size_t deep)
{
    do {
        image_c2pa_action(m, levels[deep - 1].action, levels[deep - 1].source);
        deep--;
    } while (deep > 0 && levels[deep - 1].left == 0);
    return deep;
}

/* The content of an assertion of actions. */
static void image_c2pa_actions(struct image_c2pa_manifest *m, struct image_view v)
{
    struct image_c2pa_level levels[CBOR_DEEP];
    struct image_cbor_item item;
    size_t deep = 0;

    while (image_cbor_next(&v, &item)) {
        struct image_c2pa_level *level = deep > 0 ? &levels[deep - 1] : NULL;
        bool opens = item.kind == CBOR_ARRAY || item.kind == CBOR_MAP;
        if (item.kind == CBOR_BREAK) {
            if (level == NULL || level->left != CBOR_INDEFINITE)
                break;
            deep = image_c2pa_end(m, levels, deep);
            continue;
        }
        if (level != NULL) {
            image_c2pa_put(level, &item);
            image_c2pa_count(level);
        }
        if (opens && deep == CBOR_DEEP)
            break;
        if (opens)
            levels[deep++] =
                (struct image_c2pa_level){.left = image_c2pa_items(&item), .is_map = item.kind == CBOR_MAP};
        if (deep > 0 && levels[deep - 1].left == 0)
            deep = image_c2pa_end(m, levels, deep);
        if (deep == 0)
            break;
    }
    while (deep > 0) /* it was cut: what there was counts */
        deep = image_c2pa_end(m, levels, deep);
}

static void image_c2pa_boxes(struct image_c2pa_manifest *m, struct image_view v, struct image_view label, int deep)
{
    struct image_view type, content;

    while (image_c2pa_box(&v, &type, &content)) {
        if (image_c2pa_is(type, "jumb") && deep > 0)
            image_c2pa_boxes(m, content, image_c2pa_label(content), deep - 1);
        else if (image_c2pa_is(type, "cbor") && image_view_starts(label, "c2pa.actions", strlen("c2pa.actions")))
            image_c2pa_actions(m, content);
        else if (image_c2pa_is(type, "json"))
            m->found = MAX(m->found, image_marks_xmp(content));
    }
}

/* The manifests of a store, from the oldest. */
static void image_c2pa_manifests(struct image_c2pa_store *s, struct image_view v)
{
    struct image_view type, content;

    while (image_c2pa_box(&v, &type, &content)) {
        if (!image_c2pa_is(type, "jumb"))
            continue;
        s->before = MAX(s->before, s->last.found);
        s->last = (struct image_c2pa_manifest){.found = IMAGE_NONE_FOUND};
        image_c2pa_boxes(&s->last, content, image_c2pa_label(content), BOXES_DEEP);
    }
}

enum image_provenance image_c2pa_marks(struct image_view store)
{
    struct image_c2pa_store s = {.before = IMAGE_NONE_FOUND};
    struct image_view type, content;

    while (image_c2pa_box(&store, &type, &content))
        if (image_c2pa_is(type, "jumb") && image_c2pa_is(image_c2pa_label(content), "c2pa"))
            image_c2pa_manifests(&s, content);
    if (s.last.is_new && s.before == IMAGE_AI_GENERATED)
        s.before = IMAGE_AI_EDITED;
    return MAX(s.before, s.last.found);
}
