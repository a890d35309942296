from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_integration.exports.asking.doubts import doubts
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.trying.picture_check import PictureCheck
from ml_integration.exports.trying.plausibility import Plausibility
from ml_integration.exports.trying.preprocessing_choices import NORMALIZATIONS, Choice
from ml_integration.exports.trying.preprocessing_trial import PreprocessingReport, Scored
from ml_integration.exports.trying.trial import Trial
from ml_integration.exports.trying.verdict import Finding, Level

TRIAL = Trial('m@1', (), (), None)
DECLARED = Choice('rgb', NORMALIZATIONS[0], 'letterbox')
BETTER = replace(DECLARED, color='bgr')


def scored(choice: Choice, score: float) -> Scored:
    return Scored(choice, Plausibility(1.0, np.array([score])), TRIAL)


def check(better: bool, *sentences: str) -> PictureCheck:
    report = PreprocessingReport(scored(DECLARED, 0.2), scored(BETTER, 0.8) if better else None)
    findings = tuple(Finding(Level.WARNING, sentence) for sentence in sentences)
    return PictureCheck(TRIAL, report, findings)


def test_another_preparation_that_is_better_is_a_question_with_both() -> None:
    (question,) = doubts(check(True, 'Suspicious: it looks odd.'), Claims())
    assert question.key == 'encode'
    assert [choice.flags for choice in question.choices] == [
        '--set encode.color=rgb',
        '--set encode.color=bgr',
    ]
    assert '0.20' in question.sentence and '0.80' in question.sentence


def test_what_a_person_said_about_pictures_is_not_asked_again() -> None:
    said = Claims((Claim('encode.color', 'rgb', Origin.PERSON, '--set'),))
    assert doubts(check(True), said) == ()
    of_a_file = Claims((Claim('encode.color', 'rgb', Origin.SIDECAR, 'config.json'),))
    assert len(doubts(check(True), of_a_file)) == 1


def test_only_results_that_look_wrong_are_asked_about() -> None:
    assert doubts(check(False, 'It has no labels.'), Claims()) == ()
    (question,) = doubts(check(False, 'Suspicious: it looks odd.'), Claims())
    assert (question.key, question.proposal.flags) == ('results', '')
    assert question.choices[1].flags == '--yes'


def test_a_reading_that_a_file_states_is_not_doubted() -> None:
    odd = check(False, 'Suspicious: it looks odd.')
    for origin, questions in ((Origin.SIDECAR, 0), (Origin.SAMPLE, 1)):
        read = Claims((Claim('settings.decoder', 'boxes_and_scores', origin, 'somebody'),))
        assert len(doubts(odd, read)) == questions
