"""What became of results is evidence for the version that made them."""

from __future__ import annotations

from paired_streams import Robot, S

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.core.outcomes import Outcomes
from ml_integration.core.rollout.judgment import Stage, Verdict
from ml_integration.serving.rollout_outcomes import OutcomeEvidence
from ml_integration.store.state.node_state import Edition
from ml_integration.store.state.rollout_state import Phase, RolloutState

OLD, NEW = ModelIdentity('grasp', 1, 'a' * 64), ModelIdentity('grasp', 2, 'b' * 64)


def test_a_version_whose_results_are_of_less_use_is_taken_back() -> None:
    known = Outcomes()
    for _ in range(200):  # from before the rollout
        known = known.counted(OLD, False, 'dropped').counted(NEW, True, 'grasped')
    evidence = OutcomeEvidence(lambda: known)
    state = RolloutState(Phase.CANARY, Edition('grasp@2', 'c' * 64), Edition('grasp@1', 'd' * 64))
    evidence.begin(state)
    robot = Robot(stage=Stage.CANARY)
    for second in range(1, 90):
        for pair in robot.pairs(1):
            robot.judge.add(pair)
        for telling in evidence.measure(second * S):
            telling(robot.judge)
        for made_by, useful in ((OLD, True), (NEW, second % 2 == 0)):
            known = known.counted(made_by, useful, 'told')
        judgment = robot.judge.judge(robot.now_ns)
        if judgment.verdict is not Verdict.HOLD:
            break
    assert judgment.verdict is Verdict.ROLL_BACK
    assert judgment.reason.startswith('useful results ')
    assert 'instead of 100.0%' in judgment.reason
