"""The virtual environment and the pinned packages in it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.setup import system_packages
from dev.setup.journal import Journal
from dev.setup.request import ROOT, Request

PINS = ROOT / 'dev' / 'pins'


def pin_files(request: Request) -> list[Path]:
    """The files that together name every package of the environment."""
    if request.docs:
        return [PINS / 'docs.txt']
    if request.exporters:
        return [PINS / 'exporters.txt']
    runtime = 'floor.txt' if request.floor else 'runtime.txt'
    direct = [PINS / runtime, PINS / 'test.txt']
    if request.system_ros:
        return direct
    return [*direct, PINS / 'transitive.txt', PINS / f'ros-{request.distro}.txt']


def create(request: Request, journal: Journal, environment: Mapping[str, str]) -> None:
    """Makes a new environment in place of whatever is there."""
    # By hand and not by venv's --clear, which would take the open log along.
    for entry in request.venv.iterdir():
        if entry == request.state:
            shutil.rmtree(entry / 'stamps', ignore_errors=True)
        elif entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    # Not sys.executable itself: it may be the environment's own Python, which is gone by now.
    base = os.path.realpath(sys.executable)
    words: list[str | Path] = [base, '-m', 'venv', request.venv]
    if request.system_ros:
        words.append('--system-site-packages')
    journal.run(words, environment)


def install(request: Request, journal: Journal, environment: Mapping[str, str]) -> None:
    """Installs the pins; beside a sourced ROS only what its distribution lacks."""
    pip: list[str | Path] = [request.python, '-m', 'pip', 'install', '--disable-pip-version-check']
    # empy is published as source only.
    pip += ['--progress-bar', 'off', '--only-binary=:all:', '--no-binary=empy']
    if request.system_ros:
        wanted = system_packages.requirements(request.python, pin_files(request), environment)
        if wanted:
            journal.run([*pip, *wanted], environment)
        return
    # The pins are complete, so there is nothing to resolve; but which libraries a torch needs
    # depends on what it was built for.
    words = [*pip] if request.exporters else [*pip, '--no-deps']
    for file in pin_files(request):
        words += ['-r', file]
    journal.run(words, environment)
