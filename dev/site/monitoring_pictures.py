"""Make the pictures of ml_top and ml_report: `python -m dev.site.monitoring_pictures chromium`.

Two real nodes run on a real video for a while, faster than one of them can, and one whose camera
is missing. In the middle the video is halted, so that there is something to see.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from rich.console import Console

from ml_integration.fleet.latest import Latest
from ml_integration.fleet.report.history import History
from ml_integration.fleet.report.page import page
from ml_integration.fleet.status import Report
from ml_integration.fleet.top.screen import Choice, Size, screen
from ml_integration.ros.client.child_process import parameters, start_node
from ml_integration.ros.client.client import Client
from ml_integration.ros.monitoring.listening import listening, place

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'docs/pictures'
VIDEO = ROOT / 'dev/data/vtest.avi'
NODE, PLAYER = (
    'ml_integration.ros.inference.inference_node', 'ml_integration.ros.video.video_player',
)  # fmt: skip
PARTS_S = (25.0, 15.0, 25.0)
"""How long it plays, is halted, and plays again [s]."""
TERMINAL = Size(136, 30)
WINDOW = (1160, 1830)
"""Width and height of the browser's window [px]."""
SHADES = 160
"""Colors of the picture of the page."""


class Heard:
    """What is heard, for both pictures."""

    def __init__(self) -> None:
        self.latest, self.history = Latest(), History()

    def take(self, report: Report, now_ns: int) -> None:
        """Takes a report that arrived at a time [ns, steady clock]."""
        self.latest.take(report, now_ns)
        self.history.take(report, now_ns)


def main(arguments: Sequence[str]) -> int:
    """Runs the nodes, and makes both pictures with a browser such as `chromium`."""
    (browser,) = arguments
    heard = Heard()
    with (
        TemporaryDirectory() as folder,
        _nodes(Path(folder)),
        listening('ml_pictures', heard.take),
    ):
        client = Client()
        time.sleep(PARTS_S[0])
        client.change_state('video_player', 'deactivate')
        time.sleep(PARTS_S[1])
        client.change_state('video_player', 'activate')
        for _ in range(round(PARTS_S[2])):  # advice is what lasts over several looks
            time.sleep(1.0)
            nodes = heard.latest.nodes(time.monotonic_ns())
        client.close()
    heard.history.end()
    view = screen(nodes, Choice('detector'), TERMINAL, place())
    console = Console(
        record=True, file=io.StringIO(), width=TERMINAL.width, height=TERMINAL.height,
        force_terminal=True, color_system='truecolor', markup=False, highlight=False,
    )  # fmt: skip
    console.print(view)
    (FOLDER / 'ml_top.svg').write_text(_without_fonts(console.export_svg(title='ml_top')))
    _photograph(browser, page(heard.history, 'street video'))
    return 0


@contextmanager
def _nodes(folder: Path) -> Iterator[None]:
    """Runs the nodes until the end of the block."""
    given = (
        (PLAYER, 'video_player', {'source': VIDEO, 'rate_hz': 25.0, 'loop': 'true'}),
        (NODE, 'detector', {'model': 'coco_yolov3_tiny'}),
        (NODE, 'shapes', {'model': 'shapes'}),
        (NODE, 'rear_detector', {'model': 'shapes'}),
    )
    with ExitStack() as cleanup:
        for module, name, values in given:
            topic = '/rear/image_raw' if name == 'rear_detector' else '/camera/image_raw'
            words = ['-r', f'image:={topic}', *parameters({**values, 'autostart': 'true'})]
            child = start_node(name, module, words, folder / f'{name}.log')
            cleanup.callback(child.end)
        yield


def _without_fonts(svg: str) -> str:
    """Takes away the fonts that a viewer would fetch from the internet."""
    begin, end = svg.index('@font-face'), svg.rindex('@font-face')
    return svg[:begin] + svg[svg.index('}', end) + 1 :]


def _photograph(browser: str, content: str) -> None:
    """Takes a picture of the upper part of a page."""
    with TemporaryDirectory() as folder:
        file, picture = Path(folder, 'report.html'), Path(folder, 'report.png')
        file.write_text(content, encoding='utf-8')
        width, height = WINDOW
        subprocess.run(
            [browser, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
             f'--window-size={width},{height}', f'--screenshot={picture}', file.as_uri()],
            capture_output=True, check=True, timeout=120,
        )  # fmt: skip
        _save_small(picture, FOLDER / 'ml_report.png')


def _save_small(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        picture.convert('RGB').quantize(SHADES).save(target, optimize=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
