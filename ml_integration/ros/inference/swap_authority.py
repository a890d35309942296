"""Says who may change what runs on a node: whoever sets parameters, who calls ~/swap, or nobody.

DDS security grants access by service name, and `set_parameters` is one service for all
parameters. `swap_authority: service` makes `~/swap` the one that has to be withheld, so no other
way may lead to another model: neither a folder nor an engine, nor the next configure.
"""

from __future__ import annotations

from operator import attrgetter

from ml_integration.core.declaration import settings_of
from ml_integration.errors import SettingError, SwapError
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters

DECIDING = tuple(
    setting.name
    for setting in settings_of(InferenceNodeParameters)
    if setting.rule.decides_what_runs
)
"""Parameters that decide which bytes run as a model."""
WISHES = ('model', 'rollout.candidate')
"""Those that state a wish under `swap_authority: service`, which a service carries out."""


class SwapAuthority:
    """Holds a node to its parameter `swap_authority`, over all lifecycle states.

    Args:
        node: the node, with the parameters it was started with.

    Attributes:
        asked: the parameter `model` at the start of the process, which configure begins with.
        chosen: what a person who may do so chose since then; empty for nothing.
        shown: what the parameter said when nobody had wished anything since.
    """

    def __init__(self, node: GuardedLifecycleNode[InferenceNodeParameters]) -> None:
        self._node = node
        self.asked = self.shown = node.parameters.model
        self.chosen = ''

    @property
    def model(self) -> str:
        """Model to configure with."""
        return self.chosen or self.asked

    @property
    def has_wish(self) -> bool:
        """True while the parameter states a wish that waits for `~/swap`."""
        parameters = self._node.parameters
        return parameters.swap_authority == 'service' and parameters.model != self.shown

    def wished(self, model: str) -> None:
        """Remembers a change of the parameter while nothing is loaded."""
        if self._node.parameters.swap_authority == 'parameter':
            self.chosen = model

    def carried_out(self, model: str) -> None:
        """Remembers the model that serves after a request of somebody who may make it."""
        self.chosen = model

    def check(
        self, old: InferenceNodeParameters, new: InferenceNodeParameters, serving: str
    ) -> None:
        """Refuses a change of parameters that would decide what runs.

        Args:
            old: the parameters as they are.
            new: the parameters as they are wished.
            serving: the model that serves; empty if none does. To return to it is no change.

        Raises:
            SwapError: the model is locked.
            SettingError: the parameter is fixed.
        """
        if old.swap_authority == 'parameter':
            return
        candidates = old.rollout.candidate, new.rollout.candidate
        if new.model not in (old.model, serving) or candidates[0] != candidates[1]:
            self.refuse_if_locked()
        for name in DECIDING:
            value = attrgetter(name)
            if name not in WISHES and value(new) != value(old):
                raise SettingError(
                    name,
                    value(new),
                    f'no change of what decides what runs (now {value(old)!r})',
                    where=self._node.get_fully_qualified_name(),
                    hint=f'Under swap_authority: {old.swap_authority} it is fixed at start; '
                    'start the node with it.',
                )

    def refuse_if_locked(self) -> None:
        """Refuses every request where `swap_authority` is locked.

        Raises:
            SwapError: it is.
        """
        if self._node.parameters.swap_authority == 'locked':
            raise SwapError(
                'the model of this node is locked',
                where=self._node.get_fully_qualified_name(),
                hint='swap_authority is read-only; start the node with parameter or service.',
            )
