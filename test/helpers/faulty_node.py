"""A program: a lifecycle node in which everything fails that can."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from std_srvs.srv import Trigger

from ml_integration.core.declaration import declared
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.program import run_node


@dataclass(frozen=True, slots=True)
class FaultyParameters:
    autostart: bool = declared(False, 'Start by itself.', read_only=True)
    executor: str = declared('events', 'Executor.', read_only=True)


class FaultyNode(GuardedLifecycleNode[FaultyParameters]):
    def __init__(self, **options: Any) -> None:
        super().__init__('faulty', FaultyParameters, options)
        self.create_service(Trigger, '~/fail', self.guarded(self._answer))
        self.every(0.05, self._tick)

    def configure(self, resources: ExitStack) -> None:
        resources.callback(print, 'the first one is released', flush=True)
        resources.callback(self._fail, 'oops while releasing')
        resources.callback(print, 'the last one is released', flush=True)

    def activate(self, resources: ExitStack) -> None:
        resources.callback(print, 'what was active is released', flush=True)
        self._fail('oops in activate')

    def _answer(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = 'as far as it came'
        self._fail('oops in a service')
        return response

    def _tick(self) -> None:
        self._fail('oops in a timer')

    def _fail(self, what: str) -> None:
        raise ZeroDivisionError(what)


if __name__ == '__main__':
    sys.exit(run_node(FaultyNode))
