#include "net/sessions.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"

struct sessions {
    CURLSH *share;
    pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
};

static void sessions_lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *arg)
{
    struct sessions *s = arg;
    (void)easy, (void)access;

    lock_take(&s->locks[data]);
}

static void sessions_unlock(CURL *easy, curl_lock_data data, void *arg)
{
    struct sessions *s = arg;
    (void)easy;

    lock_release(&s->locks[data]);
}

struct sessions *sessions_new(void)
{
    struct sessions *s = xcalloc(1, sizeof *s);

    for (size_t i = 0; i < ARRAY_LEN(s->locks); i++)
        lock_init(&s->locks[i]);
    s->share = curl_share_init();
    ASSERT(s->share != NULL);
    ASSERT(curl_share_setopt(s->share, CURLSHOPT_USERDATA, s) == CURLSHE_OK);
    ASSERT(curl_share_setopt(s->share, CURLSHOPT_LOCKFUNC, sessions_lock) == CURLSHE_OK);
    ASSERT(curl_share_setopt(s->share, CURLSHOPT_UNLOCKFUNC, sessions_unlock) == CURLSHE_OK);
    ASSERT(curl_share_setopt(s->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK);
    return s;
}

void sessions_free(struct sessions *s)
{
    ASSERT(curl_share_cleanup(s->share) == CURLSHE_OK);
    for (size_t i = 0; i < ARRAY_LEN(s->locks); i++)
        lock_done(&s->locks[i]);
    free(s);
}

void sessions_use(struct sessions *s, CURL *easy)
{
    ASSERT(curl_easy_setopt(easy, CURLOPT_SHARE, s->share) == CURLE_OK);
}

static void sessions_on_info(const SSL *tls, int where, int ret)
{
    SSL *begins = (SSL *)(uintptr_t)tls; /* the one place where the session that libcurl has set can still be changed */
    SSL_SESSION *session = where == SSL_CB_HANDSHAKE_START ? SSL_get_session(begins) : NULL;
    SSL_SESSION *copy = session == NULL ? NULL : SSL_SESSION_dup(session);
    (void)ret;

    if (copy == NULL)
        return;
    (void)SSL_set_session(begins, copy);
    SSL_SESSION_free(copy);
}

void sessions_copy(SSL_CTX *tls)
{
    SSL_CTX_set_info_callback(tls, sessions_on_info);
}
