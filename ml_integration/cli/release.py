"""Lets content be loaded again that was quarantined, or that nodes or rollouts took back.

What was quarantined and lies in the version's folder is verified first: files that are not as
their manifest pins them have to be installed again, and no release helps. Running nodes take note
by themselves.
"""

from __future__ import annotations

import argparse
import json

from ml_integration.cli.arguments import add_json, add_stores, add_trust, state_of, trust_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.output import tell
from ml_integration.cli.stored_content import content_of, parts_of
from ml_integration.errors import ManifestError, ModelNotFoundError, SettingError
from ml_integration.store.package.package import read_package
from ml_integration.store.state.model_state import SHORT, ModelState, Quarantine
from ml_integration.store.state.rejections import lift_rejections, rejecting
from ml_integration.store.state.state_dir import StateDir

HELP = 'let content be loaded again that was quarantined, given up or taken back'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('model', help='name@3')
    parser.add_argument(
        '--digest', default='', help='the content, if it is not what lies in the folder now'
    )
    add_stores(parser)
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Releases what lies in the version's folder now, or the content that is named."""
    state, (name, version) = state_of(args), parts_of(args.model)
    with audited(state, 'release', args.model) as record:
        nodes = rejecting(state, args.model, args.digest)
        barred = any(item.version == version for item in state.model_state(name).quarantined)
        told = [_end_quarantine(args, state, name)] if barred or not nodes else []
        if nodes:
            lift_rejections(state, args.model, args.digest)
            told.append(f'it was rejected in {", ".join(nodes)}')
        record.reason = '; '.join(told)
    if args.json:
        print(json.dumps({'model': args.model, 'reason': record.reason}))
    else:
        tell(f'{args.model} may be loaded again, {record.reason}')
    return 0


def _end_quarantine(args: argparse.Namespace, state: StateDir, name: str) -> str:
    stored = _stored_digest(args)
    barred = _choose(args, state.model_state(name), stored)
    if barred.order:
        raise _revoked(args.model, barred)
    if barred.digest in ('', stored):
        read_package(content_of(args)[0], trust_of(args))
    digest = barred.digest or stored
    state.update_model_state(name, lambda now: now.without_quarantine(barred.version, digest))
    return f'{digest[:SHORT]} was barred: {barred.reason}'


def _revoked(model: str, barred: Quarantine) -> SettingError:
    return SettingError(
        'release',
        model,
        '',
        where='release',
        hint='Only newer orders of the fleet end that: '
        f'ml_model fleet reinstate {model} --key PRIVATE_KEY.pem.',
        what=f'{model} cannot be released here, {barred}',
    )


def _stored_digest(args: argparse.Namespace) -> str:
    """Returns the digest of what lies in the folder; empty if nothing does and one was named."""
    try:
        return content_of(args)[1].digest
    except (ModelNotFoundError, ManifestError):
        if not args.digest:
            raise
        return ''


def _choose(args: argparse.Namespace, state: ModelState, stored: str) -> Quarantine:
    """Returns the quarantine that is to end.

    Raises:
        SettingError: there is none, or another one.
    """
    wanted, (_, version) = args.digest or stored, parts_of(args.model)
    there = [item for item in state.quarantined if item.version == version]
    for item in there:
        if item.digest.startswith(wanted) or not item.digest:
            return item
    others = ' or '.join(f'--digest {item.digest[:SHORT]}' for item in there)
    expected = others or 'a version that is quarantined, or that a node or a rollout has rejected'
    raise SettingError('release', f'{args.model}, {wanted[:SHORT]}', expected, where='release')
