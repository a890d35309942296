"""Searches for the best way to run a model, and verifies what it finds in a second run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ml_integration.errors import ModelError
from ml_integration.tuning.candidates import (
    Candidate,
    Machine,
    aspect,
    combined,
    full_grid,
    single_changes,
)
from ml_integration.tuning.crew import Crew, Member, Task
from ml_integration.tuning.figures import Figures, compare
from ml_integration.tuning.paired import LEAST_BLOCKS, Paired

SCREENING = 8
"""Blocks by which a quick search chooses what it measures closely."""
CLOSELY = 3
"""Candidates that it measures closely, besides combinations and those that change results."""
MORE_LOST = 0.01
"""Share of frames that a winner may lose more than the default does."""
PROMISING = 0.02
"""Gain in the first blocks from which on a change is combined with others."""


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate that was measured.

    Attributes:
        candidate: how the model was run.
        name: what makes it of the default, in words.
        line: arguments that choose it; empty for the default and for changed models.
        figures: None if it could not be measured.
        against_default: None for the default, and if it could not be measured.
        why_not: why it could not be measured; empty if it was.
    """

    candidate: Candidate
    name: str
    line: str
    figures: Figures | None
    against_default: Paired | None = None
    why_not: str = ''


@dataclass(frozen=True, slots=True)
class Verification:
    """Second run of the winner and the default, in new processes.

    Attributes:
        promised: what the search found.
        got: what the second run found.
        kept: whether the second run finds a difference too.
    """

    promised: Paired
    got: Paired
    kept: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a search.

    Attributes:
        rows: the default first, then the others, the best first.
        way: what the settings `auto` of the default came to, such as '2 threads, never'.
        winner: the row to choose; None to keep what there is.
        verification: of the best row; None if nothing was better in the first run.
        trials: number of blocks that were run.
    """

    rows: tuple[Row, ...]
    way: str
    winner: Row | None
    verification: Verification | None
    trials: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search is done.

    Attributes:
        goal: one of GOALS.
        full: measure every combination closely.
        rounds: blocks of each candidate that is measured closely.
        most_cpu: times the CPU of the default that a winner may take.
        variants: candidates that change results; they are measured, and never win.
    """

    goal: str = 'p50'
    full: bool = False
    rounds: int = LEAST_BLOCKS
    most_cpu: float = 2.0
    variants: tuple[Candidate, ...] = ()


