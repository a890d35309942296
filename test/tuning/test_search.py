"""The search, with processes that answer as the real ones do, and once with the real one."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ModelError
from ml_integration.tuning.burner import background_load
from ml_integration.tuning.candidates import Candidate, Machine
from ml_integration.tuning.crew import Crew, Task
from ml_integration.tuning.search import Outcome, Plan, Row, Search
from ml_integration.tuning.trial import Material

HELPERS = Path(__file__).parents[1] / 'helpers'
ROOT = Path(__file__).parents[2]
MATERIAL = Material('street.mp4', {'': ('image',)}, 8, 1000.0)


def nobody(*numbers: int) -> None:
    """Is shown how far it has come."""


@pytest.fixture(autouse=True)
def no_process_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(map(str, (ROOT, HELPERS))))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


@pytest.fixture(scope='module')
def task() -> Task:
    return Task(Path('models'), MATERIAL, patience_s=0.5, worker='tuned_worker')


@pytest.fixture(scope='module')
def outcome(task: Task) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', os.pathsep.join(map(str, (ROOT, HELPERS))))
        return Search(task, Candidate(), Machine(4), Plan(), nobody).run()


def row(outcome: Outcome, name: str) -> Row:
    return next(one for one in outcome.rows if one.name == name)


def test_the_best_is_found_verified_and_told_as_parameters(outcome: Outcome) -> None:
    assert outcome.rows[0].name == 'default'
    assert outcome.winner is outcome.rows[1]
    assert outcome.winner.line.startswith('-p execution.intra_op_threads:=4 ')
    assert outcome.verification is not None
    assert outcome.verification.got.gain == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(('name', 'reason'), [
    ('threads 1, spinning never', 'SIGSEGV'),
    ('threads 4, spinning always', 'it hangs'),
    ('graph basic', 'the engine refuses it'),
])  # fmt: skip
def test_a_candidate_that_fails_costs_only_itself(
    outcome: Outcome, name: str, reason: str
) -> None:
    failed = row(outcome, name)
    assert failed.figures is None
    assert reason in failed.why_not


def test_a_winner_costs_no_more_cpu_than_allowed(task: Task) -> None:
    outcome = Search(task, Candidate(), Machine(4), Plan(most_cpu=1.5), nobody).run()
    assert outcome.rows[1].against_default is not None
    assert outcome.rows[1].against_default.better
    assert outcome.winner is None


def test_nothing_wins_where_nothing_differs(task: Task) -> None:
    outcome = Search(task, Candidate(), Machine(2), Plan(), nobody).run()
    assert outcome.winner is None
    assert outcome.verification is None


def test_a_default_that_cannot_be_measured_is_an_error(task: Task) -> None:
    default = Candidate(ExecutionSettings(graph_optimization='basic'))
    with pytest.raises(ModelError, match='the engine refuses it'):
        Search(task, default, Machine(2), Plan(), nobody).run()


def test_ctrl_c_leaves_no_process(task: Task) -> None:
    def interrupt(*numbers: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Search(task, Candidate(), Machine(4), Plan(), interrupt).run()


def test_a_model_is_measured_with_the_pipeline_of_a_node(
    model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    for number in range(3):
        cv2.imwrite(str(pictures / f'{number}.png'), np.full((8, 8, 3), 80 * number, np.uint8))
    material = Material(str(pictures), {'': ('image',)}, 3, 200.0)
    task = Task(model_folder('tiny', 1, golden=False), material)
    with Crew(task, nobody) as crew:
        member = crew.hire(Candidate(ExecutionSettings(intra_op_threads=1)))
        assert member.failure == ''
        crew.measure([member], 2)
    assert member.opened is not None
    assert member.opened.threads == 1
    for block in member.blocks.values():
        assert len(block.latency_ms) + block.lost == task.frames - 1
        assert min(block.latency_ms) > 0
        assert block.cpu_ms > 0


def test_a_damaged_package_is_told(tmp_path: Path) -> None:
    missing = replace(MATERIAL, path=str(tmp_path))
    with Crew(Task(tmp_path / 'nothing', missing), nobody) as crew:
        member = crew.hire(Candidate())
    assert 'there is no such folder' in member.failure


def test_a_load_takes_about_what_it_should_and_ends() -> None:
    with background_load(20.0) as load:
        while load.measured_percent() <= 0:
            pass
