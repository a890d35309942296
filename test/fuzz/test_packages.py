"""Whatever lies in a package or an archive, it is what was released or it is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_models
import pytest
from fuzzing import fuzz
from model_folders import write_model_folder
from signing import KEY, sign_folder

from ml_integration.core.datatypes import ModelIdentity, TensorSpec
from ml_integration.errors import (
    GoldenError,
    IntegrityError,
    ManifestError,
    MlIntegrationError,
    ModelLoadError,
    ModelMismatchError,
    SettingError,
)
from ml_integration.store.install.installing import install
from ml_integration.store.install.source_file import SourceLimits
from ml_integration.store.package.golden import parse_golden
from ml_integration.store.package.onnx_header import read_onnx_header
from ml_integration.store.trust.encryption import decrypt, encrypt, load_model_key
from ml_integration.store.trust.signature import (
    check_signature,
    key_id,
    load_private_key,
    load_public_key,
    private_pem,
    public_pem,
)

LIMITS = SourceLimits(files=50, size=2_000_000)
SPEC = TensorSpec('images', 'float32', (1, 2))
ZIP_WORDS = [b'PK\x01\x02', b'PK\x03\x04', b'PK\x05\x06', b'PK\x06\x06', b'PK\x06\x07', b'../',
             b'm/manifest.yaml', b'\x0e\x00', b'\x0c\x00', b'\x01\x00\x18\x00']  # fmt: skip
NPY_WORDS = [b'\x93NUMPY', b"'descr': '|O'", b"'<U8'", b'[(', b'(', b'))', b', ', b'-1',
             b'True', b"'shape': (100000000000,)", b"'<c16'", b"'<f16'", b'input.x']  # fmt: skip


def packed(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def with_member(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A golden sample with one member more."""
    stream = io.BytesIO(golden_sample())
    with zipfile.ZipFile(stream, 'a') as opened:
        opened.writestr(name, content, method)
    return stream.getvalue()


def golden_sample() -> bytes:
    return packed(
        **{
            'input.images': np.zeros((1, 2), np.uint8),
            'input_divisor': 255.0,
            'output.scores': np.ones((1, 3), np.float32),
            'output_indices.scores': np.array([0, 2]),
            'output.boxes': np.ones((2,), np.float16),
            'atol': 0.1,
        }
    )


def test_golden_samples(tmp_path: Path) -> None:
    file = Path('golden.npz')
    outputs = {'scores': np.ones((1, 3), np.float32), 'boxes': np.ones((2,), np.float16)}
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"
    corpus = [
        with_member('rtol.npy', header % shape + b' ' * 60 + b'\n')
        for shape in (b'(), }', b'(100000000000,)', b'(-1,)', b'(2,' * 300)
    ]
    corpus += [with_member('rtol.npy', b'\x93NUMPY'), with_member('a.npy', b'', 12), b'PK\5\6']
    corpus.append(with_member('input.images.npy', bytes(2**22)))

    def read(data: bytes) -> None:
        golden = parse_golden(data, file, {'input.images': 2, 'output.scores': 3})
        assert golden.samples['images'].size <= 2
        golden.inputs([SPEC])
        golden.compare(outputs, 'm@1')

    allowed = (ManifestError, ModelMismatchError, GoldenError)
    good = with_member('rtol.npy', header % b'()' + b' ' * 60 + b'\n' + bytes(8))
    fuzz(
        read, [golden_sample(), good], allowed, corpus=corpus, words=NPY_WORDS + ZIP_WORDS,
        keep=tmp_path,
    )  # fmt: skip