class Search:
    """Search for the best way to run a model.

    Args:
        task: what is measured.
        default: row 0.
        machine: what there is to choose from.
        plan: how it is done.
        show: is called with the number of blocks that were run and of those planned.
    """

    def __init__(
        self,
        task: Task,
        default: Candidate,
        machine: Machine,
        plan: Plan,
        show: Callable[[int, int], None],
    ) -> None:
        self._task = task
        self._default = default
        self._machine = machine
        self._plan = plan
        self._show = show
        self._trials = 0

    @property
    def blocks(self) -> int:
        """Number of blocks that are planned."""
        rounds, more = self._plan.rounds, len(self._plan.variants)
        verifying = 2 * rounds
        if self._plan.full:
            return (1 + len(full_grid(self._default, self._machine)) + more) * rounds + verifying
        singles = 1 + len(single_changes(self._default, self._machine))
        closely = 1 + min(CLOSELY + 1, singles) + more
        return singles * SCREENING + closely * rounds + verifying

    def run(self) -> Outcome:
        """Searches and verifies.

        Raises:
            ModelError: the default cannot be measured.
        """
        with Crew(self._task, self._shown) as crew:
            default = self._hire_default(crew)
            self._default = _as_it_came_out(default)
            members, dropped = self._candidates(crew, default)
            members += [crew.hire(one) for one in self._variants()]
            for member in members:  # what chose them would flatter them
                member.blocks.clear()
            crew.measure([default, *members], self._plan.rounds)
            if default.failure:
                raise self._unmeasured(default)
        rows = [self._row(one, default) for one in (*members, *dropped)]
        rows.sort(key=_rank)
        first = self._row(default, default)
        best = next((row for row in rows if self._may_win(row, first)), None)
        verification = self._verify(best) if best is not None else None
        winner = best if verification is not None and verification.kept else None
        way = _in_words(default)
        return Outcome((first, *rows), way, winner, verification, self._trials)

    def _hire_default(self, crew: Crew) -> Member:
        default = crew.hire(self._default)
        if default.failure:
            raise self._unmeasured(default)
        return default

    def _candidates(self, crew: Crew, default: Member) -> tuple[list[Member], list[Member]]:
        """Returns the candidates to measure closely, and those that are measured no more."""
        if self._plan.full:
            grid = full_grid(self._default, self._machine)
            return [crew.hire(one) for one in grid], []
        members = [crew.hire(one) for one in single_changes(self._default, self._machine)]
        crew.measure([default, *members], SCREENING)
        gains = {id(one): self._gain(default, one) for one in members}
        ranked = sorted(members, key=lambda one: -gains[id(one)])
        chosen = [one for one in ranked[:CLOSELY] if not one.failure]
        promising = [one.candidate for one in ranked if gains[id(one)] > PROMISING]
        best = {aspect(one, self._default): one for one in reversed(promising)}
        both = combined(list(best.values()), self._default)
        if len(best) > 1 and all(both != one.candidate for one in chosen):
            chosen.append(crew.hire(both))
        dropped = [one for one in members if one not in chosen]
        crew.dismiss(dropped)
        return chosen, dropped

    def _variants(self) -> list[Candidate]:
        """Returns the candidates that change results, with the settings of the default."""
        execution = self._default.execution
        return [replace(one, execution=execution) for one in self._plan.variants]

    def _gain(self, default: Member, member: Member) -> float:
        if not member.blocks or not default.blocks:
            return float('-inf')
        return compare(self._plan.goal, default.blocks, member.blocks).gain

    def _verify(self, best: Row) -> Verification:
        """Measures the winner and the default again in new processes."""
        assert best.against_default is not None
        with Crew(self._task, self._shown) as crew:
            members = [crew.hire(self._default), crew.hire(best.candidate)]
            crew.measure(members, self._plan.rounds)
            if any(member.failure for member in members):
                nothing = Paired(0.0, 0.0, 0.0, 1.0, 0)
                return Verification(best.against_default, nothing, False)
            got = compare(self._plan.goal, members[0].blocks, members[1].blocks)
        return Verification(best.against_default, got, got.better)

    def _row(self, member: Member, default: Member) -> Row:
        name = 'default' if member is default else member.candidate.name(self._default)
        line = '' if member.candidate.variant else member.candidate.line(self._default)
        if member.failure or not member.blocks:
            why_not = member.failure or 'dropped'
            return Row(member.candidate, name, line, None, None, why_not)
        figures = Figures.of(member.blocks.values())
        if member is default:
            return Row(member.candidate, name, line, figures)
        against = compare(self._plan.goal, default.blocks, member.blocks)
        return Row(member.candidate, name, line, figures, against)

    def _may_win(self, row: Row, first: Row) -> bool:
        """Tells whether a row is better, at a fair price and with the same results."""
        if row.figures is None or first.figures is None or row.candidate.variant:
            return False
        fair = row.figures.cpu_ms <= self._plan.most_cpu * first.figures.cpu_ms
        complete = row.figures.lost <= first.figures.lost + MORE_LOST
        return bool(row.against_default and row.against_default.better and fair and complete)

    def _shown(self, done: int) -> None:
        self._trials += 1
        self._show(self._trials, max(self.blocks, self._trials))

    def _unmeasured(self, default: Member) -> ModelError:
        what = f'it cannot be measured as it is set now: {default.failure}'
        return ModelError(what, where=str(self._task.package))


def _rank(row: Row) -> tuple[bool, bool, float]:
    against = row.against_default
    if against is None:
        return (True, True, 0.0)
    return (False, against.blocks < LEAST_BLOCKS, -against.gain)


def _as_it_came_out(member: Member) -> Candidate:
    """Returns a candidate with what `auto` came to, which might come out differently again."""
    candidate, opened = member.candidate, member.opened
    if opened is None or not opened.threads or not candidate.execution.leaves_threads_open:
        return candidate
    execution = replace(
        candidate.execution, intra_op_threads=opened.threads, spinning=opened.spinning
    )
    return replace(candidate, execution=execution)


def _in_words(member: Member) -> str:
    opened = member.opened
    if opened is None or not opened.threads:
        return ''
    threads = f'{opened.threads} thread{"s" if opened.threads > 1 else ""}'
    return f'{threads}, spinning {opened.spinning}, on {opened.device}'
