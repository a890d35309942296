"""An export format: a file model_card.json beside the model says what it is."""

from __future__ import annotations

import json

from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.export import Export

FILE = 'model_card.json'
KEYS = {'does': 'task', 'license': 'license', 'summary': 'description'}


class ModelCard:
    """Reads task, license and description; each claim says where it is from."""

    title = 'range_guard model card'
    rank = 45

    def read(self, export: Export) -> Claims:
        """Returns what the card says; nothing if there is no card."""
        if FILE not in export.files:
            return Claims()
        try:
            card = json.loads(export.files[FILE])
        except (ValueError, RecursionError) as error:
            raise ExportError(f'{FILE} is no JSON', where=export.label, got=str(error)) from error
        if not isinstance(card, dict):
            raise ExportError(f'{FILE} holds no names and values', where=export.label)
        return Claims(
            tuple(
                Claim(key, card[name], Origin.SIDECAR, f'{FILE}: {name}')
                for name, key in KEYS.items()
                if isinstance(card.get(name), str)
            )
        )