def as_zip(folder: Path, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', method) as opened:
        for file in sorted(folder.iterdir()):
            opened.write(file, f'm/{file.name}')
    return stream.getvalue()


def as_tar(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as opened:
        opened.add(folder, 'm')
    return stream.getvalue()


def as_tgz(folder: Path) -> bytes:
    return gzip.compress(as_tar(folder))


def negative_size(folder: Path) -> bytes:
    data = bytearray(as_tar(folder))
    at = data.index(b'm/manifest.yaml')
    info = tarfile.TarInfo.frombuf(bytes(data[at : at + 512]), 'utf-8', 'strict')
    info.size = -256
    data[at : at + 512] = info.tobuf(tarfile.GNU_FORMAT)
    return bytes(data)


def broken_lzma(folder: Path) -> bytes:
    data = bytearray(as_zip(folder, zipfile.ZIP_LZMA))
    data[60:70] = bytes(10)
    return bytes(data)


def many_blocks(folder: Path) -> bytes:
    """A header of another that says how long it is, over and over."""
    info = tarfile.TarInfo('x')
    info.type, info.size = tarfile.XHDTYPE, 512
    block = info.tobuf(tarfile.USTAR_FORMAT) + b'9 a=b\n'.ljust(512, b'\0')
    return block * 400 + as_tar(folder)


@pytest.mark.parametrize(
    ('name', 'pack', 'failed'),
    [
        ('m.zip', as_zip, [broken_lzma]),
        ('m.tar', as_tar, [negative_size, many_blocks]),
        ('m.tgz', as_tgz, []),
    ],
    ids=['zip', 'tar', 'tgz'],
)
def test_archives(
    tmp_path: Path,
    name: str,
    pack: Callable[[Path], bytes],
    failed: list[Callable[[Path], bytes]],
) -> None:
    model = write_model_folder(tmp_path / 'built', 'm', 1, golden=False)
    digest = hashlib.sha256((model / 'model.onnx').read_bytes()).hexdigest()
    place = tmp_path / 'place'
    place.mkdir()
    archive, store = place / name, place / 'store'

    def read(data: bytes) -> None:
        archive.write_bytes(data)
        try:
            installed = install(archive, store, limits=LIMITS)
            content = (installed.directory / 'model.onnx').read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest
            assert installed.directory == store / 'm' / '1'
            shutil.rmtree(store)
        finally:
            left = [path for path in place.rglob('*') if path not in (archive, store)]
            assert left == []

    corpus = [make(model) for make in failed]
    fuzz(read, [pack(model)], MlIntegrationError, corpus=corpus, words=ZIP_WORDS, keep=tmp_path)


def test_signatures(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / 'store')
    sign_folder(folder)
    manifest, signature = (
        (folder / name).read_bytes() for name in ('manifest.yaml', 'manifest.sig')
    )
    keys = {key_id(KEY.public_key()): KEY.public_key()}

    def read(data: bytes) -> None:
        """Takes the manifest, of which the signature follows."""
        size = struct.unpack('<I', data[:4].ljust(4, b'\0'))[0]
        given, seal = data[4 : 4 + size], data[4 + size :]
        check_signature(given, seal, keys, Path('manifest.sig'))
        assert given == manifest, 'a forgery'

    good = struct.pack('<I', len(manifest)) + manifest + signature
    bare = struct.pack('<I', 0) + signature
    words = [b'"key": ', b'ed25519', b'[' * 2000, b'null', b'\\ud800']
    fuzz(read, [good, bare], IntegrityError, words=words, keep=tmp_path)


def test_keys(tmp_path: Path) -> None:
    file = tmp_path / 'key'

    def read(data: bytes) -> None:
        file.write_bytes(data)
        for load in (load_public_key, load_private_key):
            try:
                load(file)
            except SettingError as error:
                str(error).encode()
        load_model_key(file, {})

    seeds = [public_pem(KEY.public_key()), private_pem(KEY), b'0' * 64, bytes(32)]
    corpus = [private_pem(KEY).replace(b'K2Vw', b'K2Vv')]  # of another curve, and too short
    words = [b'-----BEGIN PRIVATE KEY-----', b'-----END PUBLIC KEY-----', b'ENCRYPTED ', b'====']
    fuzz(read, seeds, SettingError, corpus=corpus, words=words, keep=tmp_path)


def test_encrypted_files(tmp_path: Path) -> None:
    identity, key = ModelIdentity('m', 1), bytes(range(32))
    sealed = encrypt(b'content', key, identity, 'model.onnx')

    def read(data: bytes) -> None:
        decrypt(data, key, identity, 'model.onnx', Path('model.onnx'))
        assert data == sealed, 'a forgery'

    fuzz(read, [sealed], IntegrityError, keep=tmp_path, seconds=0.5)


def test_headers_of_models(tmp_path: Path) -> None:
    seeds = [onnx_models.tiny_detector()]

    def read(data: bytes) -> None:
        str(read_onnx_header(data, 'model.onnx')).encode()

    fuzz(read, seeds, ModelLoadError, keep=tmp_path)
