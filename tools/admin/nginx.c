/* What nginx takes from the configuration: files that it includes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "base/io.h"
#include "fcgi/rate_told.h"
#include "store/s3.h"

#define FILE_MODE 0644 /* whatever the umask is: the programs look into it, too */
#define TEXT_MAX_BYTES 8192
#define CA_FILE "/etc/ssl/certs/ca-certificates.crt" /* Debian's */
#define HOST_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]"

/* Whole or not at all: nginx may be reading it, and so may programs. */
static bool nginx_put(const char *path, const char *part, struct str text)
{
    _cleanup_(fd_closep) int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    return fd >= 0 && fchmod(fd, FILE_MODE) == 0 && fd_write_all(fd, text.p, text.n) && rename(part, path) == 0;
}

/* The machine's name servers (resolv.conf(5)): nginx asks by itself, and anew when an answer is over. */
static void nginx_put_resolvers(struct arena *arena, struct buf *b)
{
    struct str text = STR(""), line, word;
    int n = 0;

    if (access("/etc/resolv.conf", R_OK) == 0 && !file_read(arena, "/etc/resolv.conf", &text))
        text = STR("");
    buf_puts(b, "\tresolver");
    while (str_next(&text, '\n', &line)) {
        struct strs words = str_split(arena, line, ' ');
        word = words.n == 2 && str_eqc(words.v[0], "nameserver") ? words.v[1] : STR("");
        if (word.n == 0 || strspn(arena_strdup(arena, word), "0123456789abcdefABCDEF.:") != word.n)
            continue;
        bool six = memchr(word.p, ':', word.n) != NULL;
        buf_printf(b, six ? " [%.*s]" : " %.*s", STR_FMT(word));
        n++;
    }
    buf_puts(b, n > 0 ? ";\n" : " 127.0.0.1;\n");
}

/* localhost has no name server (RFC 6761, 6.3). */
static struct str nginx_address(struct arena *arena, struct str host)
{
    struct str name = host, port = STR(""), head;

    if (str_cut(&name, ':', &head)) {
        port = arena_printf(arena, ":%.*s", STR_FMT(name));
        name = head;
    }
    return str_eqc(name, "localhost") ? arena_printf(arena, "127.0.0.1%.*s", STR_FMT(port)) : host;
}

static struct str nginx_name(struct str host)
{
    struct str head;

    if (host.n > 0 && host.p[0] == '[')
        return host;
    return str_cut(&host, ':', &head) ? head : host;
}

/*
 * The way to the bucket, for a location of nginx/snippets/store.conf. The address is signed for GET; nothing of the client's reaches the
 * bucket but the part that it asks for, and nothing of the bucket's reaches nginx's own ways (X-Accel-...): neither is led elsewhere. No
 * copy comes on the disk.
 */
static const char nginx_s3_rules[] = "\tproxy_method GET;\n"
                                     "\tproxy_http_version 1.1;\n"
                                     "\tproxy_pass_request_headers off;\n"
                                     "\tproxy_pass_request_body off;\n"
                                     "\tproxy_set_header Connection \"\";\n"
                                     "\tproxy_set_header Content-Length \"\";\n"
                                     "\tproxy_set_header Range $http_range;\n"
                                     "\tproxy_ssl_server_name on;\n"
                                     "\tproxy_ssl_verify on;\n"
                                     "\tproxy_ssl_verify_depth 5;\n"
                                     "\tproxy_ssl_protocols TLSv1.2 TLSv1.3;\n"
                                     "\tproxy_connect_timeout 5s;\n"
                                     "\tproxy_read_timeout 30s;\n"
                                     "\tproxy_buffering on;\n"
                                     "\tproxy_buffers 16 16k;\n"
                                     "\tproxy_buffer_size 16k;\n"
                                     "\tproxy_max_temp_file_size 0;\n"
                                     "\tproxy_redirect off;\n"
                                     "\tproxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate "
                                     "X-Accel-Buffering X-Accel-Charset Set-Cookie;\n"
                                     "\tproxy_hide_header Cache-Control;\n" /* the program's stays */
                                     "\tproxy_hide_header Set-Cookie;\n"
                                     "\tproxy_hide_header Alt-Svc;\n"
                                     "\tproxy_hide_header Vary;\n"
                                     "\tproxy_hide_header CF-RAY;\n"
                                     "\tproxy_hide_header X-Amz-Request-Id;\n"
                                     "\tproxy_hide_header X-Amz-Id-2;\n"
                                     "\tproxy_hide_header X-Trans-Id;\n"
                                     "\tproxy_hide_header X-Openstack-Request-Id;\n"
                                     "\tproxy_intercept_errors on;\n"
                                     "\terror_page 404 410 @not_found;\n"
                                     "\terror_page 416 @range_not_satisfiable;\n"
                                     "\terror_page 301 302 303 307 308 400 401 403 405 408 409 411 412 413 414 429 500 "
                                     "501 502 503 504 505 507 = @unavailable;\n";

