"""The report as one page: a verdict on all nodes, then each of them; nothing is fetched for it."""

from __future__ import annotations

from html import escape

from ml_integration.fleet.report.history import History, NodeHistory, Shown
from ml_integration.fleet.report.node_section import node_section
from ml_integration.fleet.report.plots import LEVEL_COLORS, clock
from ml_integration.fleet.report.totals import Totals, totals
from ml_integration.fleet.report.words import figure, level, share, text

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser that keeps to it runs no script and fetches nothing, whatever a node calls itself."""
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2329; --dim: #5d6873; --grid: #d5dade;
  --card: #f6f8f9; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --ink: #dfe5ea; --dim: #98a3ad;
  --grid: #39424a; --card: #1b2127; } }
body { background: var(--paper); color: var(--ink); max-width: 1080px; margin: 2rem auto;
  padding: 0 1.2rem; font: 15px/1.5 system-ui, 'Segoe UI', Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.35rem; margin: 0; }
h3 { font-size: .95rem; margin: 1.5rem 0 .4rem; } p { margin: .3rem 0; }
.dim, caption, th { color: var(--dim); } .dim { font-size: .88rem; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
a { color: inherit; }
th { text-align: left; font-weight: 500; } th, td { padding: .28rem .7rem .28rem 0;
  border-bottom: 1px solid var(--grid); vertical-align: top; }
td.w { overflow-wrap: anywhere; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .85em ui-monospace, 'DejaVu Sans Mono', monospace; overflow-wrap: anywhere; }
section { border-top: 2px solid var(--grid); margin-top: 2.4rem; padding-top: 1.2rem; }
header, section { overflow-x: auto; } section > svg, .rows { min-width: 700px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg * { stroke-linejoin: round; stroke-linecap: butt; } svg text { font-family: inherit; }
.level { display: inline-block; border-radius: 4px; padding: 0 .5em; color: #fff; font-size: .8rem;
  font-weight: 600; white-space: nowrap; }
.verdict { background: var(--card); border-left: 5px solid var(--dim); padding: .6rem 1rem;
  margin: 1rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: .8rem; }
.card { background: var(--card); border-radius: 6px; padding: .5rem .7rem .3rem; min-width: 0; }
.card b { font-weight: 500; font-size: .85rem; overflow-wrap: anywhere; }
.card span { color: var(--dim); font-size: .8rem; float: right; }
.legend { font-size: .82rem; color: var(--dim); display: flex; flex-wrap: wrap; gap: .1rem 1rem; }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 2px;
  margin-right: .35em; }
.rows { display: grid; grid-template-columns: 9rem 1fr; }
.rows ol { list-style: none; margin: 0; padding: 0; display: grid; font-size: .82rem; }
.rows li { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; align-self: center; }
.bar { background: var(--card); } .bar i { display: block; height: .9em; background: #4c8dd6; }
"""


def page(history: History, source: str) -> str:
    """Writes the page.

    Args:
        history: what was said.
        source: where, such as the name of a bag.
    """
    nodes = history.sorted()
    sections = ''.join(node_section(node, history.seconds, n) for n, node in enumerate(nodes))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>ml_report: {text(source)}</title><style>{STYLE}{_level_styles()}</style></head>'
        f'<body><header><h1>ml_report</h1><p class="dim">{text(source)}, '
        f'{clock(history.seconds)} of what {_nodes(len(nodes))} said on /diagnostics</p>'
        f'{_verdict(history, nodes)}{_overview(nodes)}</header>{sections}</body></html>\n'
    )


def _level_styles() -> str:
    return ''.join(
        f'.{shown.name} {{ background: {color}; }}' for shown, color in LEVEL_COLORS.items()
    )


def verdict(history: History) -> str:
    """Says in a sentence how all nodes were."""
    nodes = history.sorted()
    bad = [node for node in nodes if node.worst > Shown.OK]
    if not bad:
        return f'{_nodes(len(nodes))}, all well all the time.'
    parts = [
        f'{node.name} {node.worst.name} for {clock(node.seconds(node.worst))}' for node in bad
    ]
    more = f' and {len(bad) - 5} more' if len(bad) > 5 else ''
    return f'{len(bad)} of {_nodes(len(nodes))} had trouble: {", ".join(parts[:5])}{more}.'


def _verdict(history: History, nodes: list[NodeHistory]) -> str:
    worst = max((node.worst for node in nodes), default=Shown.OK)
    lines = [f'<p>{text(verdict(history))}</p>']
    if history.unread:
        lines.append(f'<p class="dim">{history.unread} messages could not be read.</p>')
    if history.untold:
        lines.append(f'<p class="dim">{len(history.untold)} or more nodes are left out.</p>')
    color = LEVEL_COLORS[worst]
    return f'<div class="verdict" style="border-color: {color}">{"".join(lines)}</div>'


def _overview(nodes: list[NodeHistory]) -> str:
    heads = ('node', 'worst', 'model', 'Hz', 'p50 ms', 'p95 ms', 'drop %', 'invalid', 'errors')
    numbers = ''.join(f'<th class="n">{head}</th>' for head in heads[3:])
    head = ''.join(f'<th>{head}</th>' for head in heads[:3])
    rows = ''.join(_row(node, number, totals(node)) for number, node in enumerate(nodes))
    return f'<table><thead><tr>{head}{numbers}</tr></thead><tbody>{rows}</tbody></table>'


def _row(node: NodeHistory, number: int, found: Totals) -> str:
    model = '<br>'.join(
        f'{text(one.model)} <code>{text(one.sha256[:12])}</code>' for one in node.identities
    )
    cells = (found.rate_hz, found.p50_ms, found.p95_ms)
    numbers = [*map(figure, cells), share(found.drop_ratio), figure(found.invalid)]
    numbers.append(figure(found.failed))
    return (
        f'<tr><td class="w"><a href="#node-{number}">{text(node.name)}</a></td>'
        f'<td>{level(node.worst.name)}</td><td class="w">{model}</td>'
        + ''.join(f'<td class="n">{cell}</td>' for cell in numbers)
        + '</tr>'
    )


def _nodes(number: int) -> str:
    return f'{number} node' if number == 1 else f'{number} nodes'
