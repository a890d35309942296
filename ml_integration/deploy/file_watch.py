"""Knows whether the files of the serving model are still the ones that were loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ml_integration.deploy.admission import Admission
from ml_integration.deploy.history import History
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.package.pinned_files import some_of
from ml_integration.store.package.second_look import Look
from ml_integration.store.state.model_state import ModelState, Quarantine

CONFIRM_S = 3.0
"""Time after which content has to differ in the same way before it counts as changed [s]."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FileReport:
    """Knowledge about the files of the serving model.

    Attributes:
        tampering: how their content has changed; empty if it has not.
        quarantined: why no start uses the content that serves; empty if one does.
        warnings: what else a person should know.
        suspicious: whether content differs that has to be looked at once more.
    """

    tampering: str = ''
    quarantined: str = ''
    warnings: tuple[str, ...] = ()
    suspicious: bool = False


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """Content that differed when it was looked at."""

    serving: str
    look: Look
    since_ns: int


class Opened(Protocol):
    """Model that was opened from a package."""

    @property
    def package(self) -> ModelPackage:
        """Package, without its bytes."""


class FileWatch:
    """Looks at the serving model's files and quarantines content that was put in their place.

    What cannot be read is a warning until it can be read again. Content that differs in the same
    way for `CONFIRM_S` is quarantined, so that nothing loads it; the model in memory was opened
    from verified bytes and serves on. What a trusted key or a person vouches for is none of
    that: it is another content under the same version, and only told. One thread at a time looks;
    any other may ask for the report.

    Args:
        serving: gives the model that serves.
        admission: knows where and how its files are read.
        history: remembers the quarantine.
        now_ns: the steady time [ns].
    """

    def __init__(
        self,
        serving: Callable[[], Opened],
        admission: Admission,
        history: History,
        now_ns: Callable[[], int],
    ) -> None:
        self._serving = serving
        self._admission = admission
        self._history = history
        self._now_ns = now_ns
        self._suspicion: _Suspicion | None = None
        self._seen: tuple[str, FileReport] = ('', FileReport())
        self._quarantined: dict[str, tuple[Quarantine, ...]] = {}
        # Between a quarantine and the report of it, a reader would find one without the other.
        self._lock = threading.Lock()

    def look(self, ended: Callable[[], bool] = lambda: False) -> None:
        """Looks at the files now.

        Args:
            ended: tells whether to give up.

        Raises:
            ModelError: nothing serves.
        """
        package = self._serving().package
        look = self._admission.look_again(package, ended)
        if not ended():
            with self._lock:
                self._seen = package.manifest.digest, self._judged(package, look)

    def report(self) -> FileReport:
        """Returns what is known, with the quarantines that are remembered at this moment.

        Raises:
            ModelError: nothing serves.
        """
        package = self._serving().package
        with self._lock:
            digest, seen = self._seen
            own, others = self._remembered(package.manifest)
        report = seen if digest == package.manifest.digest else FileReport()
        sentences = tuple(self._barred(package, item) for item in others)
        quarantined = self._barred(package, own) if own and not report.tampering else ''
        return replace(report, quarantined=quarantined, warnings=(*report.warnings, *sentences))

    def _judged(self, package: ModelPackage, look: Look) -> FileReport:
        model, warnings = str(package.manifest.identity), tuple(_warnings(package.manifest, look))
        if not look.differing:
            self._suspicion = None
            return FileReport(warnings=warnings)
        what = f'differing: {some_of(look.differing, _SHOWN)}'
        if self._is_vouched_for(package.manifest, look):
            self._suspicion = None
            other = f'{model} on disk is another content than what serves, {what}. '
            other += 'Load it with ~/swap, or give it a version of its own.'
            return FileReport(warnings=(*warnings, other))
        if not self._is_certain(package.manifest, look):
            doubt = f'{model} differs on disk and is looked at again in {CONFIRM_S:g} s, {what}'
            return FileReport(warnings=(*warnings, doubt), suspicious=True)
        reason = f'its files are not the ones that were loaded, {what}'
        self._history.quarantine(package.manifest, look.digest or package.manifest.digest, reason)
        return FileReport(tampering=f'{model}: {reason}', warnings=warnings)

    def _is_certain(self, serving: Manifest, look: Look) -> bool:
        """Tells whether the same content has been there for long enough."""
        before, now_ns = self._suspicion, self._now_ns()
        same = (
            before is not None
            and before.serving == serving.digest
            and before.look.differing == look.differing
        )
        if before is None or not same:
            self._suspicion = _Suspicion(serving.digest, look, now_ns)
            return False
        return now_ns - before.since_ns >= CONFIRM_S * 1e9

    def _is_vouched_for(self, serving: Manifest, look: Look) -> bool:
        """Tells whether what is there may be there: another content that somebody stands for."""
        if self._admission.is_open:
            return True
        if look.digest in ('', serving.digest):
            return False
        state = self._history.of_model(serving.name)
        return look.vouched or look.digest in state.released or look.digest in state.committed

    def _remembered(self, serving: Manifest) -> tuple[Quarantine | None, list[Quarantine]]:
        """Returns the quarantine of what serves, and those of other content of this model."""
        name, version = serving.name, serving.version
        state = self._history.of_model(name)
        if state.floor_known:  # otherwise it could not be read: what was known goes on
            self._quarantined = {name: state.quarantined}
        known = ModelState(quarantined=self._quarantined.get(name, ()))
        own = known.quarantine_of(version, serving.digest)
        # What the fleet has revoked is no fault of what lies on this disk.
        others = (item for item in known.quarantined if not item.order)
        return own, [item for item in others if item is not own]

    def _barred(self, package: ModelPackage, quarantine: Quarantine) -> str:
        return self._admission.quarantine_sentence(package, quarantine)


class FileWatches:
    """Looks at the files of several models as `FileWatch` does at those of one.

    Args:
        watches: of the models, the most important one first.
    """

    def __init__(self, watches: Sequence[FileWatch]) -> None:
        self._watches = watches

    def look(self, ended: Callable[[], bool] = lambda: False) -> None:
        """Looks at the files now; see `FileWatch.look`."""
        for watch in self._watches:
            watch.look(ended)

    def report(self) -> FileReport:
        """Returns what is known of all of them."""
        reports = [watch.report() for watch in self._watches]
        return FileReport(
            '; '.join(one.tampering for one in reports if one.tampering),
            '; '.join(one.quarantined for one in reports if one.quarantined),
            tuple(sentence for one in reports for sentence in one.warnings),
            any(one.suspicious for one in reports),
        )


def _warnings(serving: Manifest, look: Look) -> list[str]:
    found = []
    if look.unread:
        found.append(
            f'{serving.identity} cannot be read at the moment, it serves from memory: '
            f'{some_of(look.unread, _SHOWN)}. It has to be back before the next start'
        )
    if look.extra:
        found.append(
            f'{serving.identity} has files that its manifest does not list, and a start would '
            f'refuse it: {some_of(look.extra, _SHOWN)}. Move them away'
        )
    return found
