"""What a run sees, remembers and feeds back, and what is measured of it."""

from __future__ import annotations

import numpy as np
import pytest
from pipeline_parts import MODEL, MS, Bench, Size, arrival, bench, seen

from ml_integration.core.arrivals import Arrival, Observation
from ml_integration.core.contracts import Topic
from ml_integration.core.inputs import KeepRule, KeepSpec, SizeInput, StateInput
from ml_integration.core.stage_contracts import Companion
from ml_integration.errors import FrameError, InferenceError

WINDOW = KeepSpec(KeepRule.WINDOW, 100.0)


@pytest.mark.parametrize('together', [1, 2, 3])
def test_each_observation_is_charged_its_own_work_and_the_whole_run(together: int) -> None:
    made = bench(size=3)
    works = [made.pipeline.prepare(seen(7 + row), row) for row in range(together)]
    made.pipeline.infer(works)
    predictions = [made.pipeline.finish(work) for work in works]
    stages = {'decode': 1, 'encode': 2, 'infer': 10, 'postprocess': 3, 'validate': 4}
    assert [len(tensors['x']) for tensors in made.session.seen] == [together]  # one run
    assert [p.result for p in predictions] == [70, 80, 90][:together]
    assert [p.stage_ms for p in predictions] == [stages] * together
    assert [list(p.stage_ms) for p in predictions] == [list(stages)] * together  # in order
    assert {p.together for p in predictions} == {together}


def test_a_prediction_tells_the_trigger_s_stamp_and_all_that_was_seen() -> None:
    made = bench({'j': KeepSpec(KeepRule.LATEST, 100.0), 'x': KeepSpec()})
    prediction = made.pipeline.run(seen(3, j=[arrival(2)]))
    assert (prediction.stamp_ns, prediction.frame_id) == (30 * MS, 'frame 3')
    assert {n: [f.stamp_ns for f in frames] for n, frames in prediction.frames.items()} == {
        'j': [20 * MS],
        'x': [30 * MS],
    }
    assert prediction.model == MODEL.identity
    assert made.task.geometry == [{'j': Size((1, 2)), 'x': Size((1, 3))}]
    assert made.session.seen == [{'j': np.array([2.0]), 'x': np.array([3.0])}]


def test_what_the_clock_triggers_has_its_stamp_and_no_coordinate_frame() -> None:
    made = bench({'x': KeepSpec(KeepRule.LATEST, 100.0)}, rate_hz=50.0)
    clock = Arrival(None, 57 * MS, 0, 0)
    prediction = made.pipeline.run(Observation('', clock, {'x': [arrival(5)]}))
    assert (prediction.stamp_ns, prediction.frame_id, prediction.result) == (57 * MS, '', 50)


def test_windows_that_overlap_decode_each_message_once() -> None:
    made = bench({'x': WINDOW})
    results = [
        made.pipeline.run(seen(*numbers)).result
        for numbers in ((0, 1, 2), (1, 2, 3), (2, 3, 4, 5), (6,), (6, 7))
    ]
    assert results == [30, 60, 140, 60, 130]
    assert made.sensor.read == [0, 1, 2, 3, 4, 5, 6, 7]


def test_no_more_is_kept_than_the_last_window() -> None:
    made = bench({'x': WINDOW})
    for numbers in ((0, 1, 2), (3, 4), (0, 1)):
        made.pipeline.run(seen(*numbers))
    assert made.sensor.read == [0, 1, 2, 3, 4, 0, 1]


def test_streams_do_not_share_what_they_have_decoded() -> None:
    made = bench({'x': WINDOW})
    for stream in ('left', 'right', 'left'):
        made.pipeline.run(seen(0, 1, stream=stream))
    assert made.sensor.read == [0, 1, 0, 1]


def test_a_stream_that_begins_anew_is_decoded_anew() -> None:
    """Its messages are counted from 0 again, and are other ones."""
    made = bench({'x': WINDOW})
    made.pipeline.run(seen(0, 1))
    made.pipeline.inbox('')
    made.pipeline.run(seen(0, 1))
    made.pipeline.run(seen(0, 1, restarted=True))
    assert made.sensor.read == [0, 1] * 3


