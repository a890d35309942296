"""Says how a start went: which model gave way to which, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from ml_integration.core.findings import Finding, Level
from ml_integration.deploy import starting
from ml_integration.deploy.starting import Choice
from ml_integration.errors import MlIntegrationError, ModelError
from ml_integration.store.state.node_state import Edition


def finding(
    choice: Choice, failures: Sequence[tuple[Edition, MlIntegrationError]], node: str
) -> Finding:
    """Says why the model that was asked for is not the one that starts."""
    if not failures:
        return Finding('model', choice.level, choice.sentence, hard=True)
    wanted, _ = failures[0]
    reasons = '; '.join(str(error) for _, error in failures).rstrip('.')
    hint = f'When that is mended, the next start uses {wanted}, and so does: '
    hint += f'ros2 param set {node} model {wanted}.'
    sentence = starting.instead_of(wanted, choice.edition, reasons, hint)
    if choice.sentence:
        sentence = f'{choice.sentence} {sentence}'
    return Finding('model', Level.ERROR, sentence, hard=True)


def nothing_left(failures: Sequence[tuple[Edition, MlIntegrationError]]) -> MlIntegrationError:
    """Makes the error of a start for which no model is left."""
    first, *others = failures
    if not others:
        return first[1]
    reasons = '; '.join(str(error) for _, error in failures)
    return ModelError(f'neither {first[0]} nor what was good before can be loaded: {reasons}')
