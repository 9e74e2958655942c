"""Run one command and print what it took: `python -I -S launch.py COMMAND…` -> {"wall", "cpu", "rss_kib", "code"} on stdout.

A process of its own, for two reasons: peak memory starts at what the parent had when it forked, so the parent must be small; and it
can be put into a network namespace. Nothing is imported that need not be.
"""

import os
import sys
import time

null = os.open(os.devnull, os.O_RDWR)
began = time.monotonic()
child = os.posix_spawnp(
    sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - began
cpu = usage.ru_utime + usage.ru_stime
print(f'{{"wall": {wall:.6f}, "cpu": {cpu:.6f}, "rss_kib": {usage.ru_maxrss}, "code": {os.waitstatus_to_exitcode(status)}}}')
