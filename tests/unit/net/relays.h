/*
 * The relays of relay.py as a process of the test's own, what they have kept of the mail that they took last, and a mail that any of
 * them takes. For tests/unit/net/mail.c.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/mail.h"
#include "server.h"

#define PATIENT_SEC 60

/* The relays of relay.py, in its order. */
enum relay { PLAIN, STARTTLS, REFUSING, TLS, NO_SIGN_IN, BUSY, SILENT, CUT, RELAYS };

static struct server server; /* for its certificates, and as somebody else on the same loop */
static struct arena arena;
static char folder[] = "/tmp/unit-net-mail-XXXXXX";
static int ports[RELAYS], relay_input;
static pid_t relay_pid;

static void start_relays(void)
{
    int in[2], out[2];

    ASSERT(mkdtemp(folder) != NULL);
    ASSERT(pipe(in) == 0 && pipe(out) == 0);
    relay_pid = fork();
    ASSERT(relay_pid >= 0);
    if (relay_pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl("/usr/bin/python3", "python3", UNIT_NET_RELAY, server.ca, server.key, folder, NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    relay_input = in[1];
    FILE *f = fdopen(out[0], "r");
    for (int i = 0; i < RELAYS; i++)
        ASSERT(fscanf(f, "%d", &ports[i]) == 1);
    fclose(f);
}

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void empty_folder(void)
{
    static const char *const names[] = {"envelope", "headers", "text", "html", "go", "waits"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unlink(path_of(names[i]));
}

static void put_file(const char *name)
{
    FILE *f = fopen(path_of(name), "w");

    assert_non_null(f);
    fclose(f);
}

static void stop_relays(void)
{
    close(relay_input);
    waitpid(relay_pid, NULL, 0);
    empty_folder();
    (void)rmdir(folder);
}

/* What the relay kept of the last mail it took. */
static const char *kept(const char *name)
{
    FILE *f = fopen(path_of(name), "r");

    if (f == NULL)
        return "nothing";
    char *text = arena_alloc(&arena, 2u << 20);
    text[fread(text, 1, (2u << 20) - 1, f)] = '\0';
    fclose(f);
    return text;
}

static int clear(void **state)
{
    (void)state;

    empty_folder();
    arena_done(&arena);
    arena_init(&arena, 64u << 20);
    return 0;
}

#define USER STR("mailer")
#define SECRET ((struct secret){(char *)"let \xc3\xbcs in;AUTH=*", 16})

static const struct net_header headers[] = {
    {"From", STR("MarketingCLI <post@example.org>")},
    {"To", STR("=?UTF-8?Q?J=C3=BCrgen?= <ok@example.com>")},
    {"Subject", STR("Confirm your address")},
    {"Message-ID", STR("<1@example.org>")},
    {"List-Unsubscribe-Post", STR("List-Unsubscribe=One-Click")},
};

static struct net_mail mail_to(enum relay relay, const char *to)
{
    return (struct net_mail){
        .host = "localhost",
        .port = ports[relay],
        .tls = relay == STARTTLS || relay == REFUSING ? NET_MAIL_STARTTLS
               : relay == TLS || relay == NO_SIGN_IN  ? NET_MAIL_TLS
                                                      : NET_MAIL_PLAIN,
        .ca_file = server.ca,
        .hello = "mail.example.org",
        .user = relay == STARTTLS || relay == TLS || relay == NO_SIGN_IN ? USER : (struct str){0},
        .secret = SECRET,
        .from = STR("bounce+7@example.org"),
        .to = str_from(to),
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .text = STR("Hello J\xc3\xbcrgen,\n.\n..two dots\nend of line \nlong: 0123456789012345678901234567890123456789"
                    "01234567890123456789012345678901234567890123456789=\n"),
        .html = STR("<p>Hello J\xc3\xbcrgen</p>\n"),
        .timeout_sec = PATIENT_SEC,
        .connect_timeout_sec = PATIENT_SEC,
        .judge_timeout_sec = PATIENT_SEC,
    };
}
