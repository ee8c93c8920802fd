/*
 * Until when the certificate holds that a TLS server at a Unix socket shows. Nothing of it is verified: it is our own nginx that is asked,
 * what matters is what it shows now, and a file may have been renewed without that.
 *
 *    switch (certificate_look(path, "example.org", 2000, &ends_us)) { case PROBE_ANSWERS: ...
 */
#pragma once

#include "net/probe.h"

/*
 * name: the host whose certificate it is (SNI). ret_ends_us is written with PROBE_ANSWERS only. PROBE_SILENT: somebody listens there, and
 * says nothing that is TLS within timeout_ms, which is for each read and write.
 */
enum probe_state certificate_look(const char *path, const char *name, int timeout_ms, int64_t *ret_ends_us);
