"""How many frames run together."""

import pytest

from ml_integration.core.batching import BatchSettings

CPU, GPU = 'CPUExecutionProvider', 'CUDAExecutionProvider'


@pytest.mark.parametrize(
    ('max_size', 'cameras', 'device', 'together'),
    [
        (0, 1, GPU, 1),  # one camera
        (0, 4, CPU, 1),  # a batch on a CPU only makes each frame wait
        (0, 4, GPU, 4),  # no more than there are cameras
        (0, 20, GPU, 8),  # nor than a batch usually gains from
        (16, 20, GPU, 16),  # as wanted
        (3, 4, CPU, 3),  # as wanted, on a CPU too
        (1, 4, GPU, 1),  # in turn
    ],
)
def test_the_wish_the_cameras_and_the_device_decide(
    max_size: int, cameras: int, device: str, together: int
) -> None:
    assert BatchSettings(max_size).together(cameras, device) == together
