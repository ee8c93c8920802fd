#include "kind.h"

#include "media/kinds.h"
#include "publish/kinds.h"

const struct job_kind *kind_find(enum job_class class, struct str name)
{
    for (const struct job_kind *const *k = kinds; *k != NULL; k++)
        if ((*k)->class == class && str_eqc(name, (*k)->name))
            return *k;
    return NULL;
}

const struct job_kind *const kinds[] = {
    &publish_kind, &poll_kind, &creator_kind, &refresh_kind, &housekeeping_kind, &purge_kind, NULL,
};
