"""Asks a person at a terminal what an export leaves open."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from ml_integration.cli.output import complain, on_terminal, tell
from ml_integration.exports.asking.questions import Choice, Question
from ml_integration.exports.claims import Claim, Origin
from ml_integration.exports.counted import counted


def is_terminal() -> bool:
    """Tells whether somebody can answer."""
    return sys.stdin is not None and sys.stdin.isatty() and on_terminal()


def ask(questions: Iterable[Question]) -> tuple[Claim, ...]:
    """Asks each question until it has an answer; an empty line takes the proposal.

    Raises:
        KeyboardInterrupt: nobody answers any more.
    """
    return tuple(
        claim
        for question in questions
        for claim in _answer(question).claims(Origin.PERSON, 'answered')
    )


def list_open(questions: Sequence[Question]) -> None:
    """Says on stderr what is open, and which options answer it."""
    open_ones = counted(len(questions), 'open question')
    complain(f'{open_ones}; answer with the options below, or take the proposals with --yes')
    for question in questions:
        complain(question.sentence)
        for number, choice in enumerate(question.choices):
            word = 'proposed' if number == 0 else 'or'
            if choice.flags:
                complain(f'  {word}: {choice.flags}  ({choice.text})')
        if question.picture is not None:
            complain(f'  results of each: {question.picture}')


def _answer(question: Question) -> Choice:
    tell()
    tell(question.sentence)
    for number, choice in enumerate(question.choices, 1):
        tell(f'  {number}) {choice.text}{"   (proposed)" if number == 1 else ""}')
    if question.picture is not None:
        tell(f'  Look at the results of each: {question.picture}')
    if flags := question.proposal.flags:
        tell('  Other values: end with Ctrl-C and give', flags.split('=')[0], '...')
    while True:
        try:
            text = input(f'Which one [1-{len(question.choices)}, Enter for 1]? ').strip()
        except EOFError:
            raise KeyboardInterrupt from None
        if text.lower() in ('', 'y', 'yes'):
            return question.proposal
        if text.isdecimal() and len(text) < 3 and 1 <= int(text) <= len(question.choices):
            return question.choices[int(text) - 1]
