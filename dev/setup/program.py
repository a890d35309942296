"""The steps of a set-up, in order; a step that is up to date is skipped."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.setup import checkout, machine, overlay, weights, wheels
from dev.setup.journal import Journal, StepError
from dev.setup.request import Request, parse
from dev.setup.stamps import Stamps, fingerprint

Action = Callable[[Request, Journal, Mapping[str, str]], None]


@dataclass(frozen=True)
class Step:
    """One thing to bring about.

    Attributes:
        name: File name of its stamp.
        title: What a person reads while it runs.
        made_from: Computes the fingerprint of everything the result depends on.
        action: Does it.
    """

    name: str
    title: str
    made_from: Callable[[], str]
    action: Action


def main(arguments: Sequence[str] | None = None) -> int:
    """Brings the environment up to date; returns the exit status."""
    request = parse(arguments)
    complaint = machine.complaint(request)
    if complaint:
        print(complaint, file=sys.stderr)
        return 1
    with _alone(request):
        return _set_up(request)


@contextmanager
def _alone(request: Request) -> Iterator[None]:
    """Waits for another set-up of the same environment to end."""
    # Beside the environment, since making it anew empties its folder.
    with Path(f'{request.venv}.lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print('Waiting for another set-up of this environment ...', flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _set_up(request: Request) -> int:
    stamps = Stamps(request.state / 'stamps')
    steps = plan(request)
    outdated = [step for step in steps if not stamps.is_current(step.name, step.made_from())]
    if not outdated:
        return _link(request)
    journal = Journal(request.state / 'setup.log', len(outdated))
    environment = command_environment(request, os.environ)
    try:
        for step in outdated:
            stamps.begin(step.name)
            with journal.step(step.title):
                step.action(request, journal, environment)
            stamps.finish(step.name, step.made_from())
    except StepError as failure:
        journal.explain(failure)
        return 1
    return _link(request)


def _link(request: Request) -> int:
    if not request.apart:
        checkout.link_data(request)
    return 0


def plan(request: Request) -> list[Step]:
    """All steps for a request, each with what its result is made from."""
    interpreter = fingerprint(sys.version, os.path.realpath(sys.executable), str(request.venv))
    pins = wheels.pin_files(request)

    def made_from(*files: Path) -> Callable[[], str]:
        return lambda: fingerprint(interpreter, files=files)

    steps = [
        Step('environment', f'making {request.venv.name}', made_from(), wheels.create),
        Step('packages', 'installing pinned packages', made_from(*pins), wheels.install),
    ]
    if request.apart:
        return steps
    if not request.system_ros:
        # Only the ROS pins: newer wheels bring headers and CMake files to adapt and build with.
        sources = (pins[-1], Path(overlay.__file__), *overlay.source_files())
        title = f'building {" and ".join(overlay.PACKAGES)}'
        steps.append(Step('overlay', title, made_from(*sources), overlay.build))
    described = (Path(checkout.__file__), *checkout.description_files())
    title = f'installing {checkout.NAME}'
    steps.append(Step('package', title, made_from(*described), checkout.install))
    steps.append(Step('models', 'fetching models', weights.made_from, weights.fetch))
    return steps


def command_environment(request: Request, environ: Mapping[str, str]) -> dict[str, str]:
    """Environment for the commands of a set-up: this virtual environment and no other."""
    result = dict(environ)
    # The wheels' start-up hook leaves its marks in children's environments, which would keep
    # this environment's Python from finding its own libraries.
    for name in ('VIRTUAL_ENV', 'PYTHONHOME', 'PYTHONSAFEPATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE'):
        result.pop(name, None)
    result['PATH'] = f'{request.venv / "bin"}{os.pathsep}{result.get("PATH", os.defpath)}'
    result['PYTHONNOUSERSITE'] = '1'
    if not request.system_ros:
        for name in ('PYTHONPATH', 'LD_LIBRARY_PATH'):
            result.pop(name, None)
        result['AMENT_PREFIX_PATH'] = result['CMAKE_PREFIX_PATH'] = str(request.venv)
    return result
