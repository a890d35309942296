"""A robot whose inference node is killed and started again, as a supervisor would."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from inference_processes import MODULE, NodeUnderTest, ros_arguments
from ros_client import Client
from ros_processes import Process, wait_until
from swapping_nodes import LOAD_S, SwappingNode

from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.state_dir import StateDir

NAME = '/rebooting'
SOON = {'probation__good_frames': 2, 'probation__seconds': 0.0}
NEVER = {'probation__good_frames': 10**6}


class Robot:
    """One node after the other on the same store and state directory.

    Args:
        folder: for logs.
        store: the models.
        state: the state directory.
        clients: where those who talk to the nodes are kept.
    """

    def __init__(self, folder: Path, store: Path, state: Path, clients: ExitStack) -> None:
        self._folder, self._clients = folder, clients
        self._fixed = {
            'model_path': store,
            'state_dir': state,
            'deadline_ms': 0,
            'sensor_qos': 'reliable',
            'autostart': True,
            'probation__attempts': 2,
        }
        self.state_dir = StateDir(state)
        self.processes: list[Process] = []

    def start(self, environment: Mapping[str, str] | None = None, **parameters: object) -> Process:
        """Starts the node's process, which brings itself to active if it can."""
        arguments = ros_arguments(**{**self._fixed, **parameters})
        log = self._folder / f'boot_{len(self.processes)}.log'
        name = ('-r', f'__node:={NAME[1:]}')
        self.processes.append(Process(['-m', MODULE, *arguments, *name], log, environment))
        return self.processes[-1]

    def boot(
        self, environment: Mapping[str, str] | None = None, **parameters: object
    ) -> SwappingNode:
        """Starts it and waits until it is active."""
        process = self.start(environment, **parameters)
        wait_until(
            lambda: 'verified by' in process.log or process.returncode is not None,
            'a model',
            LOAD_S,
        )
        assert process.returncode is None, process.log
        # One that knew the dead node would take seconds to see that there is another.
        client = self._clients.enter_context(closing(Client()))
        client.wait_for_state(NAME, 'active')
        return SwappingNode(NodeUnderTest(process, client, NAME), self._folder / 'gate')

    def kill(self) -> None:
        """The power goes off."""
        self.processes[-1].send(signal.SIGKILL)
        self.processes[-1].wait()

    def prove(self, model: str) -> None:
        """Boots on a model, lets it prove itself, and stops it cleanly."""
        self.let_prove(self.boot(model=model, **SOON), model)
        assert self.processes[-1].stop() == 0

    def let_prove(self, node: SwappingNode, model: str) -> None:
        """Lets the serving model serve until it has proven itself."""

        def proven() -> bool:
            node.ask_once()
            state = self.state()
            return state.committed and state.serving == model

        wait_until(proven, f'{model} to prove itself')

    def state(self) -> NodeState:
        """What the node remembers."""
        return self.state_dir.node_state(NAME)


@contextmanager
def robot_on(folder: Path, store: Path, state: Path) -> Iterator[Robot]:
    """A robot whose processes end with the block."""
    with ExitStack() as clients:
        robot = Robot(folder, store, state, clients)
        try:
            yield robot
        finally:
            for process in robot.processes:
                process.end()
