"""`ml_top`: how the nodes of a robot are, live in a terminal or printed once."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from difflib import get_close_matches

from rclpy.utilities import remove_ros_args
from rich.console import Console
from rich.live import Live

from ml_integration.errors import MlIntegrationError
from ml_integration.fleet.latest import Latest, Node
from ml_integration.fleet.status import Report
from ml_integration.fleet.top.screen import Choice, Size, printed, screen
from ml_integration.ros.monitoring.keyboard import keyboard
from ml_integration.ros.monitoring.listening import TOPIC, listening, nobody_heard, place

PROGRAM = 'ml_top'
REDRAW_S = 0.5
"""Time between two views [s]; nodes tell something new once a second."""
LISTEN_S = 4.0
"""Time in which every node tells something so often that advice is no accident [s]."""
PATIENCE_S = 8.0
"""Time after which nobody is expected any more [s]."""
WIDE = 10_000
"""Columns of what is no terminal: nothing is wrapped or cut there."""
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        arguments: the command line without the program's name; that of the process if None.

    Returns:
        The exit code: 0, or 1 when nobody was heard.
    """
    given = sys.argv[1:] if arguments is None else arguments
    args = _parser().parse_args(remove_ros_args(given))
    ended = threading.Event()
    for number in ENDS:  # an exception of a handler may come where it is lost
        signal.signal(number, lambda number, frame: ended.set())
    wanted = str(args.node).lstrip('/')
    console = _console()
    once = args.once or not console.is_terminal or console.is_dumb_terminal
    try:
        with ExitStack() as cleanup:
            heard = Heard()
            cleanup.enter_context(listening(PROGRAM, heard.take, given))
            show = _print if once else _live
            return show(heard, wanted, console, ended)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 1
    except MlIntegrationError as error:
        print(f'{PROGRAM}: {error}', file=sys.stderr)
        return 1


class Heard:
    """The newest of every node, taken on one thread and looked at on another."""

    def __init__(self) -> None:
        self._latest, self._lock = Latest(), threading.Lock()

    def take(self, report: Report, now_ns: int) -> None:
        """Takes a report that arrived now [ns, steady clock]."""
        with self._lock:
            self._latest.take(report, now_ns)

    def nodes(self, wanted: str = '') -> tuple[Node, ...]:
        """Returns the nodes by name, or the wanted one only."""
        with self._lock:
            nodes = self._latest.nodes(time.monotonic_ns())
        return tuple(node for node in nodes if wanted in ('', node.name))


def _live(heard: Heard, wanted: str, console: Console, ended: threading.Event) -> int:
    """Shows views until q is pressed, or it is ended."""
    choice = Choice(wanted)
    with (
        keyboard() as keys,
        Live(console=console, screen=True, auto_refresh=False, redirect_stderr=False) as live,
    ):
        while not ended.is_set():
            nodes = heard.nodes(wanted)
            size = Size(console.width, console.height)
            live.update(screen(nodes, choice, size, place()), refresh=True)
            try:
                key = keys.pressed(REDRAW_S)
            except EOFError:
                return 0
            if key in ('q', 'Q'):
                return 0
            choice = _chosen(choice, key, nodes)
    return 0


def _chosen(choice: Choice, key: str, nodes: Sequence[Node]) -> Choice:
    """Returns what a key chooses."""
    if key in ('up', 'k'):
        return choice.moved(nodes, -1)
    if key in ('down', 'j'):
        return choice.moved(nodes, 1)
    return Choice() if key == 'w' else choice


def _print(heard: Heard, wanted: str, console: Console, ended: threading.Event) -> int:
    """Prints one view, of what is heard in a few seconds."""
    begin_s = time.monotonic()
    while not _enough(heard, wanted, time.monotonic() - begin_s):
        if ended.wait(0.1):
            return INTERRUPTED
        heard.nodes()  # advice is what lasts over several looks
    nodes = heard.nodes(wanted)
    if not nodes:
        raise _nobody(wanted, [node.name for node in heard.nodes()])
    width = console.width if console.is_terminal else None
    with console.capture() as captured:
        console.print(printed(nodes, Choice(wanted), width, place()))
    lines = (line.rstrip() for line in captured.get().splitlines())
    print('\n'.join(lines), flush=True)
    return 0


def _enough(heard: Heard, wanted: str, elapsed_s: float) -> bool:
    return elapsed_s > PATIENCE_S or (elapsed_s > LISTEN_S and bool(heard.nodes(wanted)))


def _nobody(wanted: str, there: Sequence[str]) -> MlIntegrationError:
    if not there:
        return nobody_heard()
    close = get_close_matches(wanted, there, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else f'Heard were: {", ".join(there[:20])}.'
    return MlIntegrationError(f"no node '{wanted}' was heard on {TOPIC}", where=place(), hint=hint)


def _console() -> Console:
    if hasattr(sys.stdout, 'reconfigure'):
        sys.stdout.reconfigure(errors='replace')  # a terminal may know no bars
    width = None if sys.stdout.isatty() else WIDE
    return Console(width=width, markup=False, emoji=False, highlight=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description='Shows the nodes that speak on /diagnostics: models, times, drops, sentences. '
        'ROS_DOMAIN_ID says where. Keys: q quits, up and down choose, w goes to the worst one.',
    )
    parser.add_argument(
        '--once', action='store_true', help='print one view; so it is without a terminal'
    )
    parser.add_argument('--node', default='', metavar='NAME', help='show this node only')
    return parser


if __name__ == '__main__':
    sys.exit(main())
