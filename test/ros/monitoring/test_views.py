"""`ml_top` and `ml_report` hear real nodes over DDS, in a terminal and without one."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from bags import STORE, header, write_bag
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from ros_client import Client
from ros_processes import Process, wait_until

from ml_integration.ros.monitoring import report, top

TOP, REPORT = (f'ml_integration.ros.monitoring.{name}' for name in ('top', 'report'))
SIZE = (24, 80)


def status(level: bytes, name: str, message: str, **values: str) -> DiagnosticStatus:
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    return DiagnosticStatus(level=level, name=name, message=message, values=pairs)


class Robot:
    """What is there to be heard.

    Attributes:
        publisher: of `/diagnostics`.
        told: how often its nodes have told how they are.
    """

    def __init__(self, publisher: Any) -> None:
        self.publisher = publisher
        self.told = 0


@pytest.fixture
def robot(client_node: Client) -> Iterator[Robot]:
    """Two nodes that tell how they are: one as ours do, the other in its own way."""
    robot = Robot(client_node.node.create_publisher(DiagnosticArray, '/diagnostics', 10))
    ours = status(b'\x00', 'detector: model', 'serves', state='active', model='shapes@2')
    slow = status(b'\x01', 'detector: latency', 'too slow', **{'total p50 [ms]': '123.0'})
    other = status(b'\x02', 'lidar: driver', 'spins down', rpm='12')

    def tell() -> None:
        for statuses in ([ours, slow], [other]):
            message = DiagnosticArray(status=statuses)
            message.header.stamp = client_node.node.get_clock().now().to_msg()
            robot.publisher.publish(message)
        robot.told += 1

    timer = client_node.node.create_timer(0.2, tell)
    yield robot
    client_node.node.destroy_timer(timer)


@pytest.mark.usefixtures('robot')
def test_a_view_is_printed_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, 'signal', lambda *_: None)
    assert top.main([]) == 0
    printed = capsys.readouterr().out
    assert '2 nodes  1 ERROR  1 WARN' in printed and '\x1b' not in printed
    (row,) = (line for line in printed.splitlines() if line.strip().startswith('detector '))
    assert row.split()[:4] == ['detector', 'WARN', 'active', 'shapes@2'] and ' 123 ' in row
    assert 'spins down' in printed, 'the worst node in detail'


@pytest.mark.usefixtures('robot')
@pytest.mark.parametrize('end', [b'q', b'\x03'], ids=['q', 'Ctrl-C'])
def test_a_terminal_is_filled_and_given_back(end: bytes) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', *SIZE, 0, 0))
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [sys.executable, '-c', 'import fcntl, os, sys, termios; os.setsid();'
         'fcntl.ioctl(0, termios.TIOCSCTTY, 0);'
         f'os.execv(sys.executable, [sys.executable, "-m", "{TOP}"])'],
        stdin=slave, stdout=slave, stderr=slave, env={**os.environ, 'TERM': 'xterm-256color'},
    )  # fmt: skip
    os.set_blocking(master, False)
    shown = bytearray()

    def shows(word: bytes) -> bool:
        with suppress(BlockingIOError):
            shown.extend(os.read(master, 1 << 20))
        return word in shown

    try:
        wait_until(lambda: shows(b'spins down'), 'the worst node')
        os.write(master, b'\x1b[A')  # the row above it
        wait_until(lambda: shows(b'too slow'), 'the chosen node')
        os.write(master, end)
        wait_until(lambda: shows(b'\x1b[?1049l') and process.poll() is not None, 'the end')
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0 and b'Traceback' not in shown
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


@pytest.mark.usefixtures('robot')
def test_a_node_that_is_not_there_is_an_error_that_names_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(top, 'PATIENCE_S', 2.0)
    monkeypatch.setattr(signal, 'signal', lambda *_: None)
    assert top.main(['--once', '--node', '/detectr']) == 1
    assert "Did you mean 'detector'?" in capsys.readouterr().err


def test_what_is_heard_is_reported_also_when_it_is_ended_early(
    spawn: Callable[..., Process], robot: Robot, tmp_path: Path
) -> None:
    file = tmp_path / 'report.html'
    process = spawn('-m', REPORT, '--seconds', '600', '--out', str(file))
    wait_until(robot.publisher.get_subscription_count, 'it to listen')
    told = robot.told
    wait_until(lambda: robot.told > told + 10, 'it to hear something')
    os.kill(process.pid, signal.SIGINT)
    wait_until(lambda: process.returncode is not None, f'{REPORT} to end')
    assert process.returncode == 0, process.log
    assert '2 of 2 nodes had trouble: lidar ERROR' in process.log
    assert 'spins down' in file.read_text()
    assert [path.name for path in tmp_path.glob('.report*')] == []


def test_a_bag_needs_no_ros(tmp_path: Path) -> None:
    kind = 'diagnostic_msgs/msg/DiagnosticArray'
    one = STORE.types['diagnostic_msgs/msg/DiagnosticStatus'](1, 'n: x', 'a word', '', [])
    messages = [('/diagnostics', STORE.types[kind](header(n), [one]), n) for n in range(3)]
    folder, file = write_bag(tmp_path / 'drive', messages), tmp_path / 'out.html'
    code = (
        'import sys; sys.modules["rclpy"] = None\n'
        f'from {REPORT} import main; sys.exit(main(sys.argv[1:]))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, folder, '--out', file],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '1 of 1 node had trouble: n WARN' in done.stdout
    assert 'a word' in file.read_text()


@pytest.mark.parametrize(('words', 'expected'), [
    (['missing.mcap'], 'missing.mcap: no such file'),
    (['bag', '--out', 'no/such/folder.html'], 'no/such/folder.html: No such file'),
])  # fmt: skip
def test_what_cannot_be_read_or_written_is_a_sentence(
    words: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    kind = 'diagnostic_msgs/msg/DiagnosticArray'
    one = STORE.types['diagnostic_msgs/msg/DiagnosticStatus'](0, 'x', '', '', [])
    write_bag(tmp_path / 'bag', [('/diagnostics', STORE.types[kind](header(0), [one]), 0)])
    assert report.main(words) == 1
    assert f'ml_report: {expected}' in capsys.readouterr().err