def test_a_bad_message_in_a_window_costs_no_second_look_at_the_good_ones() -> None:
    made = bench({'x': WINDOW})
    bad = Arrival({'number': -1}, 20 * MS, 0, 2)
    with pytest.raises(FrameError, match='no number'):
        made.pipeline.run(Observation('', bad, {'x': [arrival(0), arrival(1), bad]}))
    assert made.pipeline.run(seen(0, 1)).result == 10
    assert made.sensor.read == [0, 1, -1]


STATE = (StateInput('h', 'h_out'),)


def fed_back(made: Bench) -> list[float]:
    return [float(tensors['h'][0]) for tensors in made.session.seen]


def test_a_state_is_zero_at_the_start_and_what_the_run_before_gave_afterwards() -> None:
    made = bench(states=STATE)
    for number in (1, 2, 3):
        made.pipeline.run(seen(number))
    assert fed_back(made) == [0, 1, 3]


def test_each_stream_has_its_own_state() -> None:
    made = bench(states=STATE)
    for number, stream in ((1, 'left'), (10, 'right'), (2, 'left'), (20, 'right')):
        made.pipeline.run(seen(number, stream=stream))
    assert fed_back(made) == [0, 0, 1, 10]


def test_the_state_of_the_stream_that_restarted_is_forgotten_and_no_other() -> None:
    made = bench(states=STATE)
    made.pipeline.run(seen(5, stream='left'))
    made.pipeline.run(seen(6, stream='right'))
    made.pipeline.run(seen(1, stream='left', restarted=True))
    made.pipeline.run(seen(2, stream='left'))
    made.pipeline.run(seen(7, stream='right'))
    assert fed_back(made) == [0, 0, 0, 1, 6]


def test_a_stream_that_begins_anew_has_no_state() -> None:
    made = bench(states=STATE)
    made.pipeline.run(seen(5))
    made.pipeline.inbox('')
    made.pipeline.run(seen(6))
    assert fed_back(made) == [0, 0]


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_state_that_is_not_finite_is_forgotten(bad: float) -> None:
    made = bench(states=STATE)
    made.pipeline.run(seen(5))
    work = made.pipeline.prepare(seen(6))
    work.tensors['x'][:] = bad
    made.pipeline.infer([work])
    made.pipeline.run(seen(7))
    made.pipeline.run(seen(8))
    assert fed_back(made) == [0, 5, 0, 7]


def test_a_run_that_fails_leaves_the_state_as_it_was() -> None:
    made = bench(states=STATE)
    made.pipeline.run(seen(1))
    made.session.failing = True
    with pytest.raises(InferenceError):
        made.pipeline.run(seen(2))
    with pytest.raises(FrameError):
        made.pipeline.run(seen(-1))
    made.session.failing = False
    made.pipeline.run(seen(4))
    assert fed_back(made) == [0, 1, 1]


@pytest.mark.parametrize(('order', 'expected'), [('hw', [5, 1]), ('wh', [1, 5])])
def test_the_size_of_a_picture_is_told_in_the_order_the_model_wants(
    order: str, expected: list[int]
) -> None:
    made = bench(sizes=(SizeInput('s', 'x', order),))
    made.pipeline.run(seen(5))
    assert made.session.seen[0]['s'].tolist() == [expected]


def test_constants_are_the_same_in_each_run() -> None:
    made = bench(constants={'rate': np.array(16000.0)})
    for number in (1, 2):
        made.pipeline.run(seen(number))
    assert [float(tensors['rate']) for tensors in made.session.seen] == [16000.0] * 2


def test_outputs_that_count_no_observations_are_refused() -> None:
    made = bench(size=2)
    works = [made.pipeline.prepare(seen(row), row) for row in range(2)]
    made.session.run = lambda tensors, deadline_ns: {'y': np.zeros(3)}
    with pytest.raises(InferenceError, match=r"'y' is \[3\] for 2"):
        made.pipeline.infer(works)


def test_an_inbox_keeps_what_the_model_wants_to_see() -> None:
    made = bench({'x': KeepSpec(), 'j': KeepSpec(KeepRule.LATEST, 15.0)})
    inbox = made.pipeline.inbox('left')
    inbox.put('x', arrival(2))
    assert inbox.take(-1) is None and inbox.missing() == ('j',)
    inbox.put('j', arrival(1))
    observation = inbox.take(-1)
    assert observation is not None and observation.stream == 'left'
    assert made.pipeline.run(observation).result == 20


