"""Ways to run a model that are worth a try on this machine, and the line that chooses one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace

from ml_integration.core.cpus import doubling
from ml_integration.core.execution import ExecutionSettings

SPINNING = ('never', 'within_run', 'always')
TOGETHER = ('intra_op_threads', 'spinning')
WORDS = {
    'execution.intra_op_threads': 'threads {}',
    'execution.spinning': 'spinning {}',
    'execution.graph_optimization': 'graph {}',
    'execution.providers': 'provider {}',
    'batch.max_size': 'batch {}',
    'raw_subscription': 'raw subscription {}',
}
OPTIMIZATION = ('all', 'extended', 'basic', 'disabled')
NO_GAIN_FROM = ('disabled',)
"""What only a full search tries: it has never been the fastest."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a model.

    Attributes:
        execution: settings of the engine.
        batch: most frames of several cameras that run together.
        variant: what was done to the model or its manifest, which changes results; empty for
            nothing.
        package: folder of the model so changed; empty for the model itself.
        raw_subscription: whether the node reads serialized messages.
        large_messages: whether camera and node have the profile for large messages.
    """

    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    batch: int = 1
    variant: str = ''
    package: str = ''
    raw_subscription: bool = True
    large_messages: bool = True

    def differences(self, default: Candidate) -> dict[str, str]:
        """Returns the parameters that make this one of the default, with their values."""
        ours, theirs = asdict(self.execution), asdict(default.execution)
        names = [name for name, value in ours.items() if value != theirs[name]]
        if not {*names}.isdisjoint(TOGETHER):  # one alone would leave the other to a measurement
            names = [name for name in ours if name in (*names, *TOGETHER)]
        changed = {f'execution.{name}': _text(ours[name]) for name in names}
        if self.batch != default.batch:
            changed['batch.max_size'] = str(self.batch)
        if self.raw_subscription != default.raw_subscription:
            changed['raw_subscription'] = _text(self.raw_subscription)
        return changed

    def name(self, default: Candidate) -> str:
        """Returns what makes this one of the default, in few words."""
        words = [
            WORDS.get(name, '{}').format(value)
            for name, value in self.differences(default).items()
        ]
        if self.large_messages != default.large_messages:
            words.append('no profile for large messages')
        return ', '.join([*([self.variant] if self.variant else []), *words]) or 'default'

    def line(self, default: Candidate) -> str:
        """Returns the arguments behind --ros-args that make this one of the default."""
        return ' '.join(f'-p {name}:={value}' for name, value in self.differences(default).items())


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to choose from.

    Attributes:
        cpus: most threads that can work at the same time.
        providers: execution providers that are installed.
        cameras: number of cameras whose frames could run together; 1 where the model cannot.
        transport: whether the way of messages to the node is what can be chosen.
    """

    cpus: int
    providers: tuple[str, ...] = ('CPUExecutionProvider',)
    cameras: int = 1
    transport: bool = False


def ways(default: Candidate, counts: Sequence[int]) -> Iterator[Candidate]:
    """Yields threads and how they wait; how a single one waits makes no difference."""
    for count in counts:
        for spinning in SPINNING if count > 1 else SPINNING[:1]:
            execution = replace(default.execution, intra_op_threads=count, spinning=spinning)
            yield replace(default, execution=execution)


def optimizations(default: Candidate, full: bool = False) -> Iterator[Candidate]:
    """Yields the other levels of graph optimization."""
    for level in OPTIMIZATION:
        if level != default.execution.graph_optimization and (full or level not in NO_GAIN_FROM):
            yield replace(default, execution=replace(default.execution, graph_optimization=level))


def providers(default: Candidate, machine: Machine) -> Iterator[Candidate]:
    """Yields the other providers, each with the CPU to fall back to."""
    for name in machine.providers:
        if name != default.execution.providers[0] and not name.startswith('Azure'):
            chosen = tuple(dict.fromkeys((name, 'CPUExecutionProvider')))
            yield replace(default, execution=replace(default.execution, providers=chosen))


def batches(default: Candidate, machine: Machine) -> Iterator[Candidate]:
    """Yields how many frames of several cameras may run together."""
    for size in doubling(machine.cameras):
        if size != default.batch:
            yield replace(default, batch=size)


def transports(default: Candidate) -> tuple[Candidate, ...]:
    """Returns the other ways of messages to a node."""
    raw = not default.raw_subscription
    return (replace(default, raw_subscription=raw), replace(default, large_messages=False))


def single_changes(default: Candidate, machine: Machine) -> list[Candidate]:
    """Returns the candidates that a quick search begins with: each changes one thing."""
    if machine.transport:
        return list(transports(default))
    found = (
        *ways(default, list(doubling(machine.cpus))),
        *optimizations(default),
        *providers(default, machine),
        *batches(default, machine),
    )
    return _without_repeats(found, default)


def full_grid(default: Candidate, machine: Machine) -> list[Candidate]:
    """Returns every combination."""
    if machine.transport:
        both = replace(transports(default)[0], large_messages=False)
        return [*transports(default), both]
    found = [
        batched
        for provided in (default, *providers(default, machine))
        for way in (provided, *ways(provided, range(1, machine.cpus + 1)))
        for optimized in (way, *optimizations(way, full=True))
        for batched in (optimized, *batches(optimized, machine))
    ]
    return _without_repeats(found, default)


def combined(changes: Sequence[Candidate], default: Candidate) -> Candidate:
    """Returns the default with all that several candidates change; the first one wins."""
    merged, batch = asdict(default.execution), default.batch
    for change in reversed(changes):
        theirs = asdict(change.execution)
        before = asdict(default.execution)
        merged |= {name: value for name, value in theirs.items() if value != before[name]}
        batch = change.batch if change.batch != default.batch else batch
    raw = default.raw_subscription
    if any(one.raw_subscription != raw for one in changes):
        raw = not raw
    execution, large = ExecutionSettings(**merged), all(one.large_messages for one in changes)
    return replace(
        default, execution=execution, batch=batch, raw_subscription=raw, large_messages=large
    )


def aspect(candidate: Candidate, default: Candidate) -> str:
    """Returns what a candidate changes: of two that change the same, only one can be chosen."""
    changed = candidate.differences(default)
    return next((n for n in ('execution.graph_optimization', 'execution.providers',
                             'batch.max_size', 'raw_subscription') if n in changed),
                'threads' if changed else 'profile')  # fmt: skip


def _without_repeats(found: Sequence[Candidate], default: Candidate) -> list[Candidate]:
    return list(dict.fromkeys(one for one in found if one != default))


def parameter_text(value: object) -> str:
    """Returns a value as the arguments of a node have it, not quoted for a shell."""
    if isinstance(value, tuple):
        return f'[{", ".join(map(str, value))}]'
    if value == '':
        return "''"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: object) -> str:
    text = parameter_text(value)
    return f'"{text}"' if isinstance(value, tuple) else text
