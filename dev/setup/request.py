"""Requests for a set-up, and the places where it puts things."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = ('jazzy', 'kilted')


@dataclass(frozen=True)
class Request:
    """One environment to make.

    Attributes:
        distro: ROS distribution, such as 'jazzy'.
        venv: Absolute folder of the virtual environment.
        system_ros: A ROS installation is sourced and is to be used instead of wheels.
        floor: Instead of today's packages, the oldest ones that the package says it runs with.
        docs: Only what builds the documentation; neither ROS nor the package.
        exporters: Only the libraries that exports are made with, likewise.
    """

    distro: str
    venv: Path
    system_ros: bool
    floor: bool = False
    docs: bool = False
    exporters: bool = False

    @property
    def apart(self) -> bool:
        """Whether neither ROS nor the package comes into it."""
        return self.docs or self.exporters

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.venv / 'bin' / 'python'

    @property
    def state(self) -> Path:
        """Folder for stamps, logs and build products."""
        return self.venv / '.setup'


def is_ros_sourced(environ: Mapping[str, str]) -> bool:
    """Tells whether a distribution under /opt/ros is on the ament path."""
    return '/opt/ros/' in environ.get('AMENT_PREFIX_PATH', '')


def parse(arguments: Sequence[str] | None = None) -> Request:
    """Reads the command line; the environment decides about a sourced ROS."""
    parser = argparse.ArgumentParser(prog='dev.setup', description=__doc__)
    parser.add_argument('--distro', default='jazzy', help='ROS distribution (default: jazzy)')
    parser.add_argument('--venv', default='.venv', type=Path, help='folder of the environment')
    parser.add_argument(
        '--floor', action='store_true', help='install the oldest packages that are declared'
    )
    parser.add_argument(
        '--docs', action='store_true', help='install only what builds the documentation'
    )
    parser.add_argument(
        '--exporters', action='store_true', help='install only what makes exports for tests'
    )
    given = parser.parse_args(arguments)
    return Request(
        distro=given.distro,
        venv=ROOT / given.venv,
        system_ros=is_ros_sourced(os.environ) and not (given.docs or given.exporters),
        floor=given.floor,
        docs=given.docs,
        exporters=given.exporters,
    )
