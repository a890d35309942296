"""Opens an export: finds the model in a file, folder or archive, its weights and what lies beside.

The names of files in an export come from strangers. They choose what is read, never where.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path, PurePosixPath

from ml_integration.errors import ExportError, ModelLoadError
from ml_integration.exports.export import LARGEST_SIDECAR, Export
from ml_integration.exports.reading.foreign_files import kind_by_content, kind_by_name
from ml_integration.exports.reading.source_files import Archive, Folder, SourceFiles
from ml_integration.ops.onnx_weights import ExternalWeights, taken_from_files
from ml_integration.store.install.archives import is_archive
from ml_integration.store.package.onnx_header import OnnxHeader, read_onnx_header

SUFFIXES = ('.json', '.yaml', '.yml', '.txt', '.names', '.pbtxt')
"""Endings of the small files that an export says something in."""
LARGEST_MODEL = 2**31
"""Largest .onnx file, as the format has it; more weights lie in other files [bytes]."""
MOST_SIDECARS = 100
MOST_SIDECAR_BYTES = 2**25
WELL_KNOWN = re.compile(
    r'(data|dataset|coco|metadata)\.ya?ml|.*\.names|(.*[_.-])?(labels?|classes|class_names)\.txt'
    r'|(.*[_.-])?label_?map\.pbtxt|config\.pbtxt|(.*[_.-])?(labels?|classes)\.json|environment\.json'
    r'|((pre)?processor_|inference_)?config\.json|model_type\.json',
    re.IGNORECASE,
)
"""Files beside a single .onnx that are read; what else lies in a folder is not its business."""
_VARIANT = re.compile(
    r'[_.-](quantized|u?int8|q4f16|q4|q8|bnb4|fp16|float16|half|fp32|dynamic|simplified|sim|opt'
    r'|optimized)$',
    re.IGNORECASE,
)
_HINT = 'Give an .onnx file, or the folder or archive that it lies in.'


@dataclass(frozen=True, slots=True)
class Source:
    """An export, read into memory.

    Attributes:
        export: what it says; its inputs and outputs are still empty.
        content: the model file.
        external: contents of the files with its weights, by their names in the model file but
            without a leading './'.
        alternatives: names of other models that it could have been.
        header: what the model file says about itself.
    """

    export: Export
    content: bytes
    header: OnnxHeader
    external: Mapping[str, bytes] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()


def open_source(path: Path, model: str = '') -> Source:
    """Reads an export.

    Args:
        path: an .onnx file, a folder, or a .zip, .tar, .tar.gz, .tgz or .tar.xz.
        model: which model of several: its name in the export, or the end of it.

    Raises:
        ExportError: there is no ONNX model, there are several, or it cannot be read.
    """
    files = _files_of(path)
    names = files.names()
    single = not path.is_dir() and not is_archive(path.name)
    models = sorted(name for name in names if name.lower().endswith('.onnx'))
    if single:
        models = [name for name in models if PurePosixPath(name).name == path.name]
    chosen, others = choose_model(models, '' if single else model, files.label, names)
    content = files.read([chosen], LARGEST_MODEL)[chosen]
    header = _header(content, files.label, chosen)
    external = _external(content, files, names, chosen)
    sidecars = _sidecars(files, names, chosen, single)
    export = Export(files.label, chosen, sidecars, header.metadata)
    return Source(export, content, header, external, others)


def choose_model(
    models: Sequence[str], wanted: str, label: str, names: Collection[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """Returns the model of an export and the other ones.

    Of variants of one model (quantized, half precision) the plain one is taken; of the numbered
    versions of a Triton folder the latest.

    Args:
        models: names of the .onnx files.
        wanted: the name, or its end, of the one to take; empty for the plain one.
        label: of the export, for errors.
        names: all files, to say what there is instead.

    Raises:
        ExportError: there is none, or it is not clear which one.
    """
    if not models:
        raise _no_model(label, names)
    fitting = [m for m in models if not wanted or wanted in (m, PurePosixPath(m).stem)]
    fitting = fitting or [m for m in models if f'/{m}'.endswith(f'/{wanted}')]
    if not fitting:
        raise ExportError(f"it holds no model '{wanted}', but {_listed(models)}", where=label)
    best = _plain(fitting)
    if len(best) != 1:
        raise ExportError(
            f'it holds {len(models)} models: {_listed(models)}',
            where=label,
            hint='Say which one is meant: give that file itself, or its name by --model.',
        )
    return best[0], tuple(m for m in models if m != best[0])


def _plain(models: Sequence[str]) -> list[str]:
    """Returns the models that are no variant of another one, if they have one name."""
    stems = {m: PurePosixPath(m).stem for m in models}
    plain = [m for m, stem in stems.items() if not _VARIANT.search(stem)] or list(models)
    if len({stems[m] for m in plain}) > 1 and 'model' in stems.values():
        plain = [m for m in plain if stems[m] == 'model']
    versions = {m: PurePosixPath(m).parent.name for m in plain}
    if len(plain) > 1 and all(v.isdecimal() and len(v) < 10 for v in versions.values()):
        return [max(plain, key=lambda m: int(versions[m]))]
    return plain


def _files_of(path: Path) -> SourceFiles:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        hint = 'Nothing is downloaded: give a file or folder of this machine.'
        raise ExportError('there is no such file or folder', where=str(path), hint=hint) from error
    if path.is_dir():
        return Folder(path.absolute(), None, str(path))
    if is_archive(path.name):
        return Archive(path)
    if not path.name.lower().endswith('.onnx'):
        kind = kind_by_name(path.name)
        if kind is None:
            raise ExportError('this is no ONNX model', where=str(path), hint=_HINT)
        raise ExportError(f'this is {kind[0]}', where=str(path), hint=kind[1])
    if status.st_size == 0 and path.is_file():
        raise ExportError('the file is empty', where=str(path), hint='Export it again.')
    return Folder(_root_of(path.absolute()), path.absolute(), str(path))


def _root_of(file: Path) -> Path:
    """Returns the folder of the export that a model file belongs to.

    Hugging Face keeps models in `onnx/` below their configuration, Triton in `<version>/`.
    """
    folder = file.parent
    above = folder.parent
    kept = 'config.json' if folder.name == 'onnx' else ''
    if folder.name.isdecimal():
        kept = 'config.pbtxt'
    return above if kept and (above / kept).is_file() else folder


def _header(content: bytes, label: str, name: str) -> OnnxHeader:
    kind = kind_by_content(content)
    if kind is not None:
        raise ExportError(f'{_place(label, name)}is {kind[0]}', where=label, hint=kind[1])
    try:
        return read_onnx_header(content, label)
    except ModelLoadError as error:
        what = f'{_place(label, name)}is no ONNX model, or it was cut off on its way'
        raise ExportError(what, where=label, hint='Export or copy it again.') from error


def _place(label: str, name: str) -> str:
    return 'this ' if label.endswith(name) else f'{name} '


def _external(
    content: bytes, files: SourceFiles, names: Collection[str], model: str
) -> dict[str, bytes]:
    """Reads the files with weights, which lie where the model says, below its own folder."""
    try:
        parts = list(taken_from_files(content))
    except ValueError as error:
        what = f'{model} is no ONNX model, or it was cut off on its way ({error})'
        raise ExportError(what, where=files.label, hint='Export or copy it again.') from error
    found = {part.location for part in parts if isinstance(part, ExternalWeights)}
    external: dict[str, bytes] = {}
    for location in sorted(found):
        plain = PurePosixPath(location)
        if plain.is_absolute() or '..' in plain.parts or not location.isprintable():
            what = f'{model} wants its weights from {location!a}, outside of its folder'
            raise ExportError(what, where=files.label, hint='Export it as one file.')
        name = str(PurePosixPath(model).parent / plain)
        data = files.read([name])
        if name not in data:
            hint = (
                f'Copy {plain.name} from where the model was exported, or export it as one file.'
            )
            what = f'the weights of {model} are in a second file, {plain}, which is missing'
            raise ExportError(what, where=files.label, hint=hint)
        external[str(plain)] = data[name]
    return external


def _sidecars(
    files: SourceFiles, names: Mapping[str, int], model: str, single: bool
) -> dict[str, bytes]:
    """Reads the small files that may say something about a model, the nearest to it first."""
    around = PurePosixPath(model).parents
    wanted = [
        name
        for name, size in names.items()
        if PurePosixPath(name).suffix.lower() in SUFFIXES
        and size <= LARGEST_SIDECAR
        and (not single or WELL_KNOWN.fullmatch(PurePosixPath(name).name))
    ]
    wanted.sort(
        key=lambda name: (
            PurePosixPath(name).parent not in around,
            not WELL_KNOWN.fullmatch(PurePosixPath(name).name),
            name.count('/'),
            name,
        )
    )
    sizes = accumulate(names[name] for name in wanted)
    fitting = [n for n, size in zip(wanted, sizes, strict=True) if size <= MOST_SIDECAR_BYTES]
    return files.read(fitting[:MOST_SIDECARS], LARGEST_SIDECAR)


def _no_model(label: str, names: Collection[str]) -> ExportError:
    for name in sorted(names):
        kind = kind_by_name(name)
        if kind is not None:
            what = f'it holds no .onnx file; {name} is {kind[0]}'
            return ExportError(what, where=label, hint=kind[1])
    return ExportError('it holds no .onnx file', where=label, hint=_HINT)


def _listed(names: Sequence[str]) -> str:
    shown = ', '.join(names[:8])
    return f'{shown} and {len(names) - 8} more' if len(names) > 8 else shown
