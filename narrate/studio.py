"""Job -> Studio: the only file that names concrete engines, executors and writers, and reads the environment."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from narrate.assemble import Mastering
from narrate.engines import Engine, Traits, VoiceInfo
from narrate.errors import JobError
from narrate.executors import Executor
from narrate.job import ENGINES, Job, unknown
from narrate.script import Voice
from narrate.store import Store
from narrate.writers import Writer

Report = Callable[[str], None]


@dataclass(frozen=True)
class Studio:
    """Everything a production needs, ready for use. ``close`` ends requests in flight at once."""

    engine: Engine
    voice: Voice
    store: Store
    speakers: Executor
    masters: Executor
    mastering: Mastering
    writers: tuple[Writer, ...]
    close: Callable[[], None]

    @property
    def traits(self) -> Traits:
        """The engine's."""
        return self.engine.traits


def open_studio(job: Job, language: str, report: Report, stop: threading.Event | None = None) -> Studio:
    """Build what ``job`` names, for a book in ``language``. ``stop``, when set, ends every wait.

    ``report`` is told, in a sentence, of retries, damaged store entries and an engine chosen for the language.
    """
    stop = stop or threading.Event()
    name = job.engine or engine_for(job.language or language, report)
    engine, voice, close = open_engine(job, name, job.language or language, report, stop)
    workers = job.jobs or engine.traits.connections or _DEFAULT_JOBS
    if engine.traits.connections:
        workers = min(workers, engine.traits.connections)
    cores = os.cpu_count() or 1
    return Studio(
        engine=engine,
        voice=voice,
        store=open_store(job.store, report),
        speakers=_threads(workers),
        masters=_processes(cores),
        mastering=_mastering(job),
        writers=tuple(_writer(name) for name in job.formats),
        close=close,
    )
