"""Nodes of a group hear over real DDS where the others are, and change as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from inference_processes import value
from rollout_nodes import rollout_node
from rollouts import ADVANCE, BAD, DONE, LAST, NEW, PROMOTED, SETTINGS, SHADOW, judged
from ros_client import Client
from ros_processes import wait_until

from ml_integration.core.rollout.judgment import Judgment, Verdict
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.groups import Report, group_of, heard
from ml_integration.deploy.rollout.moves import Do
from ml_integration.deploy.rollout.steps import on_judgment
from ml_integration.ros.inference import rollout_reports
from ml_integration.ros.inference.rollout_reports import RolloutReports, report_in, status_of
from ml_integration.ros.node import qos
from ml_integration.store.state.rollout_state import Phase, RolloutState


@pytest.fixture
def client(ros_domain: int) -> Iterator[Client]:
    with closing(Client()) as made:
        yield made


class Member:
    """A node of a group of two, whose judge says what the test tells it."""

    def __init__(self, name: str, other: str, state: RolloutState, ended: ExitStack) -> None:
        self.state, self.done = state, list[Do]()
        self.settings = replace(SETTINGS, group=(other,))
        self.node, self.resources = ended.enter_context(rollout_node(name))
        self.reports = RolloutReports(
            self.node, lambda: self.settings, lambda: self.state, self.resources
        )

    def judge(self, judgment: Judgment) -> None:
        """Does what the thread of a rollout does once a second."""
        reports = self.reports.reports()
        self.state = heard(self.state, reports)
        group = group_of(self.state, self.settings.group, reports)
        move = on_judgment(self.state, judgment, self.settings, group=group)
        self.state = move.state
        self.done += [move.do] * (move.do is not Do.NOTHING)


@contextmanager
def two(state: RolloutState) -> Iterator[tuple[Member, Member]]:
    with ExitStack() as ended:
        detector = Member('detector', '/tracker', state, ended)
        tracker = Member('tracker', '/detector', state, ended)
        wait_until(lambda: detector.reports.reports(), 'the detector to hear the tracker')
        wait_until(lambda: tracker.reports.reports(), 'the tracker to hear the detector')
        yield detector, tracker


def test_nodes_of_a_group_promote_and_go_back_as_one(ros_domain: int) -> None:
    with two(LAST) as (detector, tracker):
        for _ in range(3):
            detector.judge(ADVANCE)
        assert detector.done == [] and detector.state.ready
        tracker.judge(ADVANCE)

        def both_promoted() -> bool:
            for one in (detector, tracker):
                one.judge(ADVANCE)
            return detector.done == tracker.done == [Do.PROMOTE]

        wait_until(both_promoted, 'both to promote')
        tracker.judge(BAD)

        def went_back() -> bool:
            detector.judge(ADVANCE)
            return Do.TAKE_BACK in detector.done

        wait_until(went_back, 'the detector to go back with the tracker')
        assert detector.state.reason.endswith('/tracker gave up its own')
        assert detector.state.bar_of(NEW) is None  # nothing was wrong with its own


def test_who_is_gone_is_waited_for(ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_reports, 'REPORT_AGE_S', 2.0)
    with ExitStack() as ended, ExitStack() as lonely:
        detector = Member('detector', '/tracker', LAST, ended)
        Member('tracker', '/detector', replace(LAST, ready=True), lonely)
        wait_until(lambda: detector.reports.reports(), 'the detector to hear the tracker')
        lonely.close()
        wait_until(lambda: not detector.reports.reports(), 'the tracker to be forgotten')
        detector.judge(ADVANCE)
        assert detector.done == []
        detector.settings = replace(detector.settings, group=())
        wait_until(
            lambda: (
                '/tracker/rollout/state'
                not in [item.topic_name for item in detector.node.subscriptions]
            ),
            'the group to be left',
        )


def test_a_promoted_one_that_restarts_is_waited_for_and_takes_nobody_back(
    ros_domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_reports, 'REPORT_AGE_S', 2.0)
    with ExitStack() as ended, ExitStack() as lonely:
        detector = Member('detector', '/tracker', PROMOTED, ended)
        Member('tracker', '/detector', replace(PROMOTED, ready=True), lonely)
        wait_until(lambda: detector.reports.reports(), 'the detector to hear the tracker')
        lonely.close()
        silent = {'/tracker': Report(Phase.PROMOTED, 'shapes@3', promoted=True)}
        wait_until(lambda: detector.reports.reports() == silent, 'the tracker to be silent')
        detector.judge(judged(Verdict.ADVANCE, 10.0 * SETTINGS.max_wait_s))
        assert detector.done == [] and detector.state.phase is Phase.PROMOTED


def test_the_state_is_told_to_whoever_comes_later(client: Client) -> None:
    with ExitStack() as ended:
        member = Member('eye', '/other', SHADOW, ended)
        first = client.collect(DiagnosticStatus, '/eye/rollout/state', qos.latched()).wait()[0]
        assert (first.name, first.hardware_id) == ('eye: rollout', '/eye')
        assert first.message == 'shapes@3 runs in the shadow of shapes@2'
        assert value(first, 'phase') == 'shadow'
        member.state = DONE
        topic = client.collect(DiagnosticStatus, '/eye/rollout/state', qos.latched())
        topic.wait_for(lambda message: value(message, 'watched') == 'yes', 'the newest state')


STATES = (RolloutState(), SHADOW, LAST, DONE, replace(LAST, phase=Phase.HALTED))


@pytest.mark.parametrize('state', STATES, ids=lambda state: state.phase.value)
def test_what_is_told_is_what_is_heard(state: RolloutState) -> None:
    message = status_of('/eye', state, SETTINGS)
    assert report_in(message) == Report.of(state)
    keys = [item.key for item in status_of('/eye', RolloutState(), RolloutSettings()).values]
    assert [item.key for item in message.values] == keys
    is_halted = state.phase is Phase.HALTED
    assert message.level == (DiagnosticStatus.WARN if is_halted else DiagnosticStatus.OK)


@pytest.mark.parametrize('key', ['phase', 'candidate', 'promoted', 'ready', 'watched'])
def test_what_nobody_understands_is_no_report(key: str) -> None:
    message = status_of('/eye', LAST, SETTINGS)
    found = [item for item in message.values if item.key != key]
    assert report_in(DiagnosticStatus(values=found)) is None
    if key != 'candidate':
        odd = [*found, KeyValue(key=key, value='?')]
        assert report_in(DiagnosticStatus(values=odd)) is None
