"""Real faults of files: refused where they are asked for, found where they already serve."""

from __future__ import annotations

import resource
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from inference_processes import value
from model_folders import pin_files
from signing import KEY, KEY_ID, STRANGER, sign_folder, write_keys
from swapping_nodes import GARDEN, SwappingNode, swapping_node, write_good_models

from ml_integration.cli.main import main
from ml_integration.store.trust.signature import private_pem

SIGNED, DIGEST, OFF = 'signed', 'digest', 'off'


def truncate(folder: Path) -> None:
    file = folder / 'model.onnx'
    file.write_bytes(file.read_bytes()[:-1])


def flip_a_bit(folder: Path) -> None:
    file = folder / 'model.onnx'
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def take_another_model(folder: Path) -> None:
    shutil.copy(folder.parent / '1/model.onnx', folder / 'model.onnx')


def take_another_manifest(folder: Path) -> None:
    shutil.copy(folder.parent / '1/manifest.yaml', folder / 'manifest.yaml')


def add_a_file(folder: Path) -> None:
    (folder / 'extra.bin').write_bytes(b'x')


def link_a_file(folder: Path) -> None:
    (folder / 'labels.txt').rename(folder.parent / 'labels.txt')
    (folder / 'labels.txt').symlink_to('../labels.txt')


def lose_a_file(folder: Path) -> None:
    (folder / 'labels.txt').unlink()


def take_the_signature_away(folder: Path) -> None:
    (folder / 'manifest.sig').unlink()


def sign_by_a_stranger(folder: Path) -> None:
    sign_folder(folder, STRANGER)


def change_the_signed_manifest(folder: Path) -> None:
    file = folder / 'manifest.yaml'
    file.write_text(file.read_text().replace('score_threshold: 0.9', 'score_threshold: 0.1'))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """m@1 and m@2, both signed by the trusted key."""
    folder = tmp_path / 'store'
    write_good_models(folder)
    for version in ('1', '2'):
        sign_folder(folder / 'm' / version)
    return folder


@pytest.fixture(scope='module')
def running(
    ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, SwappingNode]]:
    """A node of each policy."""
    folder = tmp_path_factory.mktemp('nodes')
    keys = write_keys(folder)
    with ExitStack() as stack:
        yield {
            policy: stack.enter_context(
                swapping_node(
                    folder,
                    folder,
                    name=f'/{policy}/eye',
                    integrity=f"'{policy}'",  # YAML takes off for a bool
                    trusted_keys_dir=keys,
                    reverify_period_s=0.2,
                )
            )
            for policy in (SIGNED, DIGEST, OFF)
        }


@pytest.fixture
def serving(
    running: dict[str, SwappingNode], store: Path, tmp_path: Path
) -> Callable[[str], SwappingNode]:
    """Gives the node of a policy, which serves m@1 of `store` and remembers nothing."""

    def start(policy: str) -> SwappingNode:
        node = running[policy]
        state = str(tmp_path / 'state')
        node.serve(model_path=str(store), model='m@1', state_dir=state)
        return node

    return start


