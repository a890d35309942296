"""The drawn pictures of the documentation, one function each, by the page's name."""

from __future__ import annotations

from dev.site.drawing import BLUE, GRAY, GREEN, RED, YELLOW, Drawing


def operate() -> Drawing:
    """Which status looks at which part of the way of a frame."""
    drawing = Drawing(760, 250, 'What each status of /diagnostics looks at')
    drawing.text(20, 28, 'the way of a frame')
    way = ('camera', 'arrives', 'waits', 'model runs', 'result is|checked', 'topic')
    for place, words in enumerate(way):
        drawing.box(20 + 124 * place, 42, 100, 50, words)
        if place:
            drawing.arrow((-4 + 124 * place, 67), (18 + 124 * place, 67))
    drawing.text(20, 232, 'statuses of /diagnostics')
    statuses = (
        (82, 124, 'input', 'none? late? lost?|wrong type or QoS?'),
        (268, 100, 'drops', 'replaced,|too old'),
        (392, 100, 'latency', 'each stage,|and in total'),
        (516, 100, 'results', 'held back,|and why'),
    )
    for x, width, name, asks in statuses:
        drawing.box(x, 130, width, 68, name, asks, BLUE)
        drawing.arrow((x + width / 2, 130), (x + width / 2, 94), dashed=True)
    drawing.box(640, 112, 100, 44, 'errors', 'failed frames', RED)
    drawing.box(640, 164, 100, 44, 'model', 'what runs', GREEN)
    drawing.text(740, 232, 'the node as a whole', anchor='end')
    return drawing


def swapping() -> Drawing:
    """A swap over time."""
    drawing = Drawing(760, 230, 'A swap: the old model serves until the new one can')
    drawing.text(20, 60, 'shapes@1')
    drawing.text(20, 130, 'shapes@2')
    drawing.box(110, 36, 330, 40, 'serves', fill=GREEN)
    drawing.box(440, 36, 300, 40, 'kept in memory, for a rollback')
    drawing.box(190, 106, 250, 40, 'is checked, loaded and tested', fill=YELLOW)
    drawing.box(440, 106, 160, 40, 'serves on probation', fill=BLUE)
    drawing.box(600, 106, 140, 40, 'proven', fill=GREEN)
    drawing.arrow((190, 190), (190, 150))
    drawing.text(190, 208, 'param set', 12, anchor='middle')
    drawing.arrow((440, 190), (440, 150))
    drawing.text(440, 208, 'between two frames', 12, anchor='middle')
    drawing.arrow((600, 190), (600, 150))
    drawing.text(600, 208, 'after good frames', 12, anchor='middle')
    drawing.arrow((520, 104), (520, 79), dashed=True)
    drawing.text(528, 96, 'fails: back at once', 12)
    return drawing


def parameters() -> Drawing:
    """What belongs to the model and what to the robot."""
    drawing = Drawing(760, 190, 'The manifest says how, parameters say where')
    drawing.box(
        20, 30, 250, 130, 'manifest.yaml',
        'belongs to the MODEL|input size, colors, mean and std|decoder, labels, thresholds',
        YELLOW,
    )  # fmt: skip
    drawing.box(
        490, 30, 250, 130, 'ROS parameters',
        'belong to the ROBOT|which model, which cameras|age limits, threads, trust', BLUE,
    )  # fmt: skip
    drawing.box(320, 65, 120, 60, 'inference|node')
    drawing.arrow((270, 95), (318, 95))
    drawing.arrow((490, 95), (442, 95))
    return drawing


def execution() -> Drawing:
    """Several cameras on one model."""
    drawing = Drawing(760, 230, 'Many cameras, one model: of each the newest frame')
    for row, name in enumerate(('front', 'left', 'rear')):
        y = 30 + 62 * row
        drawing.box(20, y, 110, 44, name, 'camera')
        drawing.box(180, y, 130, 44, 'newest frame', 'older ones give way', BLUE)
        drawing.box(610, y, 130, 44, f'~/{name}', 'detections')
        drawing.arrow((130, y + 22), (178, y + 22))
        drawing.arrow((310, y + 22), (376, 114 + 10 * (row - 1)))
        drawing.arrow((542, 114 + 10 * (row - 1)), (608, y + 22))
    drawing.box(
        380, 74, 160, 80, 'one model', 'weights and threads once|together, or in turn', GREEN
    )
    return drawing


def extend() -> Drawing:
    """Where plug-ins sit on the way of a frame."""
    drawing = Drawing(760, 210, 'Which plug-in does which step')
    steps = (
        ('sensor', 'message -> frame'),
        ('encoder', 'frames -> tensor'),
        ('backend', 'tensor -> outputs'),
        ('task', 'outputs -> result|-> messages'),
    )
    drawing.text(20, 62, 'topic')
    drawing.arrow((54, 58), (78, 58))
    for place, (name, does) in enumerate(steps):
        x = 80 + 154 * place
        drawing.box(x, 28, 130, 60, name, does, BLUE)
        drawing.arrow((x + 130, 58), (x + 152, 58))
    drawing.text(700, 62, 'topic')
    drawing.box(542, 126, 130, 56, 'decoder', 'of detectors', GREEN)
    drawing.arrow((607, 126), (607, 90), dashed=True)
    drawing.box(80, 126, 284, 56, 'export format', 'what ml_model add reads', YELLOW)
    drawing.box(388, 126, 130, 56, 'manifest', 'names them all')
    drawing.arrow((364, 154), (386, 154))
    return drawing


