"""Kills an inference node with SIGKILL at random instants of rollouts, again and again.

`python -m benchmarks.kill_rollout --kills 200`: after each kill the state and the audit log have
to be readable, and the next start has to publish results of the model that the state says: the
stable one, or the candidate once it was promoted and watched. The versions are `shapes@2` and the
same again as `shapes@3`, in turns each other's candidate; a person promotes some of them at once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.rollout_models import Kind, make_store
from benchmarks.serving_node import NODE, Watcher, start_camera, start_detector
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.demos.own_domain import use_own_domain
from ml_integration.deploy.rollout.restarts import on_start
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.client.child_process import ChildProcess
from ml_integration.ros.messages import fast_dds
from ml_integration.store.state.rollout_state import RolloutState
from ml_integration.store.state.state_dir import StateDir

MODELS = ('shapes@2', Kind.IDENTICAL.reference)
RATE_HZ = 30.0
UDP_ONLY = """<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns="http://www.eprosima.com"><profiles>
  <transport_descriptors><transport_descriptor>
    <transport_id>udp</transport_id><type>UDPv4</type>
  </transport_descriptor></transport_descriptors>
  <participant profile_name="udp_only" is_default_profile="true"><rtps>
    <userTransports><transport_id>udp</transport_id></userTransports>
    <useBuiltinTransports>false</useBuiltinTransports>
  </rtps></participant>
</profiles></dds>
"""
SHORT_S = 3.0
"""Latest of most kills after the start of a rollout, and of what a person says [s]."""
VERBS = ('', 'promote', 'promote', 'abort')
"""What a person does before the kill; '': nothing."""
SETTINGS: dict[str, object] = {
    'rollout.shares': '[50.0]',
    'rollout.minimum_frames': 20,
    'rollout.minimum_s': 0.2,
    'rollout.watch_s': 0.2,
    'rollout.latency_ratio': 50.0,
    'rollout.unlike_latency_ratio': 50.0,
    'rollout.late_ratio': 1.0,
    'rollout.error_ratio': 0.2,
    'rollout.invalid_ratio': 0.2,
    'rollout.memory_growth_mb': 1000.0,
    'rollout.crashes': 1000000,
}
"""Steps of a moment; the end of the process is nobody's fault here."""


@dataclass(slots=True)
class Found:
    """What kills have met and left."""

    phases: Counter[str] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


def main() -> int:
    """Entry point; returns 1 when a kill left something that is not good."""
    parser = argparse.ArgumentParser(prog='kill_rollout', description=__doc__)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--longest', type=float, default=40.0, help='until some kills [s]')
    parser.add_argument('--out', type=Path, default=Path('out'))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    use_own_domain()
    # What is killed may leave a lock in shared memory, and its neighbors would hear it no more.
    profile = options.out / 'udp_only.xml'
    profile.write_text(UDP_ONLY)
    os.environ.update(dict.fromkeys(fast_dds.VARIABLES, str(profile.absolute())))
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        camera = start_camera(options.out, RATE_HZ)
        resources.callback(camera.end)
        chance = random.Random(options.seed)
        killing = Killing(options.out, folder, Watcher(resources), chance, options.longest)
        found = killing.again_and_again(options.kills)
    result = {
        'kills': options.kills,
        'killed in': found.phases,
        'then served': found.served,
        'bad': found.bad,
    }
    (options.out / 'kill_rollout.json').write_text(json.dumps(result, indent=2) + '\n')
    print(json.dumps(result, indent=2))
    return 1 if found.bad else 0


class Killing:
    """Starts a node, has it roll a model out, and kills it.

    Args:
        out: folder for logs.
        folder: for the store and for what the node remembers.
        watcher: sees the node.
        chance: draws the instants.
        longest_s: latest kill of a rollout that goes its own way [s].
    """

    def __init__(
        self, out: Path, folder: Path, watcher: Watcher, chance: random.Random, longest_s: float
    ) -> None:
        self._out, self._watcher, self._chance = out, watcher, chance
        self._longest_s = longest_s
        self._store = make_store(folder / 'store', Kind.IDENTICAL)
        self._state = folder / 'state'

    def again_and_again(self, kills: int) -> Found:
        """Kills nodes; returns what was found after each kill."""
        found = Found()
        for number in range(kills + 1):
            expected = self.expected()
            self._watcher.seen.serving = ''
            node = self._start(MODELS[1 - MODELS.index(expected)])
            try:
                found.served[self._served(node)] += 1
                if self._watcher.seen.serving != expected:
                    serves = self._watcher.seen.serving
                    found.bad.append(f'start {number}: {serves} serves, {expected} should')
                if number < kills:
                    found.phases[self._kill(node)] += 1
            finally:
                node.end()
            found.bad += [f'kill {number + 1}: {problem}' for problem in self._problems()]
            print(f'\r{number} of {kills} kills', end='', file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return found

    def expected(self) -> str:
        """Returns the model that the next start has to serve, as the state says."""
        serving = StateDir(self._state).node_state(f'/{NODE}').serving
        state = self._rollout()
        if state.has_candidate:
            serving = on_start(state, RolloutSettings(crashes=1000000)).state.serving.model
        return serving or MODELS[0]

    def _start(self, candidate: str) -> ChildProcess:
        values = {
            'model': MODELS[0],
            'model_path': self._store,
            'state_dir': self._state,
            'rollout.candidate': candidate,
            **SETTINGS,
        }
        return start_detector(self._out, values)

    def _served(self, node: ChildProcess) -> str:
        """Waits until results come of the model that the node says it serves; returns which."""
        seen = self._watcher.seen
        try:
            self._watcher.wait(lambda _: seen.serving in MODELS, 'a model to serve')
            count = len(seen.frames)
            self._watcher.wait(lambda _: len(seen.frames) > count + 1, 'results')
        except MlIntegrationError as error:
            raise node.with_log(error) from error
        return seen.serving

    def _kill(self, node: ChildProcess) -> str:
        """Kills it a moment after a person has said something, or nobody; says in which phase."""
        self._watcher.wish('rollout/start')  # refused where the parameter has done it
        verb = self._chance.choice(VERBS)
        if verb:
            time.sleep(self._chance.uniform(0, SHORT_S))
            self._watcher.wish(f'rollout/{verb}')
        time.sleep(self._chance.uniform(0, SHORT_S / 3 if verb else self._longest_s))
        os.kill(node.pid, signal.SIGKILL)
        node.wait()
        state = self._rollout()
        return state.phase.value + (', watched' if state.watched else '')

    def _rollout(self) -> RolloutState:
        return StateDir(self._state).rollout_state(f'/{NODE}')

    def _problems(self) -> list[str]:
        directory = StateDir(self._state)
        serving = directory.node_state(f'/{NODE}').serving
        wrong = [] if serving in MODELS else [f'{serving!r} is stored as serving']
        return [*wrong, *directory.problems, *directory.audit.verify()]


if __name__ == '__main__':
    sys.exit(main())
