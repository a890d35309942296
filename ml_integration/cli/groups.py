"""Groups of verbs, as `ml_model` shows them; a verb that is in none of them comes last."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    'get a model': ('add', 'inspect', 'new', 'pin', 'install'),
    'look at it': ('list', 'show', 'check', 'profile'),
    'run it without ROS': ('run', 'replay', 'tune'),
    'trust it': ('keygen', 'sign', 'verify', 'encrypt', 'floor'),
    'operate robots': (
        'activate', 'rollback', 'rollout', 'quarantine', 'release', 'remove', 'prune', 'history',
        'fleet', 'dds-profile',
    ),
}  # fmt: skip


def overview(helps: Mapping[str, str]) -> str:
    """Returns the verbs by group, with what they do.

    Args:
        helps: what each verb does, by its name.
    """
    grouped = {verb for verbs in GROUPS.values() for verb in verbs}
    others = tuple(verb for verb in helps if verb not in grouped)
    width = max(map(len, helps), default=0)
    lines = []
    for title, verbs in (*GROUPS.items(), ('more', others)):
        known = [verb for verb in verbs if verb in helps]
        if known:
            lines += ['', f'{title}:', *(f'  {verb:{width}}  {helps[verb]}' for verb in known)]
    return '\n'.join(lines[1:])
