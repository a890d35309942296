"""Claims on how pictures become a model's tensor: what shapes tell, and what is usual."""

from __future__ import annotations

from typing import Any

from ml_integration.core.datatypes import TensorSpec
from ml_integration.exports.asking.questions import Choice, Question, written
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.guessing.guessed_inputs import guess_encode, is_picture
from ml_integration.ops.picture_input import IMAGENET_MEAN, IMAGENET_STD

ASKED = ('resize', 'color', 'scale', 'mean', 'std')
"""Settings that change every number of the tensor."""
USUAL: dict[str, Any] = {'resize': 'letterbox', 'mean': (0.0,), 'std': (1.0,), 'pad_value': 114.0}
IMAGENET: dict[str, Any] = {
    'resize': 'crop',
    'color': 'rgb',
    'scale': 255.0,
    'mean': IMAGENET_MEAN,
    'std': IMAGENET_STD,
}
USUAL_SIDE = 640
FOLLOWING = ('none', 'shortest_edge', 'one_side')
"""Ways of resizing after which the size follows the picture's, unless a model fixes it."""


def picture_of(inputs: tuple[TensorSpec, ...]) -> TensorSpec | None:
    """Returns the input that takes the picture; None if none looks like it."""
    return next(filter(is_picture, inputs), None)


def encode_claims(spec: TensorSpec, known: Claims) -> Claims:
    """Adds what the picture's input tells, and what is usual, to what is known.

    Args:
        spec: the picture's input.
        known: claims of persons and files.

    Returns:
        All claims; a usual value that nothing speaks for is not sure.
    """
    fixed = {'layout'} | ({'scale'} if spec.dtype == 'uint8' else set())
    told = guess_encode(spec)
    if told['color'] == 'gray':
        fixed.add('color')
    usual = {**USUAL, **told}
    # A file that says how pixels become numbers says it all: what it leaves out is left as it is.
    spoken = bool(known.below('encode.').keys() & {'scale', 'mean', 'std'})
    more = [_claim(spec, key, value, key in fixed, spoken) for key, value in usual.items()]
    if spec.dtype == 'uint8':
        more = [_as_they_are(spec, claim) for claim in more]
        known = Claims(tuple(claim for claim in known if not _of_floats(claim)))
    return known.then(more)


def encode_question(claims: Claims, classifies: bool) -> Question | None:
    """Returns the question on what is only usual; None if nothing is."""
    open_ = [key for key in ASKED if (one := claims.get(f'encode.{key}')) and not one.sure]
    if not open_:
        return None
    usual = {key: claims.value(f'encode.{key}') for key in open_}
    gray = claims.value('encode.color') == 'gray'  # which has one mean, and no usual one
    imagenet = {k: usual[k] if gray and k in ('mean', 'std') else IMAGENET[k] for k in open_}
    proposed = [usual, imagenet]
    if classifies:
        proposed.reverse()
    if 'color' in open_:
        proposed.append({**usual, 'color': 'bgr'})
    unlike = [one for number, one in enumerate(proposed) if one not in proposed[:number]]
    return Question(
        'encode',
        f'Nothing in the export says how a picture becomes a tensor ({", ".join(open_)}).',
        tuple(_choice(one) for one in unlike),
    )


def size_question(spec: TensorSpec, claims: Claims) -> Question | None:
    """Returns the question on the size of the picture, where the model leaves it free."""
    if claims.get('size') is not None or None not in _sides(spec, claims):
        return None
    if _follows(spec, claims):
        return None
    sides = (USUAL_SIDE, 416, 320, 224)
    return Question(
        'size',
        f"The picture's size is free ({spec}), and nothing says which one the model is used with.",
        tuple(Choice(f'{side} x {side} px', (('size', (side, side)),)) for side in sides),
    )


def sized(spec: TensorSpec, claims: Claims) -> TensorSpec:
    """Returns the picture's input with the claimed size where it is free.

    Height and width stay free where they follow the picture's.
    """
    width, height = claims.value('size', (USUAL_SIDE, USUAL_SIDE))
    if _follows(spec, claims):
        width = height = None
    batch, *rest = spec.shape
    nhwc = claims.value('encode.layout') == 'nhwc'
    channels = 1 if claims.value('encode.color') == 'gray' else 3
    usual = (height, width, channels) if nhwc else (channels, height, width)
    sizes = (given or size for given, size in zip(rest, usual, strict=True))
    return TensorSpec(spec.name, spec.dtype, (batch, *sizes))


def _follows(spec: TensorSpec, claims: Claims) -> bool:
    """Tells whether the size of the tensor follows from that of the picture."""
    way = claims.get('encode.resize')
    free = _sides(spec, claims) == (None, None) and claims.get('size') is None
    if not free or way is None or not way.sure:
        return False
    longest = way.value.startswith('letterbox') and claims.value('encode.longest_edge', 0)
    return bool(longest or way.value in FOLLOWING)


def _sides(spec: TensorSpec, claims: Claims) -> tuple[int | None, ...]:
    """Returns height and width [px]."""
    layout = claims.value('encode.layout', guess_encode(spec)['layout'])
    return spec.shape[1:3] if layout == 'nhwc' else spec.shape[2:4]


def _claim(spec: TensorSpec, key: str, value: Any, fixed: bool, spoken: bool) -> Claim:
    if fixed:
        return Claim(f'encode.{key}', value, Origin.SHAPES, str(spec))
    sure = key not in ASKED or (spoken and key in ('mean', 'std'))
    return Claim(f'encode.{key}', value, Origin.DEFAULT, 'what most exports use', sure)


def _of_floats(claim: Claim) -> bool:
    """Tells whether a claim is on numbers that a tensor of bytes cannot hold.

    The file says them of the network, which an exporter has put behind a scaling of its own.
    """
    key = claim.key in ('encode.scale', 'encode.mean', 'encode.std')
    return key and claim.origin is not Origin.PERSON


def _as_they_are(spec: TensorSpec, claim: Claim) -> Claim:
    """Returns a claim on a tensor of bytes, which holds pixels as they are."""
    if claim.key in ('encode.mean', 'encode.std'):
        return Claim(claim.key, claim.value, Origin.SHAPES, str(spec))
    return claim


def _choice(values: dict[str, Any]) -> Choice:
    text = ', '.join(f'{key} {written(value)}' for key, value in values.items())
    return Choice(text, tuple((f'encode.{key}', value) for key, value in values.items()))
