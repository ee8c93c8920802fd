#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "image/marks.h"

/* What the texts say is in tests/unit/image/provenance.c, in the files that hold them. */

static enum image_provenance look(const struct buf *b)
{
    return image_marks_xmp((struct image_view){(const uint8_t *)b->p, b->n});
}

/* What XMP holds of an editor's history may come first, and be long. */
static void a_word_late_in_a_long_text(void **state)
{
    _cleanup_(buf_done) struct buf xmp = BUF_MAX(1 << 20);

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_putc(&xmp, 'x');
    assert_int_equal(look(&xmp), IMAGE_NONE_FOUND);
    buf_puts(&xmp, "Iptc4xmpExt:DigitalSourceType=\"trainedAlgorithmicMedia\"");
    assert_int_equal(look(&xmp), IMAGE_AI_GENERATED);
}

/* A value ends where its quotes do, and where its name comes again. */
static void the_program_that_made_it(void **state)
{
    static const struct {
        const char *xmp;
        enum image_provenance wanted;
    } rows[] = {
        {"xmp:CreatorTool='Lightroom' dc:title='Midjourney'", IMAGE_NONE_FOUND},
        {"xmp:CreatorTool=\"Lightroom\" dc:title=\"Midjourney\"", IMAGE_NONE_FOUND},
        {"<xmp:CreatorTool>Lightroom</xmp:CreatorTool><dc:title>Midjourney</dc:title>", IMAGE_NONE_FOUND},
        {"xmp:CreatorTool='' a:CreatorTool='Midjourney'", IMAGE_AI_GENERATED},
        {"xmp:CreatorTool=\"\" a:CreatorTool=\"Midjourney\"", IMAGE_AI_GENERATED},
        {"CreatorToolCreatorToolCreatorTool=Midjourney", IMAGE_AI_GENERATED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(buf_done) struct buf xmp = BUF_MAX(256);
        buf_puts(&xmp, rows[i].xmp);
        assert_int_equal(look(&xmp), rows[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_late_in_a_long_text),
        cmocka_unit_test(the_program_that_made_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
