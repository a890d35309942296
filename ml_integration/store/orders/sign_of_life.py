"""What a node tells those who collect state directories: that it lives, and with which model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from ml_integration.store.files import read_file
from ml_integration.store.orders.document import parsed_time
from ml_integration.store.state.durable import write_durably

FOLDER = 'signs'
_LARGEST = 2**16


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A node at one moment.

    Attributes:
        robot: id of the robot.
        node: full name of the node.
        time: when it was, with its time zone.
        model: what serves, `name@version`.
        digest: of its manifest.
        orders: counter of the orders about this model that were obeyed; 0 for none.
        decision: what came of the plan, in words.
    """

    robot: str
    node: str
    time: datetime
    model: str
    digest: str
    orders: int
    decision: str

    def write(self, state_dir: Path) -> None:
        """Replaces what the node told before.

        Raises:
            StateError: it cannot be written.
        """
        document = {**asdict(self), 'time': self.time.isoformat(timespec='seconds')}
        file = state_dir / FOLDER / f'{quote(self.node, safe="")}.json'
        write_durably(file, (json.dumps(document) + '\n').encode())


def read_sign(file: Path) -> SignOfLife | None:
    """Reads what a node told; None if nobody can tell what it says."""
    try:
        document = json.loads(read_file(file, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    match document:
        case {
            'robot': str(robot),
            'node': str(node),
            'time': str(text),
            'model': str(model),
            'digest': str(digest),
            'orders': int(orders),
            'decision': str(decision),
        }:
            time = parsed_time(text)
            if time is not None and time.tzinfo is not None:
                return SignOfLife(robot, node, time, model, digest, orders, decision)
    return None
