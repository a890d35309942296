"""The writable part of a model store: which versions are active, what the nodes remember.

A file that cannot be understood is never fatal: it is set aside, a default takes its place, and
`StateDir.problems` says so.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, unquote

from ml_integration.core.outcomes import Outcomes
from ml_integration.errors import SettingError, StateError
from ml_integration.store.files import read_file
from ml_integration.store.state.audit import AuditLog
from ml_integration.store.state.claim import Claim
from ml_integration.store.state.durable import cannot, locked, write_durably
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.node_state import NodeState
from ml_integration.store.state.places import NO_HOME, expanded, home_folder
from ml_integration.store.state.rollout_state import RolloutState

VARIABLE = 'ML_INTEGRATION_STATE_DIR'
_SCHEMA = 1
_LARGEST = 2**20
_PATIENCE_S = 1.0
_ASIDE = '.corrupt-'
_UNKNOWN = ModelState(floor_known=False)


def default_state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the state directory for when nobody names one.

    It is that of the variable ML_INTEGRATION_STATE_DIR, else `ml_integration` in the user's
    state home (XDG_STATE_HOME, by default ~/.local/state).
    """
    named = environment.get(VARIABLE, '')
    if named:
        return expanded(named, VARIABLE, 'the environment')
    try:
        return home_folder('XDG_STATE_HOME', '.local/state', environment)
    except SettingError:
        raise SettingError(
            VARIABLE,
            named,
            'a folder for the state, as --state-dir and the parameter state_dir name one too',
            where='the environment',
            hint=NO_HOME,
        ) from None


def named_state_dir(named: str, where: str) -> Path:
    """Returns the state directory that the parameter `state_dir` names, or the default one.

    Args:
        named: the parameter; empty: nothing.
        where: the node, for errors.

    Raises:
        SettingError: it is no folder's name, or nobody names one and there is no home.
    """
    return expanded(named, 'state_dir', where) if named else default_state_dir()


class _Stored(Protocol):
    def document(self) -> dict[str, Any]: ...


T = TypeVar('T', bound=_Stored)


