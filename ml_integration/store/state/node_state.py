"""Memory of a node over restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeState:
    """Memory of a node over restarts. Models are `name@version`, or empty.

    Attributes:
        serving: the model that serves, or that was being put into service.
        committed: whether it has proven itself.
        attempts: starts on it since it was put into service, while it is not committed.
        previous: the last other model that had proven itself.
        rejected: models that failed probation or were rolled back; a person who asks for one
            again takes it off.
    """

    serving: str = ''
    committed: bool = False
    attempts: int = 0
    previous: str = ''
    rejected: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Returns plain data."""
        return asdict(self)

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> NodeState:
        """Reads plain data.

        Raises:
            ValueError: it is something else.
        """
        match document:
            case {
                'serving': str(serving),
                'committed': bool(committed),
                'attempts': int(attempts),
                'previous': str(previous),
                'rejected': [*rejected],
            } if attempts >= 0 and all(isinstance(item, str) for item in rejected):
                return NodeState(serving, committed, attempts, previous, tuple(rejected))
        raise ValueError('it is not the state of a node')
