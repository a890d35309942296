"""Processes that measure candidates side by side: one block of each, round after round."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ml_integration.errors import MlIntegrationError
from ml_integration.tuning.candidates import Candidate
from ml_integration.tuning.child import Child, ChildError
from ml_integration.tuning.trial import Block, Material, Opened, Trial

WORKER = 'ml_integration.tuning.worker'
LEAST_FRAMES, BLOCK_S = 5, 0.27
"""Frames of a block, the first of which does not count, and the time that it should take [s]."""
OPEN_S, PATIENCE_S = 120.0, 15.0
"""Longest time for opening a model, and how much longer than planned a block may take [s]."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is measured.

    Attributes:
        package: folder of the model.
        material: what it runs on.
        cameras: number of cameras that send frames at the same time.
        model_key: file with the key of encrypted models; empty for that of the environment.
        open_s: longest time for opening a model [s].
        patience_s: how much longer than planned a block may take [s].
        worker: module that measures.
    """

    package: Path
    material: Material
    cameras: int = 1
    model_key: str = ''
    open_s: float = OPEN_S
    patience_s: float = PATIENCE_S
    worker: str = WORKER

    @property
    def frames(self) -> int:
        """Number of frames of a block."""
        return max(LEAST_FRAMES, round(BLOCK_S * self.material.rate_hz))

    @property
    def block_s(self) -> float:
        """Time that a block takes [s]."""
        return self.frames / self.material.rate_hz

    def trial(self, candidate: Candidate, scratch: str = '') -> Trial:
        package = candidate.package or str(self.package)
        return Trial(
            package,
            self.material,
            candidate.execution,
            candidate.batch,
            self.cameras,
            self.model_key,
            candidate.raw_subscription,
            candidate.large_messages,
            scratch,
        )


@dataclass(slots=True)
class Member:
    """A candidate with its process and its blocks.

    Attributes:
        opened: what the model came to.
        blocks: by the number of the round.
        failure: why it is measured no more; empty while it is.
    """

    candidate: Candidate
    child: Child
    opened: Opened | None = None
    blocks: dict[int, Block] = field(default_factory=dict)
    failure: str = ''


class Crew:
    """Processes, one for each candidate; ends them all on leaving the block.

    Args:
        task: what is measured.
        show: is called with the number of blocks that were run since the start.
    """

    def __init__(self, task: Task, show: Callable[[int], None]) -> None:
        self.task = task
        self.members: list[Member] = []
        self._show = show
        self._done = self._round = 0
        self._order = random.Random(0)
        self._resources = ExitStack()

    def __enter__(self) -> Crew:
        self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory()))
        return self

    def __exit__(self, *of_error: object) -> None:
        self._resources.close()

    def hire(self, candidate: Candidate) -> Member:
        """Starts a process that opens a candidate; one that cannot be opened is not measured."""
        scratch = self._folder / str(len(self.members))
        scratch.mkdir()
        child = Child([self.task.worker], scratch / 'worker.log')
        self._resources.callback(child.end)
        member = Member(candidate, child)
        self.members.append(member)
        try:
            trial = self.task.trial(candidate, str(scratch))
            member.opened = Opened(**child.ask(trial.line(), self.task.open_s))
            if member.opened.fallback:
                raise ChildError(member.opened.fallback)
            self._run(member, 0)  # the first one shows what is slow only once
            member.blocks.clear()
        except ChildError as error:
            self._dismiss(member, error)
        return member

    def dismiss(self, members: Iterable[Member]) -> None:
        """Ends processes that are not needed any more."""
        for member in members:
            member.child.end()

    def measure(self, members: Sequence[Member], rounds: int) -> None:
        """Runs one block of each candidate per round, in another order each time."""
        for _ in range(rounds):
            self._round += 1
            active = [member for member in members if not member.failure]
            self._order.shuffle(active)
            for member in active:
                try:
                    self._run(member, self._round)
                except ChildError as error:
                    self._dismiss(member, error)
                self._done += 1
                self._show(self._done)

    def _run(self, member: Member, number: int) -> None:
        frames = self.task.frames
        limit_s = self.task.block_s + self.task.patience_s
        answer = member.child.ask(json.dumps([number * frames, frames]), limit_s)
        answer['latency_ms'] = tuple(answer['latency_ms'])
        block = Block(**answer)
        if not block.latency_ms:
            raise ChildError(block.error or 'it gave no result for any frame of a block')
        member.blocks[number] = block

    def _dismiss(self, member: Member, error: MlIntegrationError) -> None:
        member.failure = str(error)
        member.child.end()
