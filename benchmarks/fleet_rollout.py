"""Simulates how many robots get a bad version before the halt, for several plans.

    python -m benchmarks.fleet_rollout [--robots 10000] [--runs 5] [--picture FILE]

Each robot decides with the function that real nodes use, and the team halts by the criteria that
`ml_model fleet status` compares. Robots look for orders once an hour while they are online, and
what they report reaches the team at such a look as well. The team reads the reports every hour,
and revokes the candidate when it halts the plan. What is made up: the robots, when they are
offline, and the faults.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_integration.store.orders.orders import Cohort, Criteria, Orders, Plan
from ml_integration.store.orders.share import decide
from ml_integration.store.state.node_state import Edition

PICTURE = Path(__file__).parents[1] / 'docs/pictures/rollout.png'
HOURS = 24 * 21
START = datetime(2027, 1, 4, tzinfo=timezone.utc)
CRITERIA = Criteria(least_robots=20, most_taken_back_percent=5.0)
SITES = ('lab', *(f'site {number}' for number in range(1, 20)))
SITE_SHARES = (0.02, *((0.98 / 19,) * 19))
HARDWARE, HARDWARE_SHARES = ('orin', 'xavier', 'pi'), (0.6, 0.3, 0.1)
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stage:
    """Orders that the team gives some time after the start."""

    hour: float
    percent: float
    cohorts: tuple[Cohort, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A way to bring a version to all robots."""

    name: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a candidate.

    Attributes:
        name: in words.
        mean_h: time after `least_h` in which it shows on a robot, exponentially distributed [h].
        least_h: time in which it shows nowhere [h].
        hardware: it shows on this only; empty: on every one.
        spares_lab: it does not show in the lab.
        share: of the robots of that kind on which it shows at all.
    """

    name: str
    mean_h: float
    least_h: float = 0.0
    hardware: str = ''
    spares_lab: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What came of one rollout of one candidate.

    Attributes:
        took: robots that got it before the halt, or by the end.
        halted_h: when it was halted [h]; NaN: it was not.
        left: robots that still had it a day after the halt, as they were offline.
        robot_hours: time that robots ran it although it is bad [h].
        done_h: when 95 % of the robots had it [h]; NaN: they had not.
        serving: number of robots with it, by hour.
    """

    took: int
    halted_h: float
    left: int
    robot_hours: float
    done_h: float
    serving: Floats


def steps(wait_h: float, *cohorts: Cohort) -> tuple[Stage, ...]:
    """Returns the stages 1, 10, 50 and 100 %, some hours apart."""
    shares = enumerate((1.0, 10.0, 50.0, 100.0))
    return tuple(Stage(number * wait_h, percent, cohorts) for number, percent in shares)


LAB = Cohort({'site': ('lab',)}, 100.0)
ONE_SITE = Cohort({'site': SITES[:2]}, 100.0)
FIVE_SITES = Cohort({'site': SITES[:6]}, 100.0)
POLICIES = (
    Policy('all at once', (Stage(0, 100.0),)),
    Policy('1/10/50/100 %, an hour each', steps(1)),
    Policy('1/10/50/100 %, a day each', steps(24)),
    Policy('the lab, a day later 10/50/100 %', (
        Stage(0, 0.0, (LAB,)), Stage(24, 10.0, (LAB,)), Stage(48, 50.0, (LAB,)), Stage(72, 100.0),
    )),
    Policy('the lab, one site, five sites, all, a day each', (
        Stage(0, 0.0, (LAB,)), Stage(24, 0.0, (ONE_SITE,)), Stage(48, 0.0, (FIVE_SITES,)),
        Stage(72, 100.0),
    )),
    Policy('1/10/50/100 %, four days each', steps(96)),
)  # fmt: skip
FAULTS = (
    Fault('every robot, within an hour', 0.5),
    Fault('one kind of hardware (10 %), within hours', 2.0, hardware='pi'),
    Fault('not in the lab, within hours', 4.0, spares_lab=True, share=0.5),
    Fault('every robot, after two days (a leak)', 12.0, least_h=48.0),
)
GOOD = Fault('none: 1 % go back all the same', 24.0, share=0.01)


