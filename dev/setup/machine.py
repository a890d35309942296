"""Tells what a machine lacks, in one sentence, before anything is downloaded."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sysconfig
from pathlib import Path

from dev.setup.request import DISTRIBUTIONS, Request


def complaint(request: Request) -> str | None:
    """The first thing that stops the set-up, as a sentence for a person; None if nothing does."""
    wheels = not (request.system_ros or request.apart)
    if wheels:
        if request.distro not in DISTRIBUTIONS:
            return f'ROS_DISTRO={request.distro} has no pinned wheels here: use jazzy or kilted.'
        if platform.system() != 'Linux' or platform.machine() not in ('x86_64', 'AMD64'):
            return (
                f'ROS wheels exist for Linux on x86-64 only, not for {platform.system()} on '
                f"{platform.machine()}: install your distribution's ROS 2, source its "
                'setup.bash and run the same command.'
            )
    missing = missing_tools(build=wheels)
    if not missing:
        return None
    things = ', '.join(missing)
    packages = ' '.join(dict.fromkeys(missing.values()))
    return f'Missing here: {things}; install with: sudo apt-get install {packages}'


def missing_tools(build: bool) -> dict[str, str]:
    """Lists what is missing and the apt package that brings it.

    Args:
        build: Message packages will be compiled.
    """
    missing = {}
    if not all(importlib.util.find_spec(name) for name in ('venv', 'ensurepip')):
        missing['the Python module venv'] = 'python3-venv'
    if not build:
        return missing
    if not (Path(sysconfig.get_path('include')) / 'Python.h').exists():
        missing['Python.h'] = 'python3-dev'
    for tool, package in (('cmake', 'cmake'), ('make', 'make')):
        if shutil.which(tool) is None:
            missing[tool] = package
    for tool, language in (('cc', 'C'), ('c++', 'C++')):
        if shutil.which(tool) is None:
            missing[f'a {language} compiler'] = 'build-essential'
    return missing
