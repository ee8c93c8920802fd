#include "net/outgoing.h"

#ifdef TEST_HOOKS
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"

#define LINE_BYTES 512

/* A line is one write at the file's end, so that those of several programs do not mix. */
void outgoing_note(enum outgoing to, const char *host)
{
    const char *dir = getenv("MARKETINGCLI_TEST_DIR");
    char path[LINE_BYTES], line[LINE_BYTES];

    if (dir == NULL || snprintf(path, sizeof path, "%s/called", dir) >= (int)sizeof path)
        return;
    _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    int n = snprintf(line, sizeof line, "%s %s\n", outgoings[to].name, host);
    if (fd >= 0 && n < (int)sizeof line && !fd_write_all(fd, line, (size_t)n))
        abort();
}
#endif

const struct outgoing_row outgoings[OUTGOING__MAX] = {
#define OUTGOING(id, name_, class_, private_, socket_, recipient_) \
    [OUTGOING_##id] = { \
        .name = (name_), .class = (class_), .private = (private_), .socket = (socket_), .recipient = (recipient_)},
#include "net/outgoing.def"
#undef OUTGOING
};
