"""The demo as people start it, and its parts."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from ros_processes import Process, wait_until

from ml_integration.demos.demo.node_report import NodeReport, read_report
from ml_integration.demos.demo.options import parse
from ml_integration.demos.demo.results import Detection, Result, Results, in_words
from ml_integration.demos.demo.summary import TILE_WIDTH, in_sentences, mosaic
from ml_integration.demos.demo.view import Moment, View

PERSON = Detection('person', 0.9123, (1.0, 2.0, 11.04, 22.0))
CAR = Detection('car', 0.5, (0.0, 0.0, 5.0, 5.0))
REPORT = NodeReport('active, m@1 on CPU', 30.0, 100, 7, 15.0, 20.0)
RED, BLACK = (0, 0, 255), (0, 0, 0)
Start = Callable[..., Process]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def some_results() -> Results:
    """Four results at 10 Hz with latencies of 10, 20, 30 and 40 ms, a person in each."""
    return Results([Result(10**8 * n, 10.0 * n, (PERSON,)) for n in range(1, 5)])


def moment(elapsed_s: float = 5.0) -> Moment:
    return Moment(elapsed_s, 10.0, some_results(), REPORT)


def test_a_result_is_one_line_of_json_with_class_score_and_box() -> None:
    line = json.loads(Result(1_000_000_007, 12.34567, (PERSON,)).to_json())
    assert line == {
        'stamp_ns': 1_000_000_007,
        'latency_ms': 12.346,
        'detections': [{'class': 'person', 'score': 0.9123, 'box_xyxy': [1.0, 2.0, 11.0, 22.0]}],
    }


def test_rate_and_latency_are_those_of_all_results() -> None:
    results = some_results()
    assert results.hz == pytest.approx(10.0)
    assert results.latency is not None
    assert results.latency.p50 == pytest.approx(25.0)


@pytest.mark.parametrize('count', [0, 1])  # nothing yet; one result makes no rate
def test_too_few_results_make_no_rate(count: int) -> None:
    assert Results(some_results().all[:count]).hz == 0.0


def test_detections_are_told_by_class_the_surest_first() -> None:
    unsure = Detection('person', 0.3, PERSON.box_xyxy)
    assert in_words((unsure, CAR, PERSON)) == 'person 0.91 0.30, car 0.50'


@pytest.fixture
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('NO_COLOR', 'FORCE_COLOR', 'TTY_COMPATIBLE', 'TTY_INTERACTIVE', 'COLORTERM'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '60')


def without_codes(text: str) -> list[str]:
    return [line.strip('\r') for line in re.sub(r'\x1b\[[?0-9;]*[a-zA-Z]', '', text).split('\n')]


@pytest.mark.usefixtures('_terminal')
def test_a_terminal_is_redrawn_in_place_within_its_width() -> None:
    stream = Terminal()
    view = View(stream)
    view.show(moment())
    first = stream.getvalue()
    view.show(moment(5.0))
    again = stream.getvalue()[len(first) :]
    height = len(without_codes(first))
    assert again.count('\x1b[1A') >= height - 1  # the cursor goes up, and the lines are wiped off
    assert again.count('\x1b[2K') >= height
    assert max(map(len, [*without_codes(first), *without_codes(again)])) <= 60
    view.say('done')
    assert stream.getvalue().endswith('\x1b[?25hdone\n')  # the cursor is back


@pytest.mark.usefixtures('_terminal')
def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('TERM', 'dumb')
    stream = Terminal()
    View(stream).show(moment(5.0))
    assert '\x1b' not in stream.getvalue() and 'dropped 7 of 100' in stream.getvalue()


@pytest.mark.usefixtures('_terminal')
def test_labels_steer_no_terminal() -> None:
    stream = Terminal()
    odd = Detection('[red]\x1b[2J', 0.5, PERSON.box_xyxy)
    results = Results([Result(1, 1.0, (odd,))])
    View(stream).show(Moment(1.0, 10.0, results, REPORT))
    assert r'[red]\x1b[2J 0.50' in stream.getvalue() and '\x1b[2J' not in stream.getvalue()


def test_a_pipe_gets_a_plain_line_every_two_seconds() -> None:
    stream = io.StringIO()
    view = View(stream)
    for tenth in range(50):
        view.show(moment(tenth / 10))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert '\x1b' not in stream.getvalue()
    assert 'dropped 7 of 100 frames' in lines[0]


@pytest.mark.usefixtures('_terminal')
@pytest.mark.parametrize(('elapsed_s', 'full'), [(0.0, 0), (5.0, 20), (12.0, 40)])
def test_the_bar_fills_and_never_overflows(
    elapsed_s: float, full: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('NO_COLOR', '1')
    stream = Terminal()
    View(stream).show(moment(elapsed_s))
    line = without_codes(stream.getvalue())[0]
    assert line.count('━') == full
    assert f'{elapsed_s:.1f} / 10 s' in line


def test_the_summary_tells_counts_rates_latency_and_the_share_outside_the_model() -> None:
    text = in_sentences(some_results(), REPORT)
    for part in ('4 in 4 results: person 4', '10.0 results/s', '7 of 100', 'p50 25.0 ms', '25%'):
        assert part in text


@pytest.mark.parametrize(
    ('count', 'columns', 'rows'),
    [
        (1, 1, 1),  # alone
        (3, 2, 2),  # the last tile stays black
        (4, 2, 2),  # full
    ],
)
def test_pictures_of_any_number_and_size_make_a_grid(count: int, columns: int, rows: int) -> None:
    pictures = [np.full((30 + n, 40 + n, 3), 255, np.uint8) for n in range(count)]
    assert mosaic(pictures).shape == (576 * rows, TILE_WIDTH * columns, 3)


def status(concern: str, values: Mapping[str, str]) -> DiagnosticStatus:
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    return DiagnosticStatus(name=f'detector: {concern}', message='said', values=pairs)


def test_a_report_is_read_from_the_diagnostics() -> None:
    message = DiagnosticArray(
        status=[
            status('model', {}),
            status('input', {'rate [Hz]': '29.97', 'age p50 [ms]': ''}),
            status('latency', {'infer p50 [ms]': '15.00', 'total p50 [ms]': '20.00'}),
            status('drops', {'received': '100', 'displaced': '4', 'stale': '3'}),
        ]
    )
    assert read_report(message, 'detector') == NodeReport('said', 29.97, 100, 7, 15.0, 20.0)
    assert read_report(message, 'other') is None


def test_a_report_without_numbers_is_left_out() -> None:
    statuses = [status('model', {}), status('drops', {'received': '', 'displaced': ''})]
    assert read_report(DiagnosticArray(status=statuses), 'detector') is None


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (['--video', '/nowhere.mp4'], 'there is no /nowhere.mp4'),  # not fetched
        (['--seconds', '0'], 'expected 1 to 3600'),  # nothing to see
        (['--seconds', 'long'], 'invalid float value'),  # not a number
    ],
)
def test_a_wrong_argument_is_told_in_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert sentence in capsys.readouterr().err


def test_demo_seconds_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('DEMO_SECONDS', '7')
    assert parse(['--video', str(tmp_path)]).seconds == 7.0


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / 'out'


@pytest.fixture
def demo(
    spawn: Start, store: Path, model_folder: Callable[..., Path], out: Path, tmp_path: Path
) -> Start:
    """Starts the demo with the tiny detector on pictures of one color."""
    model_folder()

    def start(color: tuple[int, int, int], seconds: int, model: str = 'tiny_detector') -> Process:
        picture = tmp_path / 'picture.png'
        cv2.imwrite(str(picture), np.full((64, 64, 3), color, np.uint8))
        arguments = {'seconds': seconds, 'video': picture, 'model': model, 'out': out}
        pairs = [part for name, value in arguments.items() for part in (f'--{name}', str(value))]
        return spawn(
            '-m',
            'ml_integration.demos.demo',
            *pairs,
            environment={'ML_INTEGRATION_STORES': str(store)},
        )

    return start


def children_of(process: Process) -> list[psutil.Process]:
    """The two nodes, as soon as they run."""
    demo = psutil.Process(process.pid)
    wait_until(lambda: len(demo.children()) == 2, 'two nodes')
    return sorted(demo.children(), key=lambda child: 'video_player' in ' '.join(child.cmdline()))


def assert_ended(children: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def test_the_demo_detects_writes_its_files_and_leaves_nothing_running(
    demo: Start, out: Path
) -> None:
    process = demo(RED, 3)
    children = children_of(process)
    assert process.wait() == 0, process.log
    assert_ended(children)
    lines = [json.loads(line) for line in (out / 'detections.jsonl').read_text().splitlines()]
    assert {item['class'] for line in lines for item in line['detections']} == {'red'}
    assert cv2.imread(str(out / 'demo.png')).shape[1] >= TILE_WIDTH
    assert 'results/s' in process.log


def test_nothing_detected_is_a_failure_that_says_so(demo: Start, out: Path) -> None:
    process = demo(BLACK, 1)
    assert process.wait() == 1
    assert 'nothing was detected' in process.log
    assert not (out / 'demo.png').exists()


def test_a_node_that_dies_is_named_with_the_end_of_its_log(demo: Start) -> None:
    process = demo(RED, 60)
    process.wait_for_log('watching')
    children = children_of(process)
    children[0].kill()
    assert process.wait() == 1
    assert '/detector: the process has ended with exit code -9' in process.log
    assert 'tiny_detector@1 on CPUExecutionProvider' in process.log
    assert_ended(children)


def test_a_model_that_cannot_be_loaded_is_told_with_its_reason(demo: Start) -> None:
    process = demo(RED, 60, model='unknown')
    assert process.wait() == 1
    assert '/detector: refused to configure' in process.log
    assert "there is no model 'unknown'" in process.log


@pytest.mark.parametrize(
    ('number', 'when'),
    [
        (signal.SIGINT, 'starting'),  # while that is not finished
        (signal.SIGINT, 'watching'),
        (signal.SIGTERM, 'watching'),
        (signal.SIGHUP, 'watching'),
    ],
)
def test_an_interrupted_demo_leaves_nothing_running(
    number: signal.Signals, when: str, demo: Start
) -> None:
    process = demo(RED, 60)
    process.wait_for_log(when)
    children = children_of(process)
    os.kill(process.pid, number)
    assert process.wait() == 130
    assert_ended(children)
    assert 'Traceback' not in process.log
