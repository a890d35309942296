"""Keeps the buffers of big messages in the process instead of returning each one to the kernel."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

OFF = 'ML_INTEGRATION_KEEP_BUFFERS'
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
# Larger than any image; glibc takes no larger mmap threshold than this.
_BYTES = 32 * 1024 * 1024


def keep_buffers(environment: Mapping[str, str] = os.environ) -> bool:
    """Tells glibc's allocator to reuse freed buffers of up to 32 MB.

    By default it maps and unmaps every image: 640 page faults for a VGA frame. Other C
    libraries are left as they are.

    Args:
        environment: ML_INTEGRATION_KEEP_BUFFERS=0 leaves the allocator alone.

    Returns:
        Whether the allocator was told.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if environment.get(OFF) == '0' or mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _BYTES)) and bool(
        mallopt(_M_TRIM_THRESHOLD, 2 * _BYTES)
    )
