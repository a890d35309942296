"""Reads what a process takes of its machine, on a thread that nobody waits for."""

from __future__ import annotations

import os
import platform
import threading
import time
from contextlib import suppress

import psutil

from ml_integration.core.cpus import keep_thread_on, usable_cpus
from ml_integration.core.gpus import Gpus
from ml_integration.core.process_memory import MB
from ml_integration.core.resources import Usage
from ml_integration.core.run_queue import RunQueue
from ml_integration.core.throttling import Throttling

_CPU_SENSORS = ('coretemp', 'k10temp', 'zenpower', 'cpu_thermal', 'cpu-thermal', 'CPU-therm')
"""Names of the sensors of CPUs, as drivers call them; elsewhere the hottest part counts."""


class UsageReader:
    """Reads again whenever somebody asks; who asks gets what was read the last time.

    A look at files of the kernel takes a fraction of a millisecond, one at a GPU or at a sensor
    on a slow bus may take many.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._newest: Usage | None = None
        self._thread: threading.Thread | None = None

    def newest(self) -> Usage | None:
        """Returns the newest facts, None if there are none yet, and has them read anew."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name='ml_usage', daemon=True)
                self._thread.start()
        self._asked.set()
        return self._newest

    def _loop(self) -> None:
        keep_thread_on(())  # whoever asked first may keep to few CPUs
        look = _Look()
        while self._asked.wait():
            self._asked.clear()
            with suppress(psutil.Error, OSError, ValueError):  # the next one may be better
                self._newest = look.read()


USAGE = UsageReader()
"""Reader of this process, for all its nodes."""


class _Look:
    """What has to be known from one look to the next. Used by one thread."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before_s = max(0.0, time.time() - self._process.create_time())
        self._began_s = time.monotonic()
        self._run_queue = RunQueue()
        self._throttling = Throttling()
        self._gpus = Gpus()
        self._process.cpu_percent()  # the first one has nothing to compare with
        psutil.cpu_percent()

    def read(self) -> Usage:
        process = self._process
        with process.oneshot():
            cpu_percent, threads = process.cpu_percent(), process.num_threads()
            rss_mb = process.memory_info().rss / MB
            open_files = process.num_fds() if hasattr(process, 'num_fds') else None
        temperature_c, critical_c = _temperature()
        gpu = self._gpus.read()
        throttled = self._throttling.look()
        if gpu is not None and gpu.hot:
            throttled = (*(throttled or ()), 'heat of the GPU')
        return Usage(
            pid=process.pid,
            host=platform.node(),
            uptime_s=self._before_s + time.monotonic() - self._began_s,
            rss_mb=rss_mb,
            threads=threads,
            cpus=usable_cpus(),
            cpu_percent=cpu_percent,
            cpu_wait_percent=self._run_queue.look(),
            machine_cpu_percent=psutil.cpu_percent(),
            machine_free_mb=psutil.virtual_memory().available / MB,
            open_files=open_files,
            most_files=_most_files(),
            temperature_c=temperature_c,
            critical_c=critical_c,
            throttled=throttled,
            gpu_percent=gpu.percent if gpu else None,
            gpu_mb=gpu.memory_mb if gpu else None,
        )


def _most_files() -> int | None:
    """Returns how many files this process may open; None if there is no limit."""
    if os.name != 'posix':
        return None
    import resource  # other systems have no such module

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _temperature() -> tuple[float | None, float | None]:
    """Returns the temperature of the CPU's hottest part, and its critical one [C]."""
    if not hasattr(psutil, 'sensors_temperatures'):
        return None, None
    every = psutil.sensors_temperatures()
    of_cpu = [part for name in _CPU_SENSORS for part in every.get(name, ())]
    parts = of_cpu or [part for parts in every.values() for part in parts]
    hottest = max(parts, key=lambda part: part.current, default=None)
    return (hottest.current, hottest.critical) if hottest else (None, None)
