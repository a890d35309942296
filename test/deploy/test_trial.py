"""A model has proven itself after enough good frames AND enough time, in a row."""

from ml_integration.deploy.trial import ProbationSettings, Trial

S = 1_000_000_000
SETTINGS = ProbationSettings(good_frames=3, seconds=2.0)


def outcomes(*frames: tuple[bool, float]) -> list[bool]:
    trial = Trial(0)
    return [trial.passed(good, SETTINGS, int(at * S)) for good, at in frames]


def test_frames_and_time_are_both_needed() -> None:
    assert outcomes((True, 0.1), (True, 0.2), (True, 0.3), (True, 2.0)) == [False] * 3 + [True]
    assert outcomes((True, 3.0), (True, 3.1), (True, 3.2)) == [False, False, True]


def test_a_failure_starts_the_trial_again() -> None:
    frames = [(True, 1.0), (True, 1.5), (False, 1.9), (True, 2.1), (True, 2.2), (True, 2.3)]
    assert not any(outcomes(*frames))
    assert outcomes(*frames, (True, 3.9))[-1]
