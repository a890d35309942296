"""Buffers stay in the process: a steady stream of images costs no page faults."""

import subprocess
import sys

PROGRAM = """
import resource, sys
from ml_integration.ros.node.memory import keep_buffers
assert keep_buffers({'ML_INTEGRATION_KEEP_BUFFERS': sys.argv[1]}) is (sys.argv[1] == '1')


def frames():
    for _ in range(20):
        queue = [bytearray(2_000_000) for _ in range(6)]
        for image in queue:
            image[::4096] = bytes(len(image[::4096]))
        del queue, image


frames()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
frames()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept: str) -> int:
    command = [sys.executable, '-c', PROGRAM, kept]
    return int(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def test_reused_buffers_cause_no_page_faults_and_can_be_switched_off() -> None:
    assert faults('1') < 100
    assert faults('0') > 1000