class StateDir:
    """A state directory. It need not exist: reading gives defaults, writing makes it.

    Attributes:
        path: the directory.
        audit: what was done to models, by whom and why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.audit = AuditLog(path / 'audit.jsonl')
        self._problems: list[str] = []
        self._unread: dict[Path, str] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about what could not be understood so far, or cannot be read now."""
        return (*self._problems, *self._unread.values())

    def node_state(self, node: str) -> NodeState:
        """Reads what a node remembers; the default when there is nothing.

        Args:
            node: fully qualified name, such as /robot1/detector.
        """
        return self._read(
            self._file('nodes', node), NodeState.from_document, NodeState(), NodeState()
        )

    def save_node_state(self, node: str, state: NodeState) -> None:
        """Stores what a node remembers.

        Raises:
            StateError: it cannot be written; what was stored before is still there.
        """
        self._write(self._file('nodes', node), state)

    def update_node_state(self, node: str, change: Callable[[NodeState], NodeState]) -> NodeState:
        """Changes what a node remembers; returns the new state.

        The node and who lifts a rejection wait for each other, but not for long: a node has to
        remember what it is about to serve.

        Args:
            node: fully qualified name.
            change: gives the new state for the stored one.

        Raises:
            StateError: it cannot be written; what was stored before is still there.
        """
        file = self._file('nodes', node)
        with self._patiently_alone(file):
            new = change(self.node_state(node))
            self.save_node_state(node, new)
            return new

    def node_states(self) -> dict[str, NodeState]:
        """Reads what every node remembers, by its name."""
        return {node: self.node_state(node) for node in self._names('nodes')}

    def rollout_state(self, node: str) -> RolloutState:
        """Reads where the rollout of a node is; none was begun when there is nothing."""
        file = self._file('rollouts', node)
        return self._read(file, RolloutState.from_document, RolloutState(), RolloutState())

    def update_rollout_state(
        self, node: str, change: Callable[[RolloutState], RolloutState]
    ) -> RolloutState:
        """Changes where the rollout of a node is; as `update_node_state`.

        Raises:
            StateError: it cannot be written; what was stored before is still there.
        """
        file = self._file('rollouts', node)
        with self._patiently_alone(file):
            new = change(self.rollout_state(node))
            self._write(file, new)
            return new

    def rollout_states(self) -> dict[str, RolloutState]:
        """Reads where the rollout of every node is, by its name."""
        return {node: self.rollout_state(node) for node in self._names('rollouts')}

    def outcomes(self, node: str) -> Outcomes:
        """Reads what became of a node's results; nothing when there is nothing."""
        file = self._file('outcomes', node)
        return self._read(file, Outcomes.from_document, Outcomes(), Outcomes())

    def save_outcomes(self, node: str, outcomes: Outcomes) -> None:
        """Stores what became of a node's results.

        Raises:
            StateError: it cannot be written; what was stored before is still there.
        """
        self._write(self._file('outcomes', node), outcomes)

    def all_outcomes(self) -> dict[str, Outcomes]:
        """Reads what became of the results of every node, by its name."""
        return {node: self.outcomes(node) for node in self._names('outcomes')}

    def model_state(self, name: str) -> ModelState:
        """Reads what is remembered about a model; the default when there is nothing.

        Where there is something that cannot be read or understood, or was set aside for that,
        the floor of the default is not known.
        """
        file = self._file('models', name)
        return self._read(file, ModelState.from_document, ModelState(), _UNKNOWN)

    def update_model_state(
        self, name: str, change: Callable[[ModelState], ModelState]
    ) -> ModelState:
        """Changes what is remembered about a model; nobody else changes it meanwhile.

        Args:
            name: the model's name.
            change: gives the new state for the stored one.

        Returns:
            The new state.

        Raises:
            StateError: it cannot be written; what was stored before is still there.
        """
        with self.alone():
            file = self._file('models', name)
            try:
                old = self._mended(file, ModelState.from_document, ModelState(), _UNKNOWN)
            except OSError as error:  # what cannot be read must not be replaced by a default
                raise cannot('be read', file, error) from error
            new = change(old)
            if new != old:
                self._write(file, new)
            return new

    def claim_node(self, node: str) -> Claim:
        """Claims what a node remembers for this process; close it when the node is done."""
        return Claim(self._file('nodes', node).with_suffix('.lock'))

    def freeze_frames(self, node: str) -> Path:
        """Returns the folder of a node's files of frozen frames."""
        return self.path / 'freeze_frames' / quote(node, safe='')

    def _file(self, kind: str, name: str) -> Path:
        return self.path / kind / f'{quote(name, safe="")}.json'

    def _names(self, kind: str) -> list[str]:
        return [unquote(file.stem) for file in sorted((self.path / kind).glob('*.json'))]

    @contextmanager
    def _patiently_alone(self, file: Path) -> Iterator[None]:
        """Waits a moment for whoever changes a file, and goes on."""
        with ExitStack() as alone:
            with suppress(StateError):
                alone.enter_context(locked(file.with_name(f'.{file.stem}.lock'), _PATIENCE_S))
            yield

    def alone(self) -> AbstractContextManager[None]:
        """Keeps everybody else from changing what is remembered about models.

        Raises:
            StateError: it cannot be locked.
        """
        return locked(self.path / 'locks/models')

    def _write(self, file: Path, state: _Stored) -> None:
        document = {'schema': _SCHEMA, **state.document()}
        write_durably(file, (json.dumps(document, indent=2) + '\n').encode())

    def _read(
        self, file: Path, parse: Callable[[Mapping[str, Any]], T], default: T, unknown: T
    ) -> T:
        """Reads a file: `default` if there is none, `unknown` if nobody knows what it said."""
        try:
            return self._loaded(file, parse, default, unknown)
        except OSError as error:
            self._unread[file] = f'{cannot("be read", file, error)} A default is used.'
            return unknown
        except ValueError as error:
            reason = str(error)
        try:
            with self.alone():  # a good one may have taken its place
                return self._mended(file, parse, default, unknown)
        except (StateError, OSError) as error:
            self._tell(f'{file}: {reason}; a default is used. {error}')
            return unknown

    def _mended(
        self, file: Path, parse: Callable[[Mapping[str, Any]], T], default: T, unknown: T
    ) -> T:
        """Reads a file that nobody changes meanwhile; sets it aside if it makes no sense."""
        try:
            return self._loaded(file, parse, default, unknown)
        except ValueError as error:
            self._set_aside(file, str(error))
            return unknown

    def _loaded(
        self, file: Path, parse: Callable[[Mapping[str, Any]], T], default: T, unknown: T
    ) -> T:
        try:
            state = _load(file, parse)
        except FileNotFoundError:
            state = unknown if _was_set_aside(file) else default
        self._unread.pop(file, None)
        return state

    def _tell(self, problem: str) -> None:
        if problem not in self._problems:  # a node looks again and again
            self._problems.append(problem)

    def _set_aside(self, file: Path, reason: str) -> None:
        now = datetime.now(timezone.utc).strftime('%Y%m%dT%H%M%S.%fZ')
        aside = file.with_name(f'{file.name}{_ASIDE}{now}')
        try:
            file.rename(aside)
            outcome = f'it is kept as {aside.name} and a default is used'
        except OSError as error:
            outcome = f'a default is used. {cannot("be set aside", file, error)}'
        self._tell(f'{file}: {reason}; {outcome}')


def _was_set_aside(file: Path) -> bool:
    return any(file.parent.glob(f'{glob.escape(file.name)}{_ASIDE}*'))


def _load(file: Path, parse: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        document = json.loads(read_file(file, _LARGEST))
    except RecursionError as error:
        raise ValueError('it is nested too deeply') from error
    if not isinstance(document, dict) or document.get('schema') != _SCHEMA:
        raise ValueError(f'it is not a document of schema {_SCHEMA}')
    return parse(document)