@pytest.mark.parametrize(
    ('policy', 'spoil', 'reason'),
    [
        (DIGEST, truncate, 'differing: model.onnx ('),  # an interrupted copy
        (DIGEST, flip_a_bit, 'differing: model.onnx (sha256 '),  # a bad disk, or an attack
        (DIGEST, take_another_model, 'differing: model.onnx ('),  # of the right kind, even
        (DIGEST, take_another_manifest, "'version' is not valid; got '1'"),  # with its own pins
        (DIGEST, add_a_file, 'not listed: extra.bin'),  # something smuggled in
        (DIGEST, link_a_file, 'links: labels.txt'),  # what it leads to can change
        (DIGEST, lose_a_file, 'missing: labels.txt'),  # an incomplete copy
        (SIGNED, take_the_signature_away, 'manifest.sig'),  # unsigned
        (SIGNED, sign_by_a_stranger, 'manifest.sig'),  # signed, but not by us
        (SIGNED, change_the_signed_manifest, 'manifest.sig'),  # settings changed later
        (SIGNED, flip_a_bit, 'differing: model.onnx (sha256 '),  # the signature is still good
    ],
)
def test_a_spoiled_model_is_refused_where_it_is_asked_for_and_never_runs(
    serving: Callable[[str], SwappingNode],
    store: Path,
    policy: str,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    node = serving(policy)
    spoil(store / 'm/2')
    result = node.set_model('m@2')
    assert not result.successful
    assert reason in result.reason
    assert str(store / 'm/2') in result.reason
    assert node.parameter() == 'm@1'
    assert node.words() == {'tomato', 'lime'}


def test_a_well_signed_model_serves_and_the_key_that_vouches_for_it_is_named(
    serving: Callable[[str], SwappingNode],
) -> None:
    node = serving(SIGNED)
    assert node.set_model('m@2').successful
    summary = node.wait_for_serving('m@2')
    assert value(summary, 'verified by') == f'signature of {KEY_ID}'
    assert value(node.status('model'), 'verified by') == f'signature of {KEY_ID}'
    assert node.words() == {'rose', 'leaf'}


def test_a_spoiled_model_is_no_model_to_start_with(
    serving: Callable[[str], SwappingNode], store: Path, tmp_path: Path
) -> None:
    node = serving(DIGEST)
    node.unconfigure()
    flip_a_bit(store / 'm/2')
    node.set_model('m@2')
    node.client.set_parameter(node.name, 'state_dir', str(tmp_path / 'fresh'))
    assert not node.change('configure')
    assert 'differing: model.onnx' in node.process.log


def test_without_integrity_anything_runs_and_diagnostics_shout(
    serving: Callable[[str], SwappingNode], store: Path
) -> None:
    node = serving(OFF)
    add_a_file(store / 'm/2')
    assert node.set_model('m@2').successful
    node.wait_for_serving('m@2')
    status = node.status('model')
    assert status.level == status.WARN
    assert 'INTEGRITY IS OFF' in status.message
    assert value(status, 'verified by') == 'nothing'
    assert 'INTEGRITY IS OFF' in node.process.log


@pytest.mark.parametrize('policy', [SIGNED, DIGEST])
def test_the_policy_cannot_be_changed_while_the_node_runs(
    serving: Callable[[str], SwappingNode], policy: str
) -> None:
    node = serving(policy)
    assert not node.client.set_parameter(node.name, 'integrity', OFF).successful
    assert not node.client.set_parameter(node.name, 'trusted_keys_dir', '/tmp').successful


def test_what_everybody_may_change_is_a_warning_and_a_private_key_an_error(
    serving: Callable[[str], SwappingNode], store: Path, tmp_path: Path
) -> None:
    store.chmod(0o777)
    node = serving(DIGEST)
    status = node.wait_for_status('model', lambda s: s.level == s.WARN, 'a warning')
    assert f'everybody on this machine may change the model store {store}' in status.message
    node.unconfigure()
    (tmp_path / 'state/signer.pem').write_bytes(private_pem(KEY))
    node = serving(DIGEST)
    status = node.wait_for_status('model', lambda s: s.level == s.ERROR, 'an error')
    assert 'signer.pem: a private key lies on this robot' in status.message
    assert 'may change the model store' in value(status, 'alarm')
    assert 'a private key lies on this robot' in node.process.log


def test_tampering_with_the_serving_model_is_an_error_and_quarantines_it_while_it_serves_on(
    serving: Callable[[str], SwappingNode], store: Path
) -> None:
    node = serving(DIGEST)
    node.wait_for_status('model', lambda s: s.level == s.OK, 'no complaint')
    with node.frames_flowing() as answers:
        flip_a_bit(store / 'm/1')
        status = node.wait_for_status('model', lambda s: s.level == s.ERROR, 'an alarm')
    assert 'changed on disk and quarantined' in status.message
    assert 'differing: model.onnx' in status.message
    assert 'm@1 on CPU' in status.message
    assert all(answer.detections for answer in answers)
    node.wait_for_summary(lambda s: node.version('m@1').level == s.ERROR, 'a quarantined version')
    assert 'quarantined' in node.version('m@1').message


def test_a_quarantined_version_is_refused_even_when_its_files_are_mended(
    serving: Callable[[str], SwappingNode], store: Path
) -> None:
    node = serving(DIGEST)
    good = (store / 'm/1/model.onnx').read_bytes()
    flip_a_bit(store / 'm/1')
    node.wait_for_status('model', lambda s: s.level == s.ERROR, 'an alarm')
    (store / 'm/1/model.onnx').write_bytes(good)
    assert node.set_model('m@2').successful
    node.wait_for_serving('m@2')
    result = node.set_model('m@1')
    assert not result.successful
    assert 'm@1 is quarantined' in result.reason


def test_a_folder_that_is_away_for_a_moment_is_a_warning_that_heals(
    serving: Callable[[str], SwappingNode], store: Path
) -> None:
    node = serving(DIGEST)
    node.wait_for_status('model', lambda s: value(s, 'since look [s]'), 'a look')
    (store / 'm/1').rename(store / 'away')
    status = node.wait_for_status('model', lambda s: s.level == s.WARN, 'a warning')
    assert 'm@1 cannot be read at the moment, it serves from memory' in status.message
    assert node.words() == {'tomato', 'lime'}
    (store / 'away').rename(store / 'm/1')
    node.wait_for_status('model', lambda s: s.level == s.OK, 'no complaint')
    assert node.set_model('m@2').successful
    node.wait_for_serving('m@2')
    assert node.set_model('m@1').successful
    node.wait_for_serving('m@1')


def test_a_node_without_descriptors_warns_and_recovers(
    serving: Callable[[str], SwappingNode], store: Path
) -> None:
    node = serving(DIGEST)
    node.wait_for_status('model', lambda s: value(s, 'since look [s]'), 'a look')
    before = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        node.wait_for_status('model', lambda s: 'Too many open files' in s.message, 'a warning')
    finally:
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, before)
    node.wait_for_status('model', lambda s: s.level == s.OK, 'no complaint')
    assert node.words() == {'tomato', 'lime'}


