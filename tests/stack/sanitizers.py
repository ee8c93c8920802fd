"""How the sanitizers look at the programs, in all tests."""

OPTIONS = {
    "UBSAN_OPTIONS": "print_stacktrace=1",
    # ThreadSanitizer takes any write to a socket for a message to whoever next reads from any: every statement to the
    # database would order all threads, and hardly a race be left. What I/O really orders, lib/fcgi/tsan_epoll.h tells.
    "TSAN_OPTIONS": "io_sync=0",
}
