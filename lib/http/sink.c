#include "http/sink.h"

enum err sink_put(struct sink *s, struct str bytes)
{
    if (s->e == OK && bytes.n > 0)
        s->e = s->write(s->arg, bytes);
    if (s->e == OK)
        s->bytes += bytes.n;
    return s->e;
}

enum err sink_flush(struct sink *s)
{
    if (s->e == OK)
        s->e = s->flush(s->arg);
    return s->e;
}
