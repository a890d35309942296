"""Message packages that have no wheel, compiled into the environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev.setup.journal import Journal
from dev.setup.request import ROOT, Request

SOURCES = ROOT / 'dev' / 'overlay'
PACKAGES = ('vision_msgs', 'composition_interfaces')

# The wheels' CMake files name the Python of the machine that built them.
BUILDERS_PYTHON = re.compile(r'/opt/python/[^/;"]+/include/python3\.\d+')
BUILDERS_SITE = re.compile(r'/opt/python/[^/;"]+/lib/python3\.\d+/site-packages')
BUILDERS_NUMPY = re.compile(BUILDERS_SITE.pattern + '/numpy/_core/include')  # core before NumPy 2
OUR_PATHS = """
import numpy, sysconfig
print(*map(sysconfig.get_path, ('include', 'purelib')), numpy.get_include(), sep='\\n')
"""


def source_files() -> list[Path]:
    """Lists every file that the compiled packages come from."""
    return [file for name in PACKAGES for file in (SOURCES / name).rglob('*') if file.is_file()]


def build(request: Request, journal: Journal, environment: Mapping[str, str]) -> None:
    """Compiles the packages side by side and installs them into the environment's prefix."""
    _point_at_our_python(request, environment)
    with ThreadPoolExecutor(len(PACKAGES)) as pool:
        # list() so that a failure in a thread is raised here.
        list(pool.map(lambda name: _build_one(name, request, journal, environment), PACKAGES))


def _point_at_our_python(request: Request, environment: Mapping[str, str]) -> None:
    include, site, numpy_include = subprocess.run(
        [request.python, '-c', OUR_PATHS],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for file in (request.venv / 'share').glob('*/cmake/*.cmake'):
        text = file.read_text()
        fixed = pointed(text, include, site, numpy_include)
        if fixed != text:
            file.write_text(fixed)


def pointed(text: str, include: str, site: str, numpy_include: str) -> str:
    """Returns a CMake file of the wheels with the folders of this environment's Python."""
    text = BUILDERS_NUMPY.sub(numpy_include, BUILDERS_PYTHON.sub(include, text))
    return BUILDERS_SITE.sub(site, text)


def _build_one(
    name: str, request: Request, journal: Journal, environment: Mapping[str, str]
) -> None:
    tree = request.state / 'build' / name
    shutil.rmtree(tree, ignore_errors=True)
    journal.run(
        [
            *('cmake', '-S', SOURCES / name, '-B', tree),
            f'-DCMAKE_INSTALL_PREFIX={request.venv}',
            '-DCMAKE_BUILD_TYPE=Release',
            '-DBUILD_TESTING=OFF',
            # Many small files include the same large headers.
            *('-DCMAKE_UNITY_BUILD=ON', '-DCMAKE_UNITY_BUILD_BATCH_SIZE=0'),
            f'-DPython3_EXECUTABLE={request.python}',
            '-DPython3_FIND_VIRTUALENV=ONLY',
        ],
        environment,
    )
    journal.run(['cmake', '--build', tree, '-j', str(os.cpu_count() or 1)], environment)
    journal.run(['cmake', '--install', tree], environment)
