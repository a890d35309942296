"""Rules of the advisor on numbers; test/ros/monitoring has them on nodes."""

from dataclasses import replace
from itertools import count

import pytest

from ml_integration.core.findings import Level
from ml_integration.fleet.advice.advisor import RULES, Advisor
from ml_integration.fleet.situation import Situation
from ml_integration.fleet.status import Status

NUMBERS = {
    'model': {
        'inputs': 'images: float32[?, 3, 96, 128]',
        'threads': '2',
        'spinning': 'never',
        'graph optimization': 'all',
        'provider': 'CPUExecutionProvider',
        'fallback': '',
    },
    'input': {
        'age p50 [ms]': '8',
        'topic': '/camera/image_raw',
        'rate [Hz]': '30',
        'serialized [bytes]': '100000',
        'segment [bytes]': '524288',
        'transport p50 [ms]': '0.7',
        'lost': '0',
    },
    'latency': {
        'wait p50 [ms]': '0.2',
        'decode p50 [ms]': '0.2',
        'encode p50 [ms]': '0.3',
        'infer p50 [ms]': '5',
        'total p50 [ms]': '6.5',
        'frames per run': '1',
    },
    'drops': {'received': '300', 'displaced': '0', 'stale': '0'},
    'results': {'rate [Hz]': '30'},
    'resources': {
        'cpu [%]': '25',
        'cpus': '2',
        'machine cpu [%]': '30',
        'rss [MB]': '200',
        'memory budget [MB]': '0',
    },
}
"""A node at 30 Hz that lacks nothing."""
COMPANION = {
    'depth: topic': '/depth',
    'depth: rate [Hz]': '30',
    'depth: transport p50 [ms]': '11',
}


def statuses(**changed: dict[str, str]) -> dict[str, Status]:
    """The numbers of a node, some of them changed."""
    return {
        concern: Status(f'n: {concern}', Level.OK, values={**values, **changed.get(concern, {})})
        for concern, values in NUMBERS.items()
    }


BEFORE = statuses(drops={'received': '0', 'displaced': '0'})


def kinds(situation: Situation) -> list[str]:
    return [advice.kind for rule in RULES for advice in rule(situation)]


def situation(**changed: dict[str, str]) -> Situation:
    return Situation('n', statuses(**changed), BEFORE, 10.0)


@pytest.mark.parametrize(
    ('kind', 'changed'),
    [
        ('segment', {'input': {'serialized [bytes]': '921660'}}),
        (
            'fragments',
            {'input': {'serialized [bytes]': '921660', 'segment [bytes]': '0', 'lost': '9'}},
        ),
        ('late', {'input': {'age p50 [ms]': '60'}}),
        (
            'oversized',
            {
                'input': {
                    'serialized [bytes]': '6220800',
                    'segment [bytes]': '16000000',
                    'transport p50 [ms]': '9',
                }
            },
        ),
        ('spinning', {'model': {'spinning': 'always'}, 'resources': {'cpu [%]': '150'}}),
        (
            'idle_cpus',
            {'model': {'threads': '1'}, 'drops': {'displaced': '100'}},
        ),
        ('waiting', {'latency': {'wait p50 [ms]': '9'}}),
        (
            'slow_model',
            {'latency': {'infer p50 [ms]': '66'}, 'drops': {'displaced': '150'}},
        ),
        ('preparation', {'latency': {'encode p50 [ms]': '7'}}),
        ('unoptimized', {'model': {'graph optimization': 'basic'}}),
        ('provider', {'model': {'fallback': 'CUDAExecutionProvider is not there'}}),
        (
            'batchable',
            {
                'latency': {'wait p50 [ms]': '6'},
                'drops': {'left: received': '150', 'right: received': '150'},
            },
        ),
        ('memory', {'resources': {'rss [MB]': '480', 'memory budget [MB]': '512'}}),
    ],
)
def test_a_symptom_is_found_and_told_with_its_numbers(
    kind: str, changed: dict[str, dict[str, str]]
) -> None:
    found = situation(**changed)
    assert kinds(found) == [kind]
    (advice,) = (one for rule in RULES for one in rule(found))
    assert any(sign.isdigit() for sign in advice.symptom + advice.gain), str(advice)


@pytest.mark.parametrize(
    ('changed', 'cause'),
    [
        ({'input': COMPANION}, '/depth comes 10.3 ms later than what it belongs to'),
        ({'resources': {'cpu wait [%]': '40'}}, 'have no CPU for 40 % of the time'),
        ({'resources': {'cpu wait [%]': '1'}}, 'other work of the same process'),
        ({'resources': {'cpu wait [%]': ''}}, 'other work of the same process'),
    ],
)
def test_why_frames_wait_follows_from_what_is_late(
    changed: dict[str, dict[str, str]], cause: str
) -> None:
    found = situation(latency={'wait p50 [ms]': '10'}, **changed)
    (advice,) = (one for rule in RULES for one in rule(found))
    assert (advice.kind, cause in advice.cause) == ('waiting', True), advice


def test_many_threads_of_several_models_are_too_many() -> None:
    busy = situation(resources={'machine cpu [%]': '97'})
    assert kinds(busy) == []
    assert kinds(replace(busy, machine=(statuses(), statuses()))) == ['oversubscribed']


def test_a_good_node_gets_no_advice_and_an_unknown_one_neither() -> None:
    assert kinds(situation()) == []
    assert kinds(Situation('n', {}, {}, 0.0)) == []
    strange = {'task': Status('camera: task', Level.WARN, values={'rate [Hz]': 'fast'})}
    assert kinds(Situation('camera', strange, strange, 1.0)) == []


def test_what_comes_and_goes_is_not_said_and_what_lasts_is() -> None:
    good, bad = situation(), situation(model={'graph optimization': 'basic'})
    advisor, seconds = Advisor(), count()

    def told(situation: Situation) -> int:
        return len(advisor.advise(situation, next(seconds) * 10**9))

    assert [told(one) for one in (bad, good, good, bad, good)] == [0] * 5
    assert [told(bad) for _ in range(3)][-1] == 1
    assert told(good) == 1
    assert [told(good) for _ in range(12)][-1] == 0


def test_who_asks_often_does_not_make_it_last() -> None:
    bad, advisor = situation(model={'graph optimization': 'basic'}), Advisor()
    asked = [advisor.advise(bad, step * 10**8) for step in range(40)]
    assert next(step for step, told in enumerate(asked) if told) == 18
