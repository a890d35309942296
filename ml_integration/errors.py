"""Errors that this package raises, as one tree.

::

    MlIntegrationError
    |-- SettingError            a value in a manifest, parameter or settings block is wrong
    |   `-- ManifestError       ... in a manifest file
    |-- PluginError             no plug-in of that name, or it does not import
    |-- ModelError              a model cannot serve
    |   |-- ModelNotFoundError  no store holds it
    |   |-- IntegrityError      its files are not the ones the manifest pins
    |   |-- ModelLoadError      the engine refuses it
    |   |   `-- LoadTimeoutError    ... or does not come back
    |   |-- ModelMismatchError  the file and its manifest or task disagree
    |   |-- MemoryBudgetError   it would take more memory than the process may have
    |   |-- GoldenError         it loads, but does not compute what it should
    |   |-- InstallError        it cannot be put into a store or taken out of it
    |   `-- SwapError             it cannot take the place of the one that serves
    |       `-- SupersededError   ... because a newer request came
    |-- ExportError             no model package can be made of an export
    |-- RecordingError          pictures, a video or a bag cannot be read
    |-- StateError              what has to be remembered cannot be read or written
    `-- FrameError              one frame cannot be processed; the next one may be
        |-- MessageError        the message contradicts itself or has an unknown encoding
        `-- InferenceError      the engine failed on this frame
            `-- DeadlineError   ... because it took too long

Each one is built from typed arguments and prints as one sentence that says what, where,
what was got, what was expected and what to do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

_INVISIBLE = {'Cc', 'Cf', 'Cs', 'Zl', 'Zp'}
"""Unicode categories: control, format and surrogate characters, line and paragraph separators."""


def escaped(text: str) -> str:
    """Writes characters that cannot be seen as escapes, such as those that steer a terminal.

    Names, descriptions and messages come from files of strangers. Bytes of a command line that
    are not UTF-8 become escapes as well, so that every stream takes the text.
    """
    if text.isascii() and text.isprintable():
        return text
    return ''.join(ascii(c)[1:-1] if unicodedata.category(c) in _INVISIBLE else c for c in text)


class MlIntegrationError(Exception):
    """Base of the tree; ``str()`` is the sentence a person reads.

    Args:
        what: what went wrong, without a trailing full stop.
        where: file, topic, parameter or tensor concerned.
        got: what was found there.
        expected: what would have been right.
        hint: what to do about it.
    """

    def __init__(
        self, what: str, *, where: str = '', got: str = '', expected: str = '', hint: str = ''
    ) -> None:
        self.what = what
        self.where = where
        self.got = got
        self.expected = expected
        self.hint = hint
        super().__init__(self._sentence())

    def at(self, where: str) -> None:
        """Says where it went wrong, unless that is said already."""
        self.where = self.where or where
        self.args = (self._sentence(),)

    def _sentence(self) -> str:
        text = f'{self.where}: {self.what}' if self.where else self.what
        if self.got:
            text += f'; got {self.got}'
        if self.expected:
            text += f'; expected {self.expected}'
        if self.hint:
            text += f'. {self.hint}'
        return escaped(re.sub(r'\s*\n\s*', ' ', text))


class SettingError(MlIntegrationError):
    """Error: a value in a settings block or a parameter is wrong.

    Args:
        key: the name of the value.
        got: the value; None if there is none.
        expected: what would have been right; may be empty where `what` says it.
        where: file, node or command concerned.
        hint: what to do about it.
        what: a sentence that says it better than that this value of this key is not valid.
    """

    def __init__(
        self, key: str, got: object, expected: str, *, where: str, hint: str = '', what: str = ''
    ) -> None:
        self.key = key
        if got is None:
            what = what or f"'{key}' has no value"
        shown = '' if what else _shown(got)
        super().__init__(
            what or f"'{key}' is not valid", where=where, got=shown, expected=expected, hint=hint
        )


class ManifestError(SettingError):
    """Error: a manifest file is unreadable, or one of its keys is wrong."""

    def __init__(
        self, file: Path, key: str, got: object, expected: str, hint: str = '', *, what: str = ''
    ) -> None:
        self.file = file
        super().__init__(key, got, expected, where=str(file), hint=hint, what=what)


class PluginError(MlIntegrationError):
    """Error: there is no plug-in of that kind and name, or it does not import."""

    def __init__(self, kind: str, name: str, available: Sequence[str], reason: str = '') -> None:
        self.kind = kind
        self.name = name
        super().__init__(
            reason or f"there is no '{name}'",
            where=f'ml_integration.{kind}',
            expected=f'one of {", ".join(available)}' if available else '',
            hint=f'Add ml_integration/{kind.replace(".", "/")}/{name}.py or an entry point in '
            f'the group ml_integration.{kind}.',
        )


class ModelError(MlIntegrationError):
    """Error: a model cannot serve."""


class ModelNotFoundError(ModelError):
    """Error: no store holds the model that was asked for."""

    def __init__(self, reference: str, stores: Sequence[Path], available: Sequence[str]) -> None:
        self.reference = reference
        names = dict.fromkeys(model.partition('@')[0] for model in available)
        name = reference.partition('@')[0]
        close = '' if name in names else next(iter(get_close_matches(name, names, 1)), '')
        super().__init__(
            f"there is no model '{reference}'",
            where=', '.join(_store(store) for store in stores) or 'no model store',
            expected=f'one of {", ".join(available)}' if available else 'a store with models',
            hint=f"Did you mean '{close}'?"
            if close
            else 'List what is there with: ml_model list.',
        )


class IntegrityError(ModelError):
    """Error: a model's files are not the ones that its manifest pins."""

    def __init__(
        self, file: Path, what: str, got: str = '', expected: str = '', hint: str = ''
    ) -> None:
        self.file = file
        super().__init__(
            what,
            where=str(file),
            got=got,
            expected=expected,
            hint=hint or 'Install the model again from a source you trust.',
        )


