"""Builds, installs and tests the package as a ROS workspace does: `python -m dev.colcon_gate OUT`.

colcon is content with a run that found no test, and `colcon test` with one that failed, so both
are judged here.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dev.junit import read_counts

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = 'ml_integration'
WORKERS = ('-n', '3', '--dist', 'loadfile', '--no-loadscope-reorder')


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the workspace's three commands; returns the exit status."""
    parser = argparse.ArgumentParser(prog='dev.colcon_gate', description=__doc__)
    parser.add_argument('out', type=Path, help='folder for build, install and log; made anew')
    parser.add_argument('--junitxml', type=Path, help='where a copy of the report goes')
    parser.add_argument('--pytest-args', default='', help='more arguments for pytest, one text')
    options = parser.parse_args(arguments)
    out = options.out.absolute()
    # A file that has left the package must not be found in an old installation.
    shutil.rmtree(out, ignore_errors=True)
    build, install = out / 'build', out / 'install'
    bases = ['--build-base', str(build), '--install-base', str(install)]
    colcon = [sys.executable, '-m', 'colcon', '--log-base', str(out / 'log')]
    subprocess.run(
        [*colcon, 'build', *bases, '--event-handlers', 'console_cohesion+'], cwd=ROOT, check=True
    )
    tested = subprocess.run(
        [
            *(*colcon, 'test', *bases, '--event-handlers', 'console_direct+'),
            # A space keeps colcon from taking an argument for its own.
            *('--pytest-args', *WORKERS, *(f' {s}' for s in shlex.split(options.pytest_args))),
        ],
        cwd=ROOT, env=environment(install),
    )  # fmt: skip
    result = subprocess.run(
        [*colcon, 'test-result', '--all', '--test-result-base', str(build)], cwd=ROOT
    )
    report = build / PACKAGE / 'pytest.xml'
    counts = read_counts(report)
    if options.junitxml is not None:
        shutil.copyfile(report, options.junitxml)
    print(f'colcon: {counts}')
    if counts.passed == 0:
        print('colcon: no test ran', file=sys.stderr)
    return int(tested.returncode != 0 or result.returncode != 0 or counts.passed == 0)


def environment(install: Path) -> dict[str, str]:
    """Environment of the tests: the installed copy is imported, not the checkout.

    The tests run in the checkout, which Python puts first on its path; here it comes last, for
    the sake of `dev`.
    """
    result = dict(os.environ)
    result['PYTHONSAFEPATH'] = '1'
    # Read by the test that asserts it.
    result['ML_INTEGRATION_INSTALL_BASE'] = str(install)
    result['PYTHONPATH'] = os.pathsep.join(filter(None, [os.environ.get('PYTHONPATH'), str(ROOT)]))
    return result


if __name__ == '__main__':
    sys.exit(main())
