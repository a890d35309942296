"""Stands in for `ml_integration.tuning.worker`: its latencies follow from the trial alone."""

import json
import os
import random
import signal
import sys
import time

SLOWER = {1: 1.0, 2: 1.0, 4: 0.7}


def main() -> None:
    trial = json.loads(sys.stdin.readline())
    execution = trial['execution']
    threads = execution['intra_op_threads'] or 2
    if execution['graph_optimization'] == 'basic':
        print(json.dumps({'refusal': 'the engine refuses it'}), flush=True)
        return
    opened = {'threads': threads, 'spinning': 'never', 'device': 'CPU', 'fallback': '',
              'load_s': 0.1}  # fmt: skip
    print(json.dumps(opened), flush=True)
    noise = random.Random(str(trial))
    for line in sys.stdin:
        first, count = json.loads(line)
        if execution['spinning'] == 'always':
            time.sleep(600)
        if threads == 1 and first:
            os.kill(os.getpid(), signal.SIGSEGV)
        latency = [10 * SLOWER[threads] * noise.uniform(0.98, 1.02) for _ in range(count - 1)]
        block = {'latency_ms': latency, 'cpu_ms': threads, 'memory_mb': 50.0, 'lost': 0,
                 'error': ''}  # fmt: skip
        print(json.dumps(block), flush=True)


if __name__ == '__main__':
    main()
