"""`ml_model fleet` on real files: orders are made, obeyed by verbs, and reports summed up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fleet_orders import edition_in, give_orders, orders_about
from signing import STRANGER, write_keys

from ml_integration.cli.main import main
from ml_integration.store.install.installing import remove
from ml_integration.store.orders.orders import Orders, Plan
from ml_integration.store.orders.orders_file import orders_file, read_orders
from ml_integration.store.orders.sign_of_life import SignOfLife
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import load_trust

Capture = pytest.CaptureFixture[str]
Fleet = Callable[..., int]


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    return write_keys(tmp_path)


@pytest.fixture
def fleet(store: Path, tmp_path: Path, trusted: Path, model_folder: Callable[..., Path]) -> Fleet:
    """Runs `ml_model fleet` with the key, on a store with m@1 to m@3."""
    for version in (1, 2, 3):
        model_folder('m', version)
    key = tmp_path / 'key.private.pem'

    def run(*arguments: str) -> int:
        return main(['fleet', *arguments, '--key', str(key), '--store', str(store)])

    return run


@pytest.fixture
def orders(store: Path, trusted: Path) -> Callable[[], Orders]:
    def read() -> Orders:
        found = read_orders(orders_file(store, 'm'), load_trust('signed', trusted))
        assert found is not None
        return found

    return read


def plan_of(orders: Orders) -> Plan:
    assert orders.plan is not None
    return orders.plan


def test_a_plan_is_signed_and_what_is_not_given_stays_when_it_is_widened(
    fleet: Fleet, orders: Callable[[], Orders], store: Path, capsys: Capture
) -> None:
    lab = ['--cohort', 'site=lab,hardware=orin,hardware=agx:100']
    times = ['--start', '2027-01-31T08:00:00Z', '--expires', '2027-03-01T08:00:00+00:00']
    limits = ['--least-robots', '50', '--most-taken-back', '2']
    assert fleet('plan', 'm@3', '--percent', '1', *lab, *times, *limits) == 0
    first = orders()
    assert (first.counter, plan_of(first).candidate) == (1, edition_in(store, 'm@3'))
    assert 'orders 1: 1 % take m@3, site=lab' in capsys.readouterr().out
    assert fleet('plan', 'm@3', '--percent', '50') == 0
    second = plan_of(orders())
    assert orders().counter == 2 and second.percent == 50.0
    assert second.key == plan_of(first).key
    for name in ('salt', 'cohorts', 'start', 'expires', 'criteria'):
        assert getattr(second, name) == getattr(plan_of(first), name)
    (cohort,) = second.cohorts
    assert cohort.when == {'site': ('lab',), 'hardware': ('orin', 'agx')}
    assert fleet('plan', 'm@2', '--percent', '5', '--salt', 'mine') == 0
    third = plan_of(orders())
    assert (third.salt, third.cohorts, third.start) == ('mine', (), None)


def test_halt_revoke_and_reinstate_each_make_newer_orders(
    fleet: Fleet, orders: Callable[[], Orders], store: Path, capsys: Capture
) -> None:
    assert fleet('halt', 'm') == 1
    assert 'there is no plan for m' in capsys.readouterr().err
    assert fleet('plan', 'm@3', '--percent', '10') == 0
    assert fleet('halt', 'm', '--reason', 'ghosts') == 0
    assert (orders().counter, orders().halted) == (2, 'ghosts')
    assert fleet('revoke', 'm@3', '--reason', 'more ghosts') == 0
    (revoked,) = orders().revoked
    assert (revoked.edition, revoked.reason) == (edition_in(store, 'm@3'), 'more ghosts')
    assert fleet('plan', 'm@3', '--percent', '10') == 1
    assert 'm@3 is revoked' in capsys.readouterr().err
    remove(store / 'm/2')
    assert fleet('revoke', 'm@2') == 1
    assert fleet('revoke', 'm@2', '--digest', 'e' * 63) == 1
    assert fleet('revoke', 'm@2', '--digest', 'e' * 64) == 0
    assert [str(one.edition) for one in orders().revoked] == ['m@3', 'm@2']
    assert fleet('reinstate', 'm@1') == 1
    assert fleet('reinstate', 'm@3') == 0
    assert [str(one.edition) for one in orders().revoked] == ['m@2']
    assert fleet('plan', 'm@3', '--percent', '20') == 0
    assert (orders().counter, orders().halted) == (6, '')


def test_orders_of_others_are_not_signed_over(fleet: Fleet, store: Path, capsys: Capture) -> None:
    give_orders(store, orders_about(store, 'm', 9), STRANGER)
    assert fleet('revoke', 'm@3') == 1
    assert 'signed by a key that is not trusted' in capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments',
    [
        ('plan', 'm', '--percent', '10'),
        ('plan', 'm@9', '--percent', '10'),
        ('plan', 'm@3', '--percent', '101'),
        ('plan', 'm@3', '--percent', 'nan'),
        ('plan', 'm@3', '--percent', '1', '--cohort', 'site:10'),
        ('plan', 'm@3', '--percent', '1', '--cohort', 'site=lab'),
        ('plan', 'm@3', '--percent', '1', '--start', 'soon'),
        ('halt', 'm@3'),
        ('revoke', 'm'),
        ('revoke', 'other@1'),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_changes_nothing(
    fleet: Fleet, store: Path, capsys: Capture, arguments: tuple[str, ...]
) -> None:
    assert fleet(*arguments) == 1
    assert capsys.readouterr().err.startswith('ml_model: ')
    assert not orders_file(store, 'm').exists()


def test_show_tells_what_a_robot_decides(
    fleet: Fleet, store: Path, tmp_path: Path, trusted: Path, capsys: Capture
) -> None:
    facts = tmp_path / 'facts.yaml'
    facts.write_text('robot: r17\nsite: lab\n')
    show = ['fleet', 'show', 'm', '--store', str(store), '--facts', str(facts)]
    assert main(show) == 1
    assert 'there are no orders about m' in capsys.readouterr().err
    fleet('plan', 'm@3', '--percent', '0', '--cohort', 'site=lab:100')
    fleet('revoke', 'm@1')
    capsys.readouterr()
    assert main([*show, '--trusted-keys', str(trusted)]) == 0
    out = capsys.readouterr().out
    assert 'orders 2 about m; this machine has obeyed 0' in out
    assert 'm@3 for 100 % of site=lab, 0 % of the others' in out
    assert 'revoked: m@1' in out and 'r17 takes m@3: place ' in out
    assert main([*show, '--json', '--robot', 'r18']) == 0
    told = json.loads(capsys.readouterr().out)
    assert told['takes'] and told['decision'].startswith('r18 takes m@3')


def test_activate_and_rollback_do_not_lead_to_a_revoked_version(
    fleet: Fleet, store: Path, state_dir: Path, capsys: Capture
) -> None:
    where = ['--store', str(store)]
    assert main(['activate', 'm@1', *where]) == main(['activate', 'm@2', *where]) == 0
    fleet('revoke', 'm@3', '--reason', 'ghosts')
    fleet('revoke', 'm@1')
    capsys.readouterr()
    assert main(['activate', 'm@3', *where]) == 1
    assert 'revoked by orders 2 of the fleet: ghosts' in capsys.readouterr().err
    assert main(['activate', 'm@latest', *where]) == 0
    assert main(['rollback', 'm', *where]) == 1
    assert StateDir(state_dir).model_state('m').active == 2
    actions = [(one.action, one.model) for one in StateDir(state_dir).audit.entries()]
    assert ('revoke', 'm@3') in actions and ('revoke', 'm@1') in actions


def test_neither_release_nor_install_lifts_what_the_fleet_has_revoked(
    fleet: Fleet, store: Path, state_dir: Path, tmp_path: Path, capsys: Capture
) -> None:
    where = ['--store', str(store)]
    fleet('revoke', 'm@3')
    assert main(['activate', 'm@3', *where]) == 1
    capsys.readouterr()
    assert main(['release', 'm@3', *where]) == 1
    error = capsys.readouterr().err
    assert 'm@3 cannot be released here' in error and 'ml_model fleet reinstate m@3' in error
    source = tmp_path / 'source'
    (store / 'm/3').rename(source)
    assert main(['install', str(source), '--into', str(store)]) == 0
    assert 'stays barred: the fleet has revoked it' in capsys.readouterr().err
    assert main(['activate', 'm@3', *where]) == 1
    assert main(['list', *where]) == 0
    assert 'quarantined' in capsys.readouterr().out
    fleet('reinstate', 'm@3')
    assert main(['activate', 'm@3', *where]) == 0
    assert StateDir(state_dir).model_state('m').active == 3


def test_activate_says_which_orders_it_does_not_obey(
    fleet: Fleet, store: Path, trusted: Path, capsys: Capture
) -> None:
    give_orders(store, orders_about(store, 'm', 1, 'm@3'), STRANGER)
    signed = ['--store', str(store), '--trusted-keys', str(trusted)]
    assert main(['activate', 'm@3', *signed]) == 1  # the package is not signed either
    assert 'warning: ' in (error := capsys.readouterr().err) and 'rollout.yaml' in error


NOW = datetime.now(timezone.utc)


def report(
    folder: Path, robot: str, model: str, orders: int = 1, ago: timedelta = timedelta()
) -> StateDir:
    """What a robot sends: a sign of life, and its audit log."""
    digest = model[-1] * 64
    SignOfLife(robot, '/eye', NOW - ago, model, digest, orders, '').write(folder / robot)
    return StateDir(folder / robot)


def test_status_sums_up_what_many_robots_report(
    fleet: Fleet, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    fleet('plan', 'm@3', '--percent', '10', '--least-robots', '4', '--most-taken-back', '30')
    folder = tmp_path / 'reports'
    for number in range(6):
        report(folder, f'old{number}', 'm@2')
    for number in range(4):
        took = report(folder, f'new{number}', 'm@3' if number else 'm@2', orders=3)
        took.audit.append('plan', actor='/eye', model='m@3')
        took.audit.append('swap', actor='/eye', model='m@3', result='ok')
    took.audit.append('revoke', actor='/eye', model='m@1')
    took.audit.append('halt', actor='/eye', model='m@3')
    report(folder, 'lost', 'm@1', ago=timedelta(days=3, hours=4))
    (folder / 'odd/signs').mkdir(parents=True)
    (folder / 'odd/signs/x.json').write_text('{')
    status = ['fleet', 'status', str(folder), '--store', str(store)]
    capsys.readouterr()
    assert main(status) == 0
    assert capsys.readouterr().out.splitlines() == [
        '12 robots, 2 of them silent',
        '  odd is silent at all times',
        '  lost is silent for 3 d 4 h',
        'm:',
        '  m@1 serves on 1',
        '  m@2 serves on 7',
        '  m@3 serves on 3',
        '  orders 3 obeyed on 4',
        '  orders 1 obeyed on 7',
        '  m@3 halted on 1',
        '  m@1 revoked on 1',
        '  m@3 taken by plan on 4, 1 of them do not serve it now (25.0 %)',
    ]
    fleet('plan', 'm@3', '--percent', '10', '--most-taken-back', '20')
    assert main([*status, '--json']) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    (model,) = told['models']
    assert told['robots'] == 12 and model['versions'] == {'m@1': 1, 'm@2': 7, 'm@3': 3}
    (plan,) = model['plans']
    assert (plan['took'], plan['went_back'], plan['asks_for_halt']) == (4, 1, True)
    assert main(status) == 1
    assert 'ml_model fleet halt m' in capsys.readouterr().err


def test_status_tells_of_a_log_that_was_changed_and_of_a_folder_that_is_not_there(
    fleet: Fleet, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / 'reports'
    state = report(folder, 'r1', 'm@2')
    state.audit.append('plan', actor='/eye', model='m@3')
    state.audit.append('swap', actor='/eye', model='m@3')
    log = folder / 'r1/audit.jsonl'
    log.write_text(log.read_text().replace('"plan"', '"plot"'))
    assert main(['fleet', 'status', str(folder), '--store', str(store)]) == 0
    assert str(log) in capsys.readouterr().err
    assert main(['fleet', 'status', str(tmp_path / 'nowhere')]) == 1