static struct str nginx_s3_path(struct arena *arena, const struct conf *conf)
{
    return arena_printf(arena, "%.*s/nginx-s3.conf", STR_FMT(conf->service_socket_dir));
}

/* False: what the configuration says would not be one word for nginx. */
static bool nginx_s3_text(struct arena *arena, const struct conf *conf, struct str *ret_text)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(TEXT_MAX_BYTES);
    const struct s3 s3 = {.endpoint = conf->s3_endpoint.p};

    buf_puts(&b, "# Made by marketingcli-admin nginx from the configuration, whenever nginx starts or is reloaded.\n");
    if (conf->s3_endpoint.n > 0) {
        struct str host = s3_host(&s3), ca = conf->s3_ca_file.n > 0 ? conf->s3_ca_file : STR(CA_FILE);
        if (strspn(arena_strdup(arena, host), HOST_CHARS) != host.n || memchr(ca.p, '"', ca.n) ||
            memchr(ca.p, '\\', ca.n))
            return false;
        nginx_put_resolvers(arena, &b);
        buf_printf(&b,
                   "\tset $mcli_s3 https://%.*s;\n\trewrite ^/internal/s3(/.*)$ $1 break;\n\tproxy_pass $mcli_s3;\n",
                   STR_FMT(nginx_address(arena, host)));
        buf_printf(&b, "\tproxy_set_header Host %.*s;\n\tproxy_ssl_name %.*s;\n", STR_FMT(host),
                   STR_FMT(nginx_name(host)));
        buf_printf(&b, "\tproxy_ssl_trusted_certificate \"%.*s\";\n%s", STR_FMT(ca), nginx_s3_rules);
    }
    ASSERT(!b.overflow);
    *ret_text = str_of(arena_strdup(arena, buf_str(&b)), b.n);
    return true;
}

#define VERIFICATION_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* The files by which TikTok sees whose a host is. False: a name or what is in it would not be one word for nginx. */
static bool nginx_tiktok_text(struct arena *arena, const struct conf *conf, struct str *ret_text)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(TEXT_MAX_BYTES);
    struct str list = conf->tiktok_verification, file, name;

    buf_puts(&b, "# Made by marketingcli-admin nginx from the configuration, whenever nginx starts or is reloaded.\n");
    while (str_next(&list, ',', &file)) {
        file = str_trim(file);
        if (file.n == 0)
            continue;
        if (!str_cut(&file, '=', &name) || name.n == 0 || file.n == 0 || name.p[0] == '.' ||
            strspn(arena_strdup(arena, name), VERIFICATION_CHARS) != name.n ||
            strspn(arena_strdup(arena, file), VERIFICATION_CHARS "=") != file.n)
            return false;
        buf_printf(&b, "location = /%.*s {\n\tdefault_type text/plain;\n\treturn 200 \"%.*s\";\n}\n", STR_FMT(name),
                   STR_FMT(file));
    }
    ASSERT(!b.overflow);
    *ret_text = arena_str(arena, buf_str(&b));
    return true;
}

static int nginx_write(struct arena *arena, const struct conf *conf)
{
    const char *path[] = {rate_told_path(arena, conf).p, nginx_s3_path(arena, conf).p,
                          arena_printf(arena, "%.*s/nginx-tiktok.conf", STR_FMT(conf->service_socket_dir)).p};
    struct str text[ARRAY_LEN(path)] = {rate_told_text(arena, conf)};

    if (!nginx_s3_text(arena, conf, &text[1]))
        return complain("s3.endpoint or s3.ca_file has characters that nginx does not take");
    if (!nginx_tiktok_text(arena, conf, &text[2]))
        return complain("tiktok.verification must be NAME=CONTENT, of letters, digits, dots, hyphens and underscores");
    for (size_t i = 0; i < ARRAY_LEN(path); i++)
        if (!nginx_put(path[i], arena_printf(arena, "%s.part", path[i]).p, text[i]))
            return complain("%s: %s", path[i], strerror(errno));
    return EXIT_DONE;
}

int verb_nginx(const struct given *given)
{
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct arena arena;

    (void)given;
    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    arena_init(&arena, 8u << 20);
    int code = nginx_write(&arena, &conf);
    arena_done(&arena);
    return code;
}
