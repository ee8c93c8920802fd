"""Which sockets have something to be read, or their end: by poll, since select takes no descriptor above 1023, and a process that has run
hundreds of tests may have more of them."""

import select


def readable(sockets, seconds=0):
    """Those of them, as soon as there is one, or none after that time."""
    of = {one.fileno(): one for one in sockets}
    poll = select.poll()
    for fd in of:
        poll.register(fd, select.POLLIN)
    return [of[fd] for fd, _ in poll.poll(seconds * 1000)]