def composition() -> Drawing:
    """Pictures by reference, and through DDS."""
    drawing = Drawing(760, 220, 'Two processes copy a picture, one process hands it over')
    drawing.text(20, 30, 'two processes')
    drawing.box(20, 44, 120, 56, 'camera')
    drawing.box(250, 44, 240, 56, 'Fast DDS', 'shared memory, if it is large enough', YELLOW)
    drawing.box(600, 44, 140, 56, 'detector')
    drawing.arrow((140, 72), (248, 72))
    drawing.text(194, 64, 'written', 11, anchor='middle')
    drawing.arrow((490, 72), (598, 72))
    drawing.text(544, 64, 'read', 11, anchor='middle')
    drawing.text(20, 132, 'one process')
    drawing.box(20, 146, 120, 56, 'camera', fill=GREEN)
    drawing.box(600, 146, 140, 56, 'detector', fill=GREEN)
    drawing.arrow((140, 174), (598, 174))
    drawing.text(370, 166, "the camera's own pixels", 12, anchor='middle')
    return drawing


def manifest() -> Drawing:
    """Which part of a manifest says what on the way of a message."""
    drawing = Drawing(760, 230, 'The parts of a manifest on the way from messages to results')
    way = ('messages', 'tensors', 'model.onnx', 'outputs', 'result')
    for place, words in enumerate(way):
        drawing.box(20 + 152 * place, 30, 112, 48, words)
        if place:
            drawing.arrow((-20 + 152 * place, 54), (18 + 152 * place, 54))
    parts = (
        (20, 112, 'inputs', 'kind, topic|keep, trigger', BLUE),
        (172, 112, 'encode', 'resize, color|scale, mean, std', BLUE),
        (324, 112, 'files', 'each one pinned|by its sha256', YELLOW),
        (476, 112, 'outputs', 'names, types,|sizes', BLUE),
        (628, 112, 'settings', 'decoder, labels|thresholds', BLUE),
    )
    for x, width, name, says, color in parts:
        drawing.box(x, 120, width, 68, name, says, color)
        drawing.arrow((x + width / 2, 120), (x + width / 2, 80), dashed=True)
    drawing.text(20, 214, 'keys of manifest.yaml')
    drawing.text(740, 214, 'golden: an input with its outputs proves all of it', anchor='end')
    return drawing


def diagnostics() -> Drawing:
    """How a level rises and falls."""
    drawing = Drawing(
        760, 220, 'A level rises after three bad seconds of five, falls after ten good'
    )
    for second in range(20):
        bad = second in (2, 4, 5, 6, 7, 8)
        drawing.box(20 + 36 * second, 44, 32, 32, '', fill=RED if bad else GREEN)
    drawing.text(20, 32, 'each second: as it should be, or not')
    drawing.box(20, 110, 176, 40, 'OK', fill=GREEN)
    drawing.box(200, 110, 500, 40, 'WARN', 'the message says what for', YELLOW)
    drawing.box(704, 110, 36, 40, 'OK', fill=GREEN)
    drawing.arrow((200, 182), (200, 154))
    drawing.text(200, 198, 'the third of five: logged once as WARN', anchor='middle')
    drawing.arrow((704, 182), (704, 154))
    drawing.text(740, 198, 'ten good ones: logged once as INFO', anchor='end')
    return drawing


def architecture() -> Drawing:
    """Which rooms import which."""
    drawing = Drawing(760, 240, 'Rooms of the package; each imports from those to its left only')
    columns = (
        (20, 74, ('errors',), GRAY),
        (114, 74, ('core',), GREEN),
        (208, 74, ('ops',), GREEN),
        (302, 104, ('sensors', 'encoders', 'tasks', 'backends', 'store', 'recordings'), BLUE),
        (426, 84, ('deploy',), YELLOW),
        (530, 84, ('serving', 'exports'), YELLOW),
        (634, 106, ('ros', 'cli'), RED),
    )
    for x, width, rooms, color in columns:
        height = 30
        top = 110 - 17 * len(rooms)
        for row, name in enumerate(rooms):
            drawing.box(x, top + 34 * row, width, height, name, fill=color)
        if x > 20:
            drawing.arrow((x - 2, 108), (x - 18, 108))
    drawing.text(740, 232, 'demos, right of all, show it', anchor='end')
    return drawing


DIAGRAMS = (
    operate, swapping, parameters, execution, extend, composition, manifest, diagnostics,
    architecture,
)  # fmt: skip
