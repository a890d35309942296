"""Asks a node to begin a rollout by a file in its state: whoever may write there may ask."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from ml_integration.errors import StateError
from ml_integration.store.files import read_file
from ml_integration.store.state.durable import cannot, write_durably
from ml_integration.store.state.node_state import Edition

_SCHEMA = 1
_LARGEST = 2**14


class RolloutRequest:
    """Request to one node: written by whoever asks, taken once by the node.

    Args:
        state_dir: where the node keeps its state.
        node: full name of the node.
    """

    def __init__(self, state_dir: Path, node: str) -> None:
        self._path = state_dir / 'rollouts' / f'{quote(node, safe="")}.request'
        self._told = ''

    def ask(self, candidate: Edition) -> None:
        """Writes the request; one that nobody has taken is replaced.

        Args:
            candidate: what to roll out, and no other content of that version.

        Raises:
            StateError: it cannot be written.
        """
        document = {'schema': _SCHEMA, 'candidate': asdict(candidate)}
        write_durably(self._path, (json.dumps(document) + '\n').encode())

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has taken it yet."""
        return self._path.exists()

    def withdraw(self) -> bool:
        """Takes the request back; returns whether the node had not taken it.

        Raises:
            StateError: the file cannot be removed.
        """
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise cannot('be removed', self._path, error) from error
        return True

    def take(self) -> Edition | None:
        """Takes the request, if there is one; for the node, again and again.

        Raises:
            StateError: it makes no sense, or cannot be read or removed; not raised again for the
                same reason.
        """
        problem: Exception | None = None
        candidate = None
        try:
            candidate = _candidate_in(self._path)
        except FileNotFoundError:
            self._told = ''
            return None
        except (OSError, ValueError, RecursionError) as error:
            problem = error
        try:
            self._path.unlink()
        except FileNotFoundError:  # whoever asked was faster
            return None
        except OSError as error:  # it would be begun again and again
            candidate, problem = None, error
        if problem is not None:
            self._complain(problem)
        return candidate

    def _complain(self, problem: Exception) -> None:
        what = f'it is no request for a rollout: {problem}'
        error = StateError(self._path, what)
        if isinstance(problem, OSError):
            error = cannot('be taken', self._path, problem)
        if str(error) != self._told:
            self._told = str(error)
            raise error


def _candidate_in(path: Path) -> Edition:
    document = json.loads(read_file(path, _LARGEST))
    if not isinstance(document, dict) or document.get('schema') != _SCHEMA:
        raise ValueError(f'it is not a document of schema {_SCHEMA}')
    return Edition.from_document(document.get('candidate'))