class Robots:
    """Robots with facts and times at which they look for orders.

    A twentieth is offline most of the time, the others about a tenth of it.
    """

    def __init__(self, count: int, random: np.random.Generator) -> None:
        self.ids = [f'r{number:05}' for number in range(count)]
        self.site = random.choice(SITES, count, p=SITE_SHARES)
        self.hardware = random.choice(HARDWARE, count, p=HARDWARE_SHARES)
        facts = zip(self.site, self.hardware, strict=True)
        self.facts = [{'site': str(site), 'hardware': str(kind)} for site, kind in facts]
        self._phase = random.uniform(0, 1, count)
        seldom = random.uniform(0, 1, count) < 0.05
        self._next = _next_online(_online(seldom, random))

    def look_after(self, times: Floats) -> Floats:
        """The first look of each robot at or after a time [h]; infinite if there is none."""
        hours = np.ceil(np.clip(times, 0, HOURS) - self._phase).astype(int)
        late = (hours >= HOURS) | ~np.isfinite(times)
        hours = np.clip(hours, 0, HOURS - 1)
        found = self._next[hours, np.arange(len(hours))] + self._phase
        return np.where(late, np.inf, found)


def _online(seldom: Bools, random: np.random.Generator) -> Bools:
    """Whether each robot is online, by hour: they leave for 5 h, or for 3 days, on average."""
    leave = np.where(seldom, 1 / 12, 1 / 45)
    come = np.where(seldom, 1 / 72, 1 / 5)
    online = random.uniform(0, 1, len(seldom)) < come / (come + leave)
    hours = []
    for _ in range(HOURS):
        chance = random.uniform(0, 1, len(seldom))
        online = np.where(online, chance >= leave, chance < come)
        hours.append(online)
    return np.array(hours)


def _next_online(online: Bools) -> Floats:
    """The hour from each hour on in which a robot is online; infinite if there is none."""
    found = np.full(online.shape[1], np.inf)
    rows = []
    for hour in reversed(range(len(online))):
        found = np.where(online[hour], hour, found)
        rows.append(found)
    return np.array(rows[::-1])


def take_times(robots: Robots, policy: Policy, salt: str) -> Floats:
    """When each robot takes the candidate if nobody halts [h]: what the robots decide."""
    candidate = Edition('model@2', 'c' * 64)
    times = np.full(len(robots.ids), np.inf)
    for stage in policy.stages:
        plan = Plan(candidate, salt, stage.percent, stage.cohorts)
        orders, now = Orders('model', 1, plan), START + timedelta(hours=stage.hour)
        pairs = zip(robots.ids, robots.facts, strict=True)
        takes = np.array([decide(orders, robot, facts, now).takes for robot, facts in pairs])
        looks = robots.look_after(np.full(len(robots.ids), stage.hour))
        times = np.where(takes, np.minimum(times, looks), times)
    return times


def fault_times(robots: Robots, fault: Fault, random: np.random.Generator) -> Floats:
    """How long each robot has to run the candidate until the fault shows [h]."""
    count = len(robots.ids)
    concerned = random.uniform(0, 1, count) < fault.share
    if fault.hardware:
        concerned &= robots.hardware == fault.hardware
    if fault.spares_lab:
        concerned &= robots.site != 'lab'
    return np.where(concerned, fault.least_h + random.exponential(fault.mean_h, count), np.inf)


def halt_hour(reported: Floats, gone_back: Floats) -> float:
    """The first hour in which the reports ask for a halt; infinite if none does."""
    for hour in range(1, HOURS):
        took, back = int((reported <= hour).sum()), int((gone_back <= hour).sum())
        if CRITERIA.ask_for_halt(took, back):
            return float(hour)
    return np.inf


def simulate(robots: Robots, takes: Floats, shows: Floats) -> Outcome:
    """Brings a candidate to the robots, until its faults are reported."""
    back = takes + shows
    halted = halt_hour(robots.look_after(takes), robots.look_after(back))
    took = takes < halted
    hears = robots.look_after(np.full(len(takes), halted))
    ends = np.where(took, np.minimum(np.minimum(back, hears), HOURS), 0.0)
    begins = np.where(took, takes, 0.0)
    grid = np.arange(HOURS, dtype=float)
    serving = np.array([float(((begins <= hour) & (ends > hour) & took).sum()) for hour in grid])
    done = np.sort(takes)[int(0.95 * len(takes))] if np.isinf(halted) else np.inf
    return Outcome(
        int(took.sum()),
        halted if np.isfinite(halted) else np.nan,
        int((took & (ends > halted + 24)).sum()),
        float((ends - begins).sum()),
        float(done) if np.isfinite(done) else np.nan,
        serving,
    )