class ModelLoadError(ModelError):
    """Error: the engine refuses the model file."""

    def __init__(self, model: str, reason: str, hint: str = '') -> None:
        super().__init__(reason, where=model, hint=hint)


class LoadTimeoutError(ModelLoadError):
    """Error: a model was not loaded and tested within its time."""

    def __init__(self, model: str, limit_s: float, hangs: bool = False) -> None:
        self.hangs = hangs
        left = '; it still hangs and is left behind until the process ends' if hangs else ''
        super().__init__(
            model,
            f'it was not loaded and tested within {limit_s:g} s{left}',
            'Raise load_timeout_s if this machine is only slow; otherwise do not use this model.',
        )


class ModelMismatchError(ModelError):
    """Error: the model file and its manifest or its task disagree."""

    def __init__(self, model: str, what: str, got: str, expected: str, hint: str = '') -> None:
        super().__init__(what, where=model, got=got, expected=expected, hint=hint)


class MemoryBudgetError(ModelError):
    """Error: a model would take more memory than the process may have, or does."""

    def __init__(self, model: str, got: str, limit_mb: float) -> None:
        super().__init__(
            'it does not fit into memory_budget_mb',
            where=model,
            got=got,
            expected=f'at most {limit_mb:.0f} MB together',
            hint='Raise memory_budget_mb, or choose a smaller model; keep_previous: false leaves '
            'more for it.',
        )


class GoldenError(ModelError):
    """Error: the model loads but does not reproduce its golden sample."""

    def __init__(self, model: str, output: str, worst: float, rtol: float, atol: float) -> None:
        super().__init__(
            f"output '{output}' differs from the golden sample",
            where=model,
            got=f'a difference of up to {worst:.3g}',
            expected=f'at most atol {atol:g} + rtol {rtol:g} * |expected|',
            hint='The file, the engine or its provider computes something else than the '
            'model that was released; do not use it.',
        )


class SwapError(ModelError):
    """Error: a model cannot take the place of the one that serves."""


class SupersededError(SwapError):
    """Error: a newer request came before this one was done."""

    def __init__(self) -> None:
        super().__init__('the request was superseded by a newer one')


class InstallError(ModelError):
    """Error: a model cannot be put into a store or taken out of it."""

    def __init__(self, path: Path, what: str, hint: str = '') -> None:
        self.path = path
        super().__init__(what, where=str(path), hint=hint)


class ExportError(MlIntegrationError):
    """No model package can be made of an export as it is."""


class RecordingError(MlIntegrationError):
    """A recording cannot be read: pictures, a video, an array or a bag."""


class StateError(MlIntegrationError):
    """Error: a file of the state directory or of a store cannot be read or written."""

    def __init__(self, path: Path, what: str, hint: str = '') -> None:
        self.path = path
        super().__init__(what, where=str(path), hint=hint)


class FrameError(MlIntegrationError):
    """Error: one frame cannot be processed; the next one may be."""


class MessageError(FrameError):
    """Error: a message contradicts itself or uses an encoding that is not supported."""

    def __init__(self, field: str, got: object, expected: str, hint: str = '') -> None:
        self.field = field
        super().__init__(
            f"message field '{field}' is not valid", got=_shown(got), expected=expected, hint=hint
        )


class InferenceError(FrameError):
    """Error: the engine failed on this frame."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f'inference failed: {reason}', where=model)


class DeadlineError(InferenceError):
    """Error: the engine was stopped because it took too long."""

    def __init__(self, model: str, limit_ms: float) -> None:
        super().__init__(model, f'it was ended after {limit_ms:.0f} ms')


def _store(path: Path) -> str:
    """Names a model store, and says so if it cannot be one."""
    if path.is_dir():
        return str(path)
    return (
        f'{path} (a file, not a folder)' if path.exists() else f'{path} (there is no such folder)'
    )


def _shown(value: object) -> str:
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # a whole number of thousands of digits
        text = f'{type(value).__name__} that cannot be printed'
    return text if len(text) <= 120 else text[:117] + '...'
