#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "admin.h"

#define FILE_MAX_BYTES (4 << 20) /* a schema file has some 20 KiB */

struct verb {
    const char *name, *args, *help;
    int (*run)(int argc, char **argv);
};

static const struct verb admin_verbs[6];

int complain(const char *fmt, ...)
{
    va_list ap;

    fputs("marketingcli-admin: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_FAILED;
}

static int admin_usage(FILE *to, int code)
{
    fputs("usage: marketingcli-admin VERB [OPTIONS]\n\n", to);
    for (const struct verb *v = admin_verbs; v->name != NULL; v++)
        fprintf(to, "  %s%s%s\n      %s\n", v->name, v->args[0] ? " " : "", v->args, v->help);
    return code;
}

bool options_read(int argc, char **argv, const struct option *options)
{
    bool seen[8] = {false};

    for (int i = 0; i < argc; i += 2) {
        size_t k = 0;
        while (options[k].name != NULL && strcmp(options[k].name, argv[i]) != 0)
            k++;
        ASSERT(k < ARRAY_LEN(seen));
        if (options[k].name == NULL || i + 1 == argc || seen[k]) {
            complain("%s %s", argv[i],
                     options[k].name == NULL ? "is no option of this verb"
                     : seen[k]               ? "is given twice"
                                             : "needs a value");
            return false;
        }
        seen[k] = true;
        *options[k].value = argv[i + 1];
    }
    return true;
}

bool file_read(struct arena *arena, const char *path, struct str *ret_text)
{
    FILE *f = fopen(path, "re");
    struct stat st;
    size_t n = 0;

    if (f == NULL || fstat(fileno(f), &st) != 0) {
        complain("%s: %s", path, strerror(errno));
        if (f != NULL)
            (void)fclose(f);
        return false;
    }
    bool fits = S_ISREG(st.st_mode) && st.st_size <= FILE_MAX_BYTES;
    if (fits) {
        char *p = arena_alloc(arena, (size_t)st.st_size);
        n = fread(p, 1, (size_t)st.st_size, f);
        *ret_text = str_of(p, n);
    }
    (void)fclose(f);
    if (!fits || n != (size_t)st.st_size) {
        complain("%s is %s", path, fits ? "cut off" : "no file of a sensible size");
        return false;
    }
    return true;
}

int verb_config(int argc, char **argv)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1u << 20);

    if (!options_read(argc, argv, (const struct option[]){{NULL, NULL}}))
        return EXIT_USAGE;
    conf_document(&b);
    ASSERT(!b.overflow);
    return fwrite(b.p, 1, b.n, stdout) == b.n ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
        return admin_usage(stdout, EXIT_DONE);
    for (const struct verb *v = admin_verbs; argc > 1 && v->name != NULL; v++)
        if (strcmp(v->name, argv[1]) == 0) {
            int code = v->run(argc - 2, argv + 2);
            /* Output that did not get out is a failure: somebody may go by it. */
            return fflush(stdout) == 0 || code != EXIT_DONE ? code : EXIT_FAILED;
        }
    return admin_usage(stderr, EXIT_USAGE);
}

static const struct verb admin_verbs[6] = {
    {"credentials", "[--dir DIR]",
     "Make the secrets that are missing: database passwords, the key ring. What is there stays.", verb_credentials},
    {"migrate", "[--sql DIR] [--credentials DIR] [--database NAME] [--user NAME]",
     "Bring the schema up to date; with --credentials also the MariaDB users and their grants.", verb_migrate},
    {"routes", "", "Print the routes of all apps: METHOD PATH AUTH SUMMARY.", verb_routes},
    {"tables", "", "Print the tables that the programs are made from as JSON: routes, errors.", verb_tables},
    {"config", "", "Print the configuration's keys, defaults and meaning.", verb_config},
    {NULL, NULL, NULL, NULL},
};
