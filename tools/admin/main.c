#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "admin.h"
#include "base/log.h"

#define FILE_MAX_BYTES (4 << 20) /* a schema file has some 20 KiB */
#define OPTIONS_MAX 8            /* of one verb */

/* In the journal at level error: what a timer starts complains to nobody else. */
int complain(const char *fmt, ...)
{
    va_list ap;

    fputs(log_is_journal() ? "<3>marketingcli-admin: " : "marketingcli-admin: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_FAILED;
}

void put_foreign(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool is_control = c < 0x20 || c == 0x7f || (c == 0xc2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xa0);
        if (is_control && c == 0xc2) /* U+0080 to U+009F */
            i++;
        putchar(is_control ? '?' : c);
    }
}

const struct verb *verb_next(const struct verb *v)
{
    static const struct verb *const tables[] = {verbs_rotation, verbs, verbs_backup};

    for (size_t t = 0; v != NULL && t < ARRAY_LEN(tables); t++)
        for (const struct verb *x = tables[t]; x->name != NULL; x++)
            if (x == v && x[1].name != NULL)
                return &x[1];
            else if (x == v)
                return t + 1 < ARRAY_LEN(tables) ? tables[t + 1] : NULL;
    return tables[0];
}

static int admin_usage(FILE *to, int code)
{
    fputs("usage: marketingcli-admin VERB [OPTIONS]\n\n", to);
    for (const struct verb *v = verb_next(NULL); v != NULL; v = verb_next(v)) {
        fprintf(to, "  %s", v->name);
        if (v->argument != NULL)
            fprintf(to, " %s", v->argument);
        for (const struct option *const *o = v->options; *o != NULL; o++)
            fprintf(to, " [%s%s%s]", (*o)->name, (*o)->value != NULL ? " " : "",
                    (*o)->value != NULL ? (*o)->value : "");
        fprintf(to, "\n      %s\n", v->help);
    }
    fputs("\nmarketingcli-admin(8) explains the options.\n", to);
    return code;
}

static const char **admin_place(struct given *given, const struct option *o)
{
    return (const char **)(void *)((char *)given + o->offset);
}

/* Reads the options into given; false after a complaint. */
static bool admin_read_options(int argc, char **argv, const struct option *const *options, struct given *given)
{
    bool seen[OPTIONS_MAX] = {false};

    for (size_t k = 0; options[k] != NULL; k++) {
        ASSERT(k < OPTIONS_MAX);
        *admin_place(given, options[k]) = options[k]->def;
    }
    for (int i = 0; i < argc; i++) {
        const char *name = argv[i];
        size_t k = 0;
        while (options[k] != NULL && strcmp(options[k]->name, name) != 0)
            k++;
        bool takes_value = options[k] != NULL && options[k]->value != NULL;
        if (options[k] == NULL || seen[k] || (takes_value && i + 1 == argc)) {
            complain("%s %s", name,
                     options[k] == NULL ? "is not an option of this verb"
                     : seen[k]          ? "is given twice"
                                        : "needs a value");
            return false;
        }
        seen[k] = true;
        *admin_place(given, options[k]) = takes_value ? argv[++i] : name;
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
        complain("%s %s", path, fits ? "could not be read to its end" : "is not a file, or is larger than 4 MiB");
        return false;
    }
    return true;
}

/* How many words of the command line are the verb's name; 0: it is another verb. */
static int admin_name_words(const struct verb *v, int argc, char **argv)
{
    struct str rest = str_from(v->name), word;
    int n = 0;

    for (; str_next(&rest, ' ', &word); n++)
        if (n >= argc || !str_eqc(word, argv[n]))
            return 0;
    return n;
}

/* What stands after the name: a word for each of the row's. How many; -1 after a complaint. */
static int admin_read_arguments(const struct verb *v, int argc, char **argv, struct given *given)
{
    const char **const places[] = {&given->argument, &given->second};
    struct str rest = str_from(v->argument), word;
    int n = 0;

    while (str_next(&rest, ' ', &word)) {
        ASSERT(n < (int)ARRAY_LEN(places));
        if (n >= argc || argv[n][0] == '-') {
            complain("%s needs %s", v->name, v->argument);
            return -1;
        }
        *places[n] = argv[n];
        n++;
    }
    return n;
}

static int admin_try(const struct verb *v, int argc, char **argv)
{
    struct given given = {0};
    int n = admin_read_arguments(v, argc, argv, &given);

    if (n < 0)
        return EXIT_USAGE;
    argc -= n;
    argv += n;
    if (!admin_read_options(argc, argv, v->options, &given))
        return EXIT_USAGE;
    int code = v->run(&given);
    /* Output that did not get out is a failure: somebody may go by it. */
    return fflush(stdout) == 0 || code != EXIT_DONE ? code : EXIT_FAILED;
}

static int admin_run(const struct verb *v, int argc, char **argv)
{
    int code = admin_try(v, argc, argv);

    return code != EXIT_DONE && v->if_not_done != 0 ? v->if_not_done : code;
}

int main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
        return admin_usage(stdout, EXIT_DONE);
    for (const struct verb *v = verb_next(NULL); argc > 1 && v != NULL; v = verb_next(v)) {
        int words = admin_name_words(v, argc - 1, argv + 1);
        if (words > 0)
            return admin_run(v, argc - 1 - words, argv + 1 + words);
    }
    return admin_usage(stderr, EXIT_USAGE);
}