def test_closing_closes_the_session() -> None:
    made = bench()
    made.pipeline.close()
    assert made.session.closed


def test_a_state_that_changes_its_size_is_an_error_once_and_forgotten() -> None:
    made = bench(states=STATE)
    made.pipeline.run(seen(1))
    made.session._fed_back = np.zeros(2)
    made.pipeline.run(seen(2))
    with pytest.raises(FrameError, match=r"'h_out' has changed its size.*\[2\].*\[1\]"):
        made.pipeline.run(seen(3))
    made.session._fed_back = np.zeros(1)
    made.pipeline.run(seen(4))
    assert fed_back(made) == [0, 1, 0]


def test_a_message_that_cannot_be_read_costs_one_run_of_a_window_and_not_all() -> None:
    made = bench({'x': WINDOW})
    with pytest.raises(FrameError, match='no number'):
        made.pipeline.run(seen(1, -2, 3))
    assert made.pipeline.run(seen(1, -2, 3, 4)).result == 80
    assert made.sensor.read == [1, -2, 3, 4]
    with pytest.raises(FrameError, match=r"no message in the window of 'x' can be read"):
        made.pipeline.run(seen(-2))


ONE = {'count': ()}


def results(made: Bench, *observations: Observation) -> list[float]:
    return [made.pipeline.run(observation).result for observation in observations]


@pytest.mark.parametrize('together', [1, 3])
def test_stages_work_in_their_order_between_task_and_verdict_and_are_measured(
    together: int,
) -> None:
    made = bench(size=3, stages={'second': (), 'first': ()})
    works = [made.pipeline.prepare(seen(7 + n, stream=str(n)), n) for n in range(together)]
    made.pipeline.infer(works)
    predictions = [made.pipeline.finish(work) for work in works]
    assert [p.result for p in predictions] == [72, 82, 92][:together]
    laps = {'decode': 1, 'encode': 2, 'infer': 10, 'postprocess': 3, 'second': 5, 'first': 5}
    for prediction in predictions:
        assert list(prediction.stage_ms.items()) == [*laps.items(), ('validate', 4)]


def test_each_stage_remembers_each_stream_by_itself() -> None:
    made = bench(stages=ONE)
    turns = [seen(0, stream=stream) for stream in ('left', 'right', 'left', 'left', 'right')]
    assert results(made, *turns) == [1, 1, 2, 3, 2]


def test_a_stage_forgets_a_stream_whose_time_jumped_back_and_no_other() -> None:
    made = bench(stages=ONE)
    results(made, seen(0, stream='left'), seen(0, stream='right'))
    assert results(made, seen(0, stream='left', restarted=True), seen(0, stream='right')) == [1, 2]
    made.pipeline.inbox('right')
    assert results(made, seen(0, stream='left'), seen(0, stream='right')) == [2, 1]


def test_a_stage_gets_what_accompanies_the_trigger_and_the_model_does_not() -> None:
    companion = Companion('beside', 'numbers', (), 'aside', KeepSpec(KeepRule.NEAREST, 5.0))
    made = bench(stages=ONE, companions=[companion])
    inbox = made.pipeline.inbox('')
    inbox.put('x', arrival(7))
    assert inbox.missing() == ('aside',)
    inbox.put('aside', arrival(9)._replace(stamp_ns=74 * MS))
    observation = inbox.take(-1)
    assert observation is not None
    prediction = made.pipeline.run(observation)
    assert prediction.result == 70 + 1 + 9 / 1000
    assert set(prediction.frames) == {'x', 'beside'}
    assert [set(tensors) for tensors in made.session.seen] == [{'x'}]


def test_stages_publish_on_their_own_topics() -> None:
    own = Topic('counts', 'std_msgs/msg/Float64')
    made = bench(stages={'first': (own,), 'second': ()})
    made.task.topics = (Topic('sums', 'std_msgs/msg/Float64'),)  # type: ignore[attr-defined]
    assert [topic.name for topic in made.pipeline.topics] == ['sums', 'counts']
    prediction = made.pipeline.run(seen(7))
    said = list(made.pipeline.encode_stages(prediction, None, lambda name: None))
    assert said == [('counts', 72)]
