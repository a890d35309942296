"""Settings for executing a model that do not depend on the model."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.declaration import declared

SPINNING = ('auto', 'never', 'within_run', 'always')


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """Settings of a robot for executing models; a backend ignores those it does not know."""

    engine: str = declared(
        'onnx_runtime',
        'Plug-in of ml_integration/backends that runs models.',
        at_configure=True,
    )
    providers: tuple[str, ...] = declared(
        ('CPUExecutionProvider',),
        'Execution providers in order of preference; the one really used is reported.',
        at_configure=True,
    )
    require_provider: bool = declared(
        False,
        'Refuse to configure when the first provider is not the one really used.',
        at_configure=True,
    )
    intra_op_threads: int = declared(
        0,
        'Threads inside one operator; 0: as many as the CPUs this process may use, or as spinning '
        'auto finds.',
        ge=0,
        le=256,
        at_configure=True,
    )
    inter_op_threads: int = declared(
        1,
        'Operators that run at the same time; above 1 the graph runs in parallel.',
        ge=1,
        le=256,
        at_configure=True,
    )
    spinning: str = declared(
        'auto',
        'How threads wait: never busily, busily within_run of a model, or always, which takes '
        'the CPU from everything else. auto, with intra_op_threads 0: a short measurement at the '
        'first load of a model chooses both, else never.',
        choices=SPINNING,
        at_configure=True,
    )
    graph_optimization: str = declared(
        'all',
        'Graph optimization.',
        choices=('disabled', 'basic', 'extended', 'all'),
        at_configure=True,
    )
    cache_optimized: bool = declared(
        True,
        'Keep the optimized model in state_dir, so that the next start opens it faster.',
        at_configure=True,
    )
    memory_arena: bool = declared(
        True,
        'Keep freed tensor memory for the next run instead of returning it.',
        at_configure=True,
    )
    shrink_arena: bool = declared(
        False,
        'Return it after each run all the same, as far as the first run did not need it: for '
        'models with free sizes, whose largest run would be kept for ever.',
        at_configure=True,
    )
    gpu_memory_mb: int = declared(
        0,
        'Memory of the GPU that CUDA may take for tensors and weights [MB]; 0: no limit.',
        ge=0,
        le=10_000_000,
        at_configure=True,
    )
    pin_threads: bool = declared(
        True,
        'Keep the frame loop and the intra-op threads on different CPUs, so that none waits for '
        'another one while a CPU is idle.',
        at_configure=True,
    )
    thread_affinity: str = declared(
        '',
        "CPUs per extra intra-op thread, '1;2;3' (counted from 1), instead of pin_threads.",
        at_configure=True,
    )

    @property
    def leaves_threads_open(self) -> bool:
        """True if threads and spinning are to be chosen by what is measured."""
        is_auto = self.intra_op_threads == 0 and self.spinning == 'auto'
        return is_auto and self.inter_op_threads == 1 and not self.thread_affinity
