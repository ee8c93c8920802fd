"""The sanitizers' options (tests/stack/sanitizers.py) do what they are there for."""

import os
import subprocess

import pytest
from conftest import DEFECT

import sanitizers

# Two threads that raise a counter without a lock, each between two questions over a socket of its own, one after the other.
RACE = """
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

static atomic_long turn;
static int counter;

static void ask(void)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char c = 0;

	if (bind(fd, (void *)&own, sizeof own) != 0 || getsockname(fd, (void *)&own, &(socklen_t){sizeof own}) != 0 ||
	    connect(fd, (void *)&own, sizeof own) != 0 || write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
		_exit(1);
	close(fd);
}

static void *work(void *number)
{
	while (atomic_load_explicit(&turn, memory_order_relaxed) != (intptr_t)number)
		usleep(1000);
	ask();
	counter++;
	ask();
	atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
	return NULL;
}

int main(void)
{
	pthread_t ids[2];

	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&ids[i], NULL, work, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(ids[i], NULL);
}
"""


@pytest.fixture(scope="module")
def racy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("race")
    (folder / "race.c").write_text(RACE)
    subprocess.run(["gcc", "-g", "-fsanitize=thread", "-o", folder / "race", folder / "race.c"], check=True)
    return folder / "race"


def ended(program, **options):
    return subprocess.run([program], env={**os.environ, **options}, capture_output=True, text=True, timeout=60)


def test_a_race_between_two_who_use_sockets_is_seen(racy):
    done = ended(racy, **sanitizers.OPTIONS)
    assert done.returncode == 66 and DEFECT.search(done.stderr) and "'counter'" in done.stderr, done.stderr


def test_the_option_is_needed(racy):
    """If not any more, tests/stack/sanitizers.py and lib/fcgi/tsan_epoll.h can go."""
    assert ended(racy, TSAN_OPTIONS="").returncode == 0
