"""`ml_report`: what nodes have said in a minute, or in a bag, as one HTML file with plots."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from types import FrameType

from ml_integration.errors import MlIntegrationError
from ml_integration.fleet.report.history import History
from ml_integration.fleet.report.page import page, verdict
from ml_integration.fleet.report.recorded import read_bag

PROGRAM = 'ml_report'
SECONDS = 60.0
LONGEST_S = 86_400.0
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        arguments: the command line without the program's name; that of the process if None.

    Returns:
        The exit code: 0, or 1 when there is nothing to report or the file cannot be written.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    args = _parser().parse_args(list(takewhile(lambda word: word != '--ros-args', given)))
    try:
        if args.bag is None:
            history, source = _listen(args.seconds, given)
        else:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            history, source = read_bag(args.bag), args.bag.name
        _write(args.out, page(history, source))
    except KeyboardInterrupt:
        return INTERRUPTED
    except ImportError as error:
        return _complain(f'{error}. ml_report draws with matplotlib: rosdep python3-matplotlib')
    except MlIntegrationError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f'{args.out}: {error.strerror or error}')
    print(f'{args.out}: {verdict(history)}', flush=True)
    return 0


def _listen(seconds: float, given: Sequence[str]) -> tuple[History, str]:
    """Listens for a while, or until Ctrl-C."""
    from ml_integration.ros.monitoring.listening import TOPIC, listening, nobody_heard

    stopped, history = threading.Event(), History()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with listening(PROGRAM, history.take, given):
        print(f'listening on {TOPIC} for {seconds:g} s; Ctrl-C reports earlier', file=sys.stderr)
        stopped.wait(seconds)
    if not history.nodes:
        raise nobody_heard()
    history.end()
    return history, time.strftime('%Y-%m-%d %H:%M:%S %Z')


def _write(file: Path, content: str) -> None:
    """Writes all of it or nothing."""
    beside = file.with_name(f'.{file.name}.{os.getpid()}')
    try:
        beside.write_text(content, encoding='utf-8')
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _complain(sentence: str) -> int:
    print(f'{PROGRAM}: {sentence}', file=sys.stderr)
    return 1


def _seconds(word: str) -> float:
    seconds = float(word)
    if not 1 <= seconds <= LONGEST_S:
        raise argparse.ArgumentTypeError(f'{word} is not between 1 and {LONGEST_S:g}')
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description='Writes what nodes say on /diagnostics into one HTML file with plots: from '
        'now on for a while, or what a bag has recorded. It needs no ROS for a bag.',
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        'bag', nargs='?', type=Path, help='an .mcap or .db3 file, or the folder of a bag'
    )
    what.add_argument(
        '--seconds', type=_seconds, default=SECONDS, help='how long to listen (%(default)g)'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('report.html'), help='file to write (%(default)s)'
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
