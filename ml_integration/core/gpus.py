"""Asks NVIDIA's driver about its GPUs, where `nvidia-ml-py` is installed."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any

from ml_integration.core.process_memory import MB


@dataclass(frozen=True, slots=True)
class GpuUsage:
    """Load of the GPUs of a machine.

    Attributes:
        percent: load of the busiest one [%].
        memory_mb: taken by this process, or by all where the driver does not know it [MB].
        hot: whether one is held back by heat.
    """

    percent: float
    memory_mb: float
    hot: bool


class Gpus:
    """GPUs that the driver knows; none where there is no library, no driver or no GPU."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []
        try:
            nvml = importlib.import_module('pynvml')
        except ImportError:
            return
        try:
            nvml.nvmlInit()
            count = nvml.nvmlDeviceGetCount()
            self._handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]
        except nvml.NVMLError:  # there is no driver
            return
        self._nvml = nvml

    def read(self) -> GpuUsage | None:
        """Returns the load since the last fraction of a second; None if nobody tells."""
        if not self._handles:
            return None
        try:
            nvml = self._nvml
            rates = [nvml.nvmlDeviceGetUtilizationRates(one).gpu for one in self._handles]
            hot = any(map(self._is_hot, self._handles))
            return GpuUsage(float(max(rates)), self._memory_bytes() / MB, hot)
        except self._nvml.NVMLError:
            return None

    def _memory_bytes(self) -> int:
        nvml, own = self._nvml, 0
        for one in self._handles:
            for process in nvml.nvmlDeviceGetComputeRunningProcesses(one):
                if process.pid == os.getpid():
                    own += process.usedGpuMemory or 0
        # A process in a container has another number than the one that the driver knows.
        return own or sum(nvml.nvmlDeviceGetMemoryInfo(one).used for one in self._handles)

    def _is_hot(self, handle: Any) -> bool:
        nvml = self._nvml
        reasons = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
        heat = (
            nvml.nvmlClocksThrottleReasonSwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwThermalSlowdown
        )
        return bool(reasons & heat)
