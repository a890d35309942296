from dataclasses import replace

import pytest

from ml_integration.core.execution import ExecutionSettings
from ml_integration.tuning.candidates import (
    Candidate,
    Machine,
    combined,
    full_grid,
    single_changes,
)
from ml_integration.tuning.trial import Material, Trial

NOW = Candidate(ExecutionSettings(intra_op_threads=2, spinning='never'))


def changed(**values: object) -> Candidate:
    return replace(NOW, execution=replace(NOW.execution, **values))


@pytest.mark.parametrize(('candidate', 'line'), [
    (NOW, ''),
    (changed(intra_op_threads=1),
     '-p execution.intra_op_threads:=1 -p execution.spinning:=never'),
    (changed(spinning='always'),
     '-p execution.intra_op_threads:=2 -p execution.spinning:=always'),
    (changed(graph_optimization='basic'), '-p execution.graph_optimization:=basic'),
    (changed(providers=('CUDAExecutionProvider', 'CPUExecutionProvider')),
     '-p execution.providers:="[CUDAExecutionProvider, CPUExecutionProvider]"'),
    (replace(NOW, batch=4), '-p batch.max_size:=4'),
])  # fmt: skip
def test_the_line_chooses_the_candidate(candidate: Candidate, line: str) -> None:
    assert candidate.line(NOW) == line


def test_every_single_change_is_in_the_full_grid() -> None:
    machine = Machine(4, ('CPUExecutionProvider', 'CUDAExecutionProvider'), 4)
    singles, grid = single_changes(NOW, machine), full_grid(NOW, machine)
    assert set(singles) < set(grid)
    assert NOW not in grid
    assert len(grid) == len(set(grid))


def test_one_thread_has_nobody_to_wait_for() -> None:
    machine = Machine(1)
    threads = [one.execution.intra_op_threads for one in single_changes(NOW, machine)]
    assert threads.count(1) == 1


def test_a_combination_has_all_changes_and_the_first_wins() -> None:
    both = combined([changed(intra_op_threads=1), changed(graph_optimization='basic'),
                     changed(graph_optimization='extended')], NOW)  # fmt: skip
    assert both == changed(intra_op_threads=1, graph_optimization='basic')


def test_a_trial_is_read_as_it_was_written() -> None:
    material = Material('street.mp4', {'': ('image',)}, 8, 30.0)
    trial = Trial('models/shapes/2', material, NOW.execution, 2, 2)
    assert Trial.read(trial.line()) == trial
