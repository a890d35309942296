"""`ros2` with the verbs of the documents, for a machine that lacks the real one.

Takes the same arguments and writes the same lines, as far as the documents show them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path

import yaml

VERBS = {'configure', 'cleanup', 'activate', 'deactivate'}


def run(package: str, program: str, *arguments: str) -> int:
    for prefix in os.environ['AMENT_PREFIX_PATH'].split(os.pathsep):
        file = Path(prefix) / 'lib' / package / program
        if file.is_file():
            os.execv(file, [str(file), *arguments])
    print(f'No executable found: {program}')
    return 1


def lifecycle(verb: str, node: str, transition: str) -> int:
    from ml_integration.ros.client.client import Client

    assert verb == 'set' and transition in VERBS
    with closing(Client()) as client:
        done = client.change_state(node, transition)
    print('Transitioning successful' if done else 'Transitioning failed')
    return 0 if done else 1


def param(verb: str, node: str, name: str, text: str) -> int:
    from ml_integration.ros.client.client import Client

    assert verb == 'set'
    with closing(Client()) as client:
        result = client.set_parameter(node, name, yaml.safe_load(text))
    if result.successful:
        print('Set parameter successful')
        return 0
    print(f'Setting parameter failed: {result.reason}', file=sys.stderr)
    return 1


def service(verb: str, name: str, kind: str) -> int:
    from ml_integration.ros.client.client import Client

    assert verb == 'call'
    package, _, own = kind.split('/')
    cls = getattr(import_module(f'{package}.srv'), own)
    with closing(Client()) as client:
        print(f'response:\n{client.call(cls, name, cls.Request(), 60.0)!r}')
    return 0


def topic(verb: str, name: str) -> int:
    from vision_msgs.msg import Detection2DArray

    from ml_integration.ros.client.client import Client

    assert verb == 'echo'
    with closing(Client()) as client:
        heard = client.collect(Detection2DArray, name)
        for count in range(1, 1000):
            print(heard.wait(count, 60.0)[count - 1], '---', sep='\n', flush=True)
    return 0


def pkg(verb: str, *arguments: str) -> int:
    (package,) = (item for item in arguments if item != '--share')
    assert verb == 'prefix'
    for prefix in os.environ['AMENT_PREFIX_PATH'].split(os.pathsep):
        if (Path(prefix) / 'share' / package).is_dir():
            print(f'{prefix}/share/{package}' if '--share' in arguments else prefix)
            return 0
    return 1


COMMANDS: dict[str, Callable[..., int]] = {
    'run': run,
    'lifecycle': lifecycle,
    'param': param,
    'service': service,
    'topic': topic,
    'pkg': pkg,
}


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    return COMMANDS[arguments[0]](*arguments[1:])


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
