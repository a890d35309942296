"""The signed file of orders, `<store>/<name>/rollout.yaml`.

The signature is the last line of the file and covers every byte before it. So no tool that copies
file by file ever brings one without the other.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ml_integration.errors import IntegrityError, ManifestError
from ml_integration.store.files import in_words, read_file
from ml_integration.store.orders.document import document_of, orders_of
from ml_integration.store.orders.orders import Orders
from ml_integration.store.package.plain_yaml import LARGEST, load_yaml
from ml_integration.store.state.durable import write_durably
from ml_integration.store.trust.policy import Trust
from ml_integration.store.trust.signature import check_signature, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = 'rollout.yaml'
_MARK = b'\n# signature: '
_HEAD = b'# Orders to all robots. Change it with: ml_model fleet. Each change is signed anew.\n'
_HOW = 'Orders are written and signed with: ml_model fleet ... --key PRIVATE_KEY.pem.'


def orders_file(store: Path, name: str) -> Path:
    """Returns where a store holds the orders about a model."""
    return store / name / FILE


def write_orders(store: Path, orders: Orders, key: Ed25519PrivateKey) -> Path:
    """Signs orders and puts them into a store; returns the file.

    Raises:
        StateError: it cannot be written.
    """
    file = orders_file(store, orders.model)
    text: str = yaml.safe_dump(document_of(orders), sort_keys=False, allow_unicode=True)
    data = _HEAD + text.encode()
    signature = json.dumps(json.loads(sign(data, key))).encode()
    write_durably(file, data + _MARK + signature + b'\n')
    return file


def read_orders(file: Path, trust: Trust) -> Orders | None:
    """Reads orders; None if there is no such file.

    Args:
        file: as of `orders_file`.
        trust: where its policy asks for signatures, the orders have to show one.

    Raises:
        IntegrityError: they cannot be read, or no trusted key vouches for them.
        ManifestError: they say what orders do not say.
    """
    try:
        content = read_file(file, LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise IntegrityError(file, f'the orders cannot be read: {in_words(error)}') from error
    data, mark, rest = content.rpartition(_MARK)
    if not mark:
        data = content
    verified = trust.policy == 'signed'
    if verified:
        check_signature(data, rest if mark else None, trust.keys, file, 'the orders', _HOW)
    orders = orders_of(load_yaml(data, file), file)
    if orders.model != file.parent.name:
        raise ManifestError(file, 'model', orders.model, file.parent.name)
    return replace(orders, verified=verified, sha256=hashlib.sha256(data).hexdigest())
