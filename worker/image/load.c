#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"
#include "image/lean.h"
#include "load.h"

/* libvips reads in one thread after another, and orders them by locks of GLib's, which ThreadSanitizer does not know. Ours it does. */
struct image_load {
    pthread_mutex_t lock;
    struct image_lean lean;
};

static gint64 image_load_read(VipsSourceCustom *source, void *to, gint64 n, gpointer arg)
{
    struct image_load *l = arg;

    (void)source;
    lock_take(&l->lock);
    size_t got = image_lean_read(&l->lean, to, (size_t)n);
    lock_release(&l->lock);
    return (gint64)got;
}

static void image_load_forget(gpointer arg, GClosure *closure)
{
    struct image_load *l = arg;

    (void)closure;
    lock_done(&l->lock);
    free(l);
}

/* It has its place in the file for as long as it lives. */
static VipsSource *image_load_source(const struct image_file *f)
{
    struct image_load *l = xcalloc(1, sizeof *l);
    VipsSourceCustom *source = vips_source_custom_new();

    lock_init(&l->lock);
    image_lean_init(&l->lean, f->type, f->p, f->n);
    (void)g_signal_connect_data(source, "read", G_CALLBACK(image_load_read), l, image_load_forget, 0);
    return VIPS_SOURCE(source);
}

/* By its name: otherwise libvips would let the file choose among all of its decoders. */
enum err image_load(const struct image_file *f, int shrink, VipsImage **ret_image)
{
    if (f->type == IMAGE_WEBP) /* its decoder wants the file as a whole, which a source would copy */
        return vips_webpload_buffer((void *)(uintptr_t)f->p, f->n, ret_image, "access", VIPS_ACCESS_SEQUENTIAL,
                                    "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL)
                   ? ERR_IMAGE_CORRUPT
                   : OK;
    if (f->type == IMAGE_AVIF || f->type == IMAGE_HEIC)
        return vips_heifload_buffer((void *)(uintptr_t)f->p, f->n, ret_image, "access", VIPS_ACCESS_SEQUENTIAL,
                                    "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL)
                   ? ERR_IMAGE_CORRUPT
                   : OK;
    VipsSource *source = image_load_source(f);
    int failed;

    if (f->type == IMAGE_JPEG)
        failed = vips_jpegload_source(source, ret_image, "shrink", shrink, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                      VIPS_FAIL_ON_TRUNCATED, NULL);
    else
        failed = vips_pngload_source(source, ret_image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                     VIPS_FAIL_ON_TRUNCATED, NULL);
    g_object_unref(source);
    return failed ? ERR_IMAGE_CORRUPT : OK;
}
