"""Programs as a user without a home: no HOME, and no entry in passwd."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

UID = '54321'
VARIABLES = (
    *('HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME', 'ROS_HOME', 'ROS_LOG_DIR'),
    *('ML_INTEGRATION_STATE_DIR', 'ML_INTEGRATION_STORES'),
)
WITHOUT = ('env', *(f'--unset={name}' for name in VARIABLES))
_NAMESPACE = ('unshare', '--user', f'--map-user={UID}', f'--map-group={UID}')
# Where nobody may make a namespace, passwd at least says nothing.
_PRETEND = """
import pwd, runpy, sys
def nobody(*_): raise KeyError('no entry')
pwd.getpwuid = pwd.getpwnam = nobody
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)
"""


def homeless(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module as such a user."""
    if _has_namespaces():
        return [*_NAMESPACE, *WITHOUT, sys.executable, '-m', module, *arguments]
    return [*WITHOUT, sys.executable, '-c', _PRETEND, module, *arguments]


@cache
def _has_namespaces() -> bool:
    probe = 'import os, pwd\ntry: pwd.getpwuid(os.getuid())\nexcept KeyError: raise SystemExit(7)'
    try:
        ended = subprocess.run(
            [*_NAMESPACE, sys.executable, '-c', probe], check=False, capture_output=True
        )
    except OSError:
        return False
    return ended.returncode == 7
