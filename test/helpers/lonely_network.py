"""A network of its own, whose only host is a name server that knows nothing and writes it down."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ros_processes import Process

SIOCSIFFLAGS = 0x8914
IFF_UP, IFF_RUNNING = 0x1, 0x40
ALONE = ('unshare', '--map-root-user', '--net', '--mount')
NO_SUCH_NAME = b'\x81\x83'


class LonelyNetwork:
    """Runs commands where nobody answers them; a context manager.

    Args:
        folder: for logs and for what was asked.
        commands: programs and arguments by name.
        environment: of the commands, in full.
    """

    def __init__(
        self, folder: Path, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]
    ) -> None:
        folder.mkdir()
        self._folder, self._commands = folder, dict(commands)
        plan = {'commands': self._commands, 'environment': dict(environment)}
        (folder / 'plan.json').write_text(json.dumps(plan))
        script = str(Path(__file__).resolve())
        # It finds the modules beside it, also where Python's path is safe.
        command, beside = [*ALONE, sys.executable, script, str(folder)], {'PYTHONSAFEPATH': ''}
        self._process = Process(command, folder / 'log', beside)

    def __enter__(self) -> LonelyNetwork:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    @property
    def asked(self) -> list[str]:
        """Names that were asked for so far."""
        with suppress(FileNotFoundError):
            return (self._folder / 'asked').read_text().split()
        return []

    def log(self, name: str) -> str:
        """What a command has written so far."""
        self._process.check()
        with suppress(FileNotFoundError):
            return (self._folder / f'{name}.log').read_text(errors='replace')
        return ''

    def end(self) -> None:
        """Ends the commands as Ctrl-C would, and waits for them."""
        self._process.stop()


def obstacle(folder: Path) -> str:
    """Tells why there can be no such network here; empty if there can."""
    try:
        with LonelyNetwork(folder, {}, {}) as network:
            network._process.wait_for_log('alone')
            network.end()
    except Exception as error:
        return f'no network of its own here: {error}'
    return ''


def _name(question: bytes) -> tuple[str, int]:
    """The name that a message of the domain name system asks for, and where it ends."""
    labels, position = [], 12
    while size := question[position]:
        labels.append(question[position + 1 : position + 1 + size].decode())
        position += 1 + size
    return '.'.join(labels), position + 5


def _answer(server: socket.socket, asked: Path) -> None:
    while True:
        question, client = server.recvfrom(4096)
        name, end = _name(question)
        with asked.open('a') as lines:
            lines.write(f'{name}\n')
        counts = question[4:6] + bytes(6)
        server.sendto(question[:2] + NO_SUCH_NAME + counts + question[12:end], client)


def _be_alone(folder: Path) -> None:
    """Takes the loopback device into service, and the only name server."""
    datagrams = socket.AF_INET, socket.SOCK_DGRAM
    with socket.socket(*datagrams) as any_socket:
        request = struct.pack('16sh', b'lo', IFF_UP | IFF_RUNNING)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)
    server = socket.socket(*datagrams)
    server.bind(('127.0.0.1', 53))
    own = folder / 'resolv.conf'
    own.write_text('nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
    subprocess.run(['mount', '--bind', own, '/etc/resolv.conf'], check=True)
    threading.Thread(target=_answer, args=(server, folder / 'asked'), daemon=True).start()


def _main(folder: Path) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _be_alone(folder)
    plan = json.loads((folder / 'plan.json').read_text())
    processes = []
    for name, command in plan['commands'].items():
        with (folder / f'{name}.log').open('wb') as log:
            processes.append(
                subprocess.Popen(
                    command, env=plan['environment'], cwd=folder,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )
            )  # fmt: skip
    print('alone', flush=True)
    while not stop.wait(0.1):
        pass
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        process.wait()


if __name__ == '__main__':
    os.umask(0o022)
    _main(Path(sys.argv[1]))
