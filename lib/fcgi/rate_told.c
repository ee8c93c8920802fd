#include "fcgi/rate_told.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "fcgi/rate.h"

#define TEXT_MAX_BYTES 4096

struct str rate_told_path(struct arena *arena, const struct conf *conf)
{
    return arena_printf(arena, "%.*s/nginx-rates.conf", STR_FMT(conf->service_socket_dir));
}

/* A map from the class of a request: to its policy, or to the number in it alone. */
static void rate_told_map(struct buf *b, const struct conf *conf, const char *variable, bool only_limit)
{
    buf_printf(b, "map $mcli_class %s {\n\tdefault \"\";\n", variable);
    for (const enum route_rate *rate = rate_limited; *rate != RATE_UNSET; rate++) {
        const char *name = rate_name(*rate);
        long long limit = rate_limit(conf, *rate);
        if (only_limit)
            buf_printf(b, "\t%s %lld;\n", name, limit);
        else
            buf_printf(b, "\t%s '" RATE_POLICY "';\n", name, name, limit, (long long)conf->rates_window_sec);
    }
    buf_puts(b, "}\n");
}

struct str rate_told_text(struct arena *arena, const struct conf *conf)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(TEXT_MAX_BYTES);

    buf_puts(&b, "# Made by marketingcli-admin nginx from the configuration, whenever nginx starts or is reloaded.\n");
    rate_told_map(&b, conf, "$mcli_policy_of", false);
    rate_told_map(&b, conf, "$mcli_limit_of", true);
    ASSERT(!b.overflow);
    return str_of(arena_strdup(arena, buf_str(&b)), b.n);
}

bool rate_told_fits(const char *path, struct str text)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char found[TEXT_MAX_BYTES];
    ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof found);

    return n < 0 || str_eq(str_of(found, (size_t)n), text);
}
