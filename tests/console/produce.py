"""A producer, run as a script: it writes so many bytes, waits at a gate, and ends as it is told."""

from __future__ import annotations

import os
import random
import sys
import time

size, seed, wait_at, code, differs_at, signal = map(int, sys.argv[1:7])
sent, gate = 0, sys.argv[7]
while sent < size:
    block = bytearray(random.Random(f"{seed} {sent}").randbytes(65536))[: size - sent]
    if sent <= differs_at < sent + len(block):
        block[differs_at - sent] ^= 1
    data = memoryview(block)
    while data:
        data = data[os.write(1, data) :]
    sent += len(block)
    if wait_at and sent >= wait_at:
        while os.path.exists(gate):
            time.sleep(0.02)
        wait_at = 0
if signal:
    os.kill(os.getpid(), signal)
sys.exit(code)