def test_a_version_that_was_rewritten_in_place_is_found_barred_and_released(
    serving: Callable[[str], SwappingNode], store: Path
) -> None:
    node = serving(DIGEST)
    assert node.verb('swap').message == 'm@1 serves already'
    (store / 'm/1/labels.txt').write_text('\n'.join(GARDEN))
    (store / 'm/1/manifest.sig').unlink()
    pin_files(store / 'm/1')
    node.wait_for_status('model', lambda s: s.level == s.ERROR, 'an alarm')
    answer = node.verb('swap')
    assert not answer.success
    assert 'm@1 is quarantined' in answer.message
    assert node.words() == {'tomato', 'lime'}
    command = answer.message.rpartition('let it go: ml_model ')[2].removesuffix('.')
    assert main(shlex.split(command)) == 0
    node.wait_for_status('model', lambda s: 'another content' in s.message, 'no alarm')
    assert node.verb('swap').message == 'm@1 serves, after m@1'
    assert node.words() == {'rose', 'leaf'}
    node.wait_for_status('model', lambda s: s.level == s.OK, 'no complaint')


@pytest.mark.parametrize('period_s', [1e300, 1e-9, float('nan')])
def test_a_senseless_period_of_the_looks_is_refused(
    serving: Callable[[str], SwappingNode], period_s: float
) -> None:
    node = serving(DIGEST)
    assert not node.client.set_parameter(node.name, 'reverify_period_s', period_s).successful
    assert node.client.set_parameter(node.name, 'reverify_period_s', 0.2).successful
