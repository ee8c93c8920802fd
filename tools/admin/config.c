/* What the configuration may say, and whether what it says is right. */
#include <stdio.h>
#include <stdlib.h>

#include "admin.h"
#include "base/log.h"
#include "base/plans.h"
#include "credentials.h"

int verb_config(const struct given *given)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1u << 20);

    (void)given;
    conf_document(&b);
    ASSERT(!b.overflow);
    return fwrite(b.p, 1, b.n, stdout) == b.n ? EXIT_DONE : EXIT_FAILED;
}

/* In the journal it is the event that the program itself would have logged: the unit runs this before it. */
static int config_refuse(const char *why)
{
    if (!log_is_journal())
        return complain("%s", why);
    log_init("admin", LOG_INFO);
    log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", why), LOG_END);
    return EXIT_FAILED;
}

/* systemd hands a service's credentials to what it runs before it, too; nobody else has any. */
static bool config_credentials_fit(struct buf *why)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    struct arena arena;

    arena_init(&arena, 1u << 20);
    bool fit = folder == NULL || credentials_fit(&arena, folder, why);
    arena_clear(&arena);
    arena_done(&arena);
    return fit;
}

int verb_config_check(const struct given *given)
{
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    if (conf_load(&conf, conf_path(), &why) != OK || (given->without_plans == NULL && plans_load(&conf, &why) != OK) ||
        !config_credentials_fit(&why))
        return config_refuse(why.p);
    return EXIT_DONE;
}
