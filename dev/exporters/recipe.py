"""Exports models of transformers and records what they and their processors make of pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from optimum.exporters.onnx import main_export

from dev.exporters.expectation import Case, Expected
from dev.exporters.pictures import Pictures
from dev.exporters.spread import spread

EVERY = 48
"""Side of the squares of which a depth is recorded [px]."""
SEVERAL = 'multi_label_classification'
LEAST = 0.05
"""Smallest score of objects that are recorded."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Model of transformers.

    Attributes:
        name: of its folder.
        model: makes it.
        processor: makes what prepares pictures.
        heads: beginnings of the names of its layers that give the scores.
        factor: what their weights are multiplied with.
        task: as optimum calls it.
        write: writes the ONNX file into a folder, for a model that optimum does not know.
    """

    name: str
    model: Callable[[], Any]
    processor: Callable[[], Any]
    heads: tuple[str, ...]
    factor: float
    task: str = 'image-classification'
    write: Callable[[Any, Path], None] | None = None


def export(recipe: Recipe, folder: Path, pictures: Pictures) -> Case:
    """Exports a model and records what transformers makes of pictures.

    Args:
        recipe: the model.
        folder: of all cases.
        pictures: to record.
    """
    model, processor = made(recipe, folder)
    seen = {name: list(_seen(model, processor, one)) for name, one in pictures.items()}
    return Case(recipe.name, seen)


def made(recipe: Recipe, folder: Path) -> tuple[Any, Any]:
    """Exports a model as `optimum-cli export onnx --model FOLDER OUT` does it.

    Returns:
        The model and its processor.
    """
    model, processor = recipe.model().eval(), recipe.processor()
    spread(model, recipe.heads, recipe.factor)
    if recipe.write is not None:
        out = folder / recipe.name
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(out)
        processor.save_pretrained(out)
        recipe.write(model, out)
        return model, processor
    with tempfile.TemporaryDirectory() as trained:
        model.save_pretrained(trained)
        processor.save_pretrained(trained)
        main_export(trained, folder / recipe.name, task=recipe.task, do_validation=False)
    return model, processor


def _seen(model: Any, processor: Any, picture: Any) -> Iterator[Expected]:
    names = model.config.id2label
    with torch.no_grad():
        outputs = model(**processor(images=picture, return_tensors='pt'))
    size = [(picture.height, picture.width)]
    if 'predicted_depth' in outputs:
        (found,) = processor.post_process_depth_estimation(outputs, target_sizes=size)
        yield from _pixels(found['predicted_depth'])
        return
    if 'pred_boxes' not in outputs and outputs.logits.dim() == 4:
        (found,) = processor.post_process_semantic_segmentation(outputs, target_sizes=size)
        yield from _pixels(found)
        return
    if 'pred_boxes' not in outputs:
        several = model.config.problem_type == SEVERAL
        scores = outputs.logits.sigmoid() if several else outputs.logits.softmax(-1)
        for number, score in enumerate(scores[0].tolist()):
            yield Expected(names[number], score)
        return
    (found,) = processor.post_process_object_detection(outputs, threshold=LEAST, target_sizes=size)
    for score, label, box in zip(found['scores'], found['labels'], found['boxes'], strict=True):
        yield Expected(names[int(label)], float(score), tuple(box.tolist()))


def _pixels(found: Any) -> Iterator[Expected]:
    """Yields the number at the middle of each square of a grid, named by its column and row."""
    height, width = found.shape
    for row in range(EVERY // 2, height, EVERY):
        for column in range(EVERY // 2, width, EVERY):
            yield Expected(f'{column} {row}', float(found[row, column]))
