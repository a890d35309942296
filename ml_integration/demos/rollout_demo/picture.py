"""Draws the rollouts of the demo: share of the frames, disagreement and latency over time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml_integration.demos.rollout_demo.stage import BAD, BETTER, OLD
from ml_integration.demos.rollout_demo.watcher import Made, Told

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {OLD: '#546e7a', BETTER: '#1e88e5', BAD: '#e53935'}
MEANING = {OLD: 'stable at first', BETTER: 'better', BAD: 'labels mixed up'}
LARGEST_MS = 0.99
"""Quantile of the times that the picture shows; a machine's hiccups would make the rest flat."""
LEAST_LABELED = 0.05
"""Steps that take less of the time have no label: it would be in the way of others."""


def draw(
    file: Path,
    began_s: float,
    made: Sequence[Made],
    told: Sequence[Told],
    decisions: Sequence[Told],
) -> None:
    """Writes the picture.

    Args:
        file: of the picture, a PNG.
        began_s: the time that is 0 in it [s, steady clock].
        made: each result.
        told: where the rollouts were.
        decisions: when something was decided.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout='constrained')
    figure.suptitle(
        textwrap.shorten(decisions[-1].decision, 120, placeholder=' ...'), color=COLORS[BAD]
    )
    share, apart, latency = figure.subplots(3, 1, sharex=True, height_ratios=(1.3, 1, 1.2))
    _draw_share(share, began_s, made, told, decisions)
    _draw_disagreement(apart, began_s, told)
    _draw_latency(latency, began_s, made)
    for axes in (share, apart, latency):
        axes.spines[['top', 'right']].set_visible(False)
        for one in decisions:
            axes.axvline(one.at_s - began_s, color='0.75', linewidth=0.8, linestyle=':')
    latency.set_xlim(0, max(one.at_s for one in told) - began_s)
    latency.set_xlabel('time [s]')
    figure.savefig(file, dpi=110)


def _draw_share(
    axes: Axes, began_s: float, made: Sequence[Made], told: Sequence[Told], decided: Sequence[Told]
) -> None:
    """Draws who made the results of each second, and what each step was."""
    last_s = told[-1].at_s - began_s
    edges = np.arange(0.0, max(last_s, 1.0) + 1.0)
    counts = {
        model: np.histogram([one.at_s - began_s for one in made if one.model == model], edges)[0]
        for model in COLORS
    }
    total = np.maximum(sum(counts.values()), 1)
    below = np.zeros(len(edges) - 1)
    for model, color in COLORS.items():
        share = 100.0 * counts[model] / total
        axes.bar(edges[:-1], share, 1.0, below, align='edge', color=color, alpha=0.45)
        below = below + share
    ends = [*(one.at_s for one in decided[1:]), told[-1].at_s]
    for one, end_s in zip(decided, ends, strict=True):
        if end_s - one.at_s > LEAST_LABELED * last_s:
            axes.annotate(
                _step(one), ((one.at_s + end_s) / 2 - began_s, 104), ha='center', va='bottom',
                fontsize=9, color=COLORS[one.candidate], annotation_clip=False,
            )  # fmt: skip
    axes.set_ylim(0, 102)
    axes.set_ylabel('share of the results [%]')


def _step(told: Told) -> str:
    """Returns what a step is called in the picture."""
    if told.phase == 'shadow':
        return f'{told.candidate}\nin shadow'
    if told.phase == 'canary':
        return f'{told.candidate}\n{told.percent:.0f} % of the frames'
    return f'{told.candidate}\n{told.phase}'


def _draw_disagreement(axes: Axes, began_s: float, told: Sequence[Told]) -> None:
    """Draws how far each candidate and the stable model are apart, as the judge saw it."""
    for model in (BETTER, BAD):
        mine = [one for one in told if one.candidate == model]
        times = [one.at_s - began_s for one in mine]
        apart = [np.nan if one.disagreement is None else one.disagreement for one in mine]
        color = COLORS[model]
        axes.plot(times, apart, 'o-', color=color, markersize=4, linewidth=2, label=model)
    limits = [np.nan if one.limit is None else one.limit for one in told]
    times = [one.at_s - began_s for one in told]
    axes.step(times, limits, '--', where='post', color='0.3', linewidth=1, label='limit')
    axes.set_ylim(0, 1.1)
    axes.set_ylabel('disagreement')
    axes.legend(frameon=False, fontsize=9, loc='upper left')


def _draw_latency(axes: Axes, began_s: float, made: Sequence[Made]) -> None:
    """Draws the time that each result took in its model."""
    for model, color in COLORS.items():
        mine = [one for one in made if one.model == model]
        times, took = [one.at_s - began_s for one in mine], [one.took_ms for one in mine]
        label = f'{model} ({MEANING[model]}): {len(mine)} results'
        axes.plot(times, took, '.', color=color, markersize=3, alpha=0.6, label=label)
    axes.set_ylim(0, 1.4 * float(np.quantile([one.took_ms for one in made], LARGEST_MS)))
    axes.set_ylabel('time in the model [ms]')
    axes.legend(frameon=False, fontsize=9, loc='upper left', markerscale=3, ncols=3)
