#include "stripe/form.h"

#include <stdio.h>

#define NUMBER_SIZE 24 /* of an int64_t, and the NUL */

static void stripe_form_put_name(struct buf *form, const char *const *name)
{
    ASSERT(name[0] != NULL);
    if (form->n > 0 && form->p[form->n - 1] != '?')
        buf_putc(form, '&');
    buf_putescaped(form, str_from(name[0]));
    for (size_t i = 1; name[i] != NULL; i++) {
        buf_putc(form, '[');
        buf_putescaped(form, str_from(name[i]));
        buf_putc(form, ']');
    }
    buf_putc(form, '=');
}

void stripe_form_put(struct buf *form, const char *const *name, struct str value)
{
    if (value.p == NULL)
        return;
    stripe_form_put_name(form, name);
    buf_putescaped(form, value);
}

void stripe_form_put_i64(struct buf *form, const char *const *name, int64_t value)
{
    stripe_form_put_name(form, name);
    buf_printf(form, "%lld", (long long)value);
}

void stripe_form_put_bool(struct buf *form, const char *const *name, bool value)
{
    stripe_form_put(form, name, value ? STR("true") : STR("false"));
}

void stripe_form_put_list(struct buf *form, const char *name, const char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char index[NUMBER_SIZE];
        (void)snprintf(index, sizeof index, "%zu", i);
        stripe_form_put(form, STRIPE_NAME(name, index), str_from(values[i]));
    }
}
