"""Acts of the swap demo."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from vision_msgs.msg import Detection2DArray

from ml_integration.core.datatypes import Array
from ml_integration.demos.demo.view import View
from ml_integration.demos.scenes import KINDS
from ml_integration.demos.swap_demo.stage import add_tampered_version
from ml_integration.demos.swap_demo.witness import Witness
from ml_integration.errors import MlIntegrationError
from ml_integration.ops.drawing import class_color, draw_box, draw_text

NEW_KIND = 'hexagon'
LINE_S = 1.0
LEFT_OVER_S = 5.0


class Play:
    """The acts, each of which says what it does and what came of it.

    Args:
        witness: makes it happen.
        view: where it is told.
        act_s: how long to watch after each act [s].
    """

    def __init__(self, witness: Witness, view: View, act_s: float) -> None:
        self._witness, self._view, self._act_s = witness, view, act_s
        self.pictures: list[Array] = []

    def steady(self) -> None:
        """Shows that the first version works; it does not know the new kind."""
        self._view.say('\n1. shapes@1 serves; it does not know hexagons')
        self._witness.camera.start()
        self._witness.wait(lambda: self._witness.results, 'a result')
        self._expect(NEW_KIND not in self._watch(), f'a {NEW_KIND} from shapes@1')

    def swap(self) -> None:
        """Swaps to the second version."""
        # Only a model that has proven itself is one to go back to.
        self._witness.wait(lambda: self._witness.proven, 'shapes@1 to prove itself')
        self._view.say('\n2. $ ros2 param set /detector model shapes@2')
        refused = self._witness.set_model('shapes@2')
        self._expect(not refused, refused)
        self._witness.wait(lambda: self._witness.serving == 'shapes@2', 'shapes@2 to serve')
        self._expect(NEW_KIND in self._watch(), f'no {NEW_KIND} from shapes@2')

    def tamper(self, store: Path) -> None:
        """Asks for a version whose file was changed."""
        file = add_tampered_version(store)
        self._view.say(f'\n3. one bit of {file.relative_to(store)} is flipped')
        self._view.say('   $ ros2 param set /detector model shapes@3')
        refused = self._witness.set_model('shapes@3')
        self._expect(bool(refused), 'a tampered model was accepted')
        self._view.say(f'   refused: {refused.replace(str(store), "<store>")}')
        self._expect(self._witness.serving == 'shapes@2', 'shapes@2 does not serve on')
        self._watch()

    def roll_back(self) -> None:
        """Takes the second version back."""
        self._view.say('\n4. $ ros2 service call /detector/rollback std_srvs/srv/Trigger')
        self._view.say(f'   {self._witness.rollback()}')
        self._watch(skip_s=0.2)
        self._expect(self._witness.serving == 'shapes@1', 'shapes@1 does not serve again')

    def count(self) -> None:
        """Stops the camera and compares what was sent with what came back."""
        camera, results = self._witness.camera, self._witness.results
        camera.stop()
        end = time.monotonic() + LEFT_OVER_S
        while results[-1][0] + 1 < camera.sent and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1.1)  # one more report
        numbers = [number for number, _ in results]
        # What was sent before the first result may have met a detector that did not know yet.
        sent = range(numbers[0], camera.sent)
        lost = sorted(set(sent) - set(numbers))
        self._view.say(f'\n{len(sent)} frames sent, {len(numbers)} results, {len(lost)} lost')
        report = self._witness.report
        self._expect(
            not lost,
            f'no result of the frames {lost}; {report.dropped} were dropped by the node, of '
            f'{report.received} it received: is the machine busy with something else?',
        )
        self._expect(numbers == sorted(set(numbers)), 'results came twice or out of order')

    def _watch(self, skip_s: float = 0.0) -> set[str]:
        """Shows what is seen for a while; returns the kinds that were."""
        self._witness.pause(skip_s)
        first = len(self._witness.results)
        end = time.monotonic() + self._act_s
        while (left_s := end - time.monotonic()) > 0:
            self._witness.pause(min(LINE_S, left_s))
            number, message = self._witness.results[-1]
            seen = Counter(map(_kind, message.detections))
            words = ', '.join(f'{count} {kind}' for kind, count in sorted(seen.items()))
            self._view.say(f'   frame {number:4}  {self._witness.serving}: {words}')
        watched = self._witness.results[first:]
        self.pictures.append(self._drawn(*watched[-1], self._witness.serving))
        return {_kind(item) for _, message in watched for item in message.detections}

    def _drawn(self, number: int, message: Detection2DArray, model: str) -> Array:
        canvas = cv2.cvtColor(self._witness.camera.picture(number), cv2.COLOR_RGB2BGR)
        for item in message.detections:
            center = np.array([item.bbox.center.position.x, item.bbox.center.position.y])
            half = np.array([item.bbox.size_x, item.bbox.size_y]) / 2
            corners = np.concatenate([center - half, center + half])
            color = class_color(KINDS.index(_kind(item)))
            draw_box(canvas, corners, f'{_kind(item)} {_score(item):.2f}', color)
        draw_text(canvas, f'{model}, frame {number}', (0, canvas.shape[0]), (255, 255, 255))
        return canvas

    def _expect(self, fine: bool, otherwise: str) -> None:
        if not fine:
            raise MlIntegrationError(otherwise, where='/detector')


def before_and_after(pictures: Sequence[Array]) -> Array:
    """The last pictures of the first two acts and of the last one, side by side."""
    return np.hstack([pictures[0], pictures[1], pictures[-1]])


def _kind(detection: object) -> str:
    return str(detection.results[0].hypothesis.class_id)  # type: ignore[attr-defined]


def _score(detection: object) -> float:
    return float(detection.results[0].hypothesis.score)  # type: ignore[attr-defined]
