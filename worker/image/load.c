#include <stdlib.h>

#include "base/arena.h"
#include "image/lean.h"
#include "load.h"

static gint64 image_load_read(VipsSourceCustom *source, void *to, gint64 n, gpointer lean)
{
    (void)source;
    return (gint64)image_lean_read(lean, to, (size_t)n);
}

static void image_load_forget(gpointer lean, GClosure *closure)
{
    (void)closure;
    free(lean);
}

/* It has its place in the file for as long as it lives. */
static VipsSource *image_load_source(const struct image_file *f)
{
    struct image_lean *lean = xcalloc(1, sizeof *lean);
    VipsSourceCustom *source = vips_source_custom_new();

    image_lean_init(lean, f->type, f->p, f->n);
    (void)g_signal_connect_data(source, "read", G_CALLBACK(image_load_read), lean, image_load_forget, 0);
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
