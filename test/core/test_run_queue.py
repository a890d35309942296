"""Time without a CPU is what the kernel makes a process wait."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BUSY = 'while True: pass'
LOOKS = """
import time
from ml_integration.core.run_queue import RunQueue

queue, end_s = RunQueue(), time.monotonic() + 0.5
while time.monotonic() < end_s: pass
print(queue.look())
"""


@pytest.mark.skipif(not Path('/proc/self/schedstat').exists(), reason='no run queue is told')
def test_a_process_that_shares_its_cpu_with_three_waits_most_of_the_time() -> None:
    cpu = min(os.sched_getaffinity(0))
    others = [subprocess.Popen([sys.executable, '-c', BUSY]) for _ in range(3)]
    try:
        for other in others:
            os.sched_setaffinity(other.pid, [cpu])
        looks = f'import os; os.sched_setaffinity(0, [{cpu}]){LOOKS}'
        done = subprocess.run(
            [sys.executable, '-c', looks], capture_output=True, text=True, check=True, timeout=60
        )
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert 30 < float(done.stdout) <= 101