def all_outcomes(count: int, runs: int) -> dict[tuple[str, str], list[Outcome]]:
    """Outcomes of every run by policy and fault."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for run in range(runs):
        random = np.random.default_rng(run)
        robots = Robots(count, random)
        shows = {fault: fault_times(robots, fault, random) for fault in (*FAULTS, GOOD)}
        for policy in POLICIES:
            takes = take_times(robots, policy, f'salt {run}')
            for fault, hours in shows.items():
                outcome = simulate(robots, takes, hours)
                found.setdefault((policy.name, fault.name), []).append(outcome)
    return found


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values))


def _hours(value: float) -> str:
    if np.isnan(value):
        return 'never'
    return f'{value:.0f} h' if value < 48 else f'{value / 24:.1f} d'


def table(outcomes: dict[tuple[str, str], list[Outcome]]) -> str:
    """Returns the table of docs/rollout.md: medians, and the worst run of those that got it."""
    lines = [
        '| fault of the candidate | plan | robots that got it: median (worst) | halted after '
        '| robot hours with it | have it a day after the halt |',
        '|---|---|---:|---:|---:|---:|',
    ]
    for fault in FAULTS:
        for policy in POLICIES:
            some = outcomes[policy.name, fault.name]
            took = f'{_middle([one.took for one in some]):.0f} ({max(o.took for o in some)})'
            halted = _hours(_middle([one.halted_h for one in some]))
            hours = f'{_middle([one.robot_hours for one in some]):,.0f}'
            left = f'{_middle([one.left for one in some]):.0f}'
            cells = (fault.name, policy.name, took, halted, hours, left)
            lines.append(f'| {" | ".join(cells)} |')
    lines += ['', '| plan | a good candidate is on 95 % of the robots after | false halts |']
    lines += ['|---|---:|---:|']
    for policy in POLICIES:
        some = outcomes[policy.name, GOOD.name]
        halts = sum(not np.isnan(one.halted_h) for one in some)
        done = _hours(_middle([one.done_h for one in some]))
        lines.append(f'| {policy.name} | {done} | {halts} of {len(some)} |')
    return '\n'.join(lines)


def draw(outcomes: dict[tuple[str, str], list[Outcome]], file: Path, robots: int) -> None:
    """Draws how many robots got each bad candidate, and for how long they had one of them."""
    import matplotlib as mpl

    mpl.use('Agg')
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.2), width_ratios=(1.25, 1))
    colors = plt.get_cmap('viridis')(np.linspace(0, 0.92, len(POLICIES)))
    _draw_bars(left, outcomes, colors, robots)
    _draw_curves(right, outcomes, colors)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc='lower center', ncols=3, frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.11, 1, 1))
    figure.savefig(file, dpi=100)


def _draw_bars(
    axes: Any, outcomes: dict[tuple[str, str], list[Outcome]], colors: Any, robots: int
) -> None:
    width = 0.8 / len(POLICIES)
    places = np.arange(len(FAULTS))
    for number, policy in enumerate(POLICIES):
        took = [_middle([o.took for o in outcomes[policy.name, f.name]]) for f in FAULTS]
        at = places - 0.4 + (number + 0.5) * width
        axes.bar(at, took, width * 0.92, color=colors[number], label=policy.name)
        for place, value in zip(at, took, strict=True):
            told = f'{value:.0f}' if value < 1000 else f'{value / 1000:.1f}k'
            axes.text(place, value * 1.08, told, ha='center', fontsize=7)
    axes.axhline(robots, color='0.4', linewidth=0.8, linestyle=':')
    axes.set_yscale('log')
    axes.set_ylim(10, robots * 2)
    axes.set_xticks(places, [fault.name.replace(', ', ',\n') for fault in FAULTS], fontsize=8.5)
    axes.set_ylabel(f'robots that got the bad version, of {robots:,}')
    axes.set_title('Bad version on how many robots before the halt', fontsize=11)


def _draw_curves(axes: Any, outcomes: dict[tuple[str, str], list[Outcome]], colors: Any) -> None:
    fault = FAULTS[-1]
    for number, policy in enumerate(POLICIES):
        some = [one.serving for one in outcomes[policy.name, fault.name]]
        axes.plot(np.maximum(np.median(some, axis=0), 0.5), color=colors[number], linewidth=1.8)
    axes.set_yscale('log')
    axes.set_ylim(0.9, None)
    axes.set_xlim(0, 168)
    axes.set_xticks(range(0, 169, 24))
    axes.set_xlabel('time since the start of the plan [h]')
    axes.set_ylabel('robots that run it')
    axes.set_title(f'The fault shows on {fault.name}', fontsize=11)
    axes.grid(alpha=0.25)


def main() -> None:
    """Prints the tables and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--robots', type=int, default=10_000)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--picture', type=Path, default=PICTURE)
    args = parser.parse_args()
    outcomes = all_outcomes(args.robots, args.runs)
    print(table(outcomes))
    draw(outcomes, args.picture, args.robots)


if __name__ == '__main__':
    main()
