"""Processes of this machine; Ray."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import wait
from typing import Any, Protocol

from seehear.benchmark.job import CellJob, JobResult, run_job
from seehear.errors import SeehearError, Stopped
from seehear.machine import THREAD_VARIABLES
from seehear.parallel import MAX_ATTEMPTS, ReportProgress, Worker, worker_count
from seehear.registry import import_plugin_modules, plugin_modules

STOP_S = 60.0
"""So long a training has to save what it needs to go on."""


LOOK_S = 1.0
"""So often the time is looked at while nothing ends."""


@dataclass(frozen=True)
class JobEnd:
    """What an engine says of a job.

    Attributes:
        job: which.
        done: what came of it; None if its process died.
        death: how, in words that go on from "the process that did it".
    """

    job: CellJob
    done: JobResult | None
    death: str = ""


NextJob = Callable[[], CellJob | None]
"""What is to be done next; None if there is nothing just now. It is asked again whenever a job has ended."""


class Engine(Protocol):
    """Where cells are done."""

    @property
    def workers(self) -> int:
        """How many cells at a time."""

    @property
    def wide(self) -> int:
        """Processes that a cell may start which has a machine for itself."""

    def run(self, choose: NextJob, over: Callable[[], bool]) -> Generator[JobEnd]:
        """Does what is chosen, and yields what ends, until nothing is chosen any more and all have ended.

        As soon as it is ``over``, and when the generator is closed, what still runs is stopped; trainings save
        themselves first.
        """


@dataclass(frozen=True)
class LocalEngine:
    """Processes of this machine, each of one thread; a cell whose process dies is tried a second time.

    Attributes:
        workers: how many.
        work: what each does with a job: a function of a module.
    """

    workers: int
    work: Callable[[CellJob, ReportProgress], JobResult] = run_job

    @property
    def wide(self) -> int:
        """As many as work."""
        return self.workers

    def run(self, choose: NextJob, over: Callable[[], bool]) -> Generator[JobEnd]:
        """See `seehear.benchmark.engines.Engine`."""
        crew = _WorkerPool(self.workers, self.work)
        try:
            while not over():
                crew.hand_out(choose)
                if not crew.busy:
                    return
                yield from crew.hear()
        finally:
            crew.stop()


class _WorkerPool:
    """The processes, and the jobs whose process died and that are to be tried again."""

    def __init__(self, workers: int, work: Callable[[CellJob, ReportProgress], JobResult]) -> None:
        self._workers, self._work = workers, work
        self._members: list[Worker] = []
        self._again: list[tuple[CellJob, int]] = []

    @property
    def busy(self) -> bool:
        """Whether anybody is."""
        return any(member.busy for member in self._members)

    def hand_out(self, choose: NextJob) -> None:
        """Gives everybody who is free something to do, as long as there is something."""
        while (member := self._free()) or len(self._members) < self._workers:
            if self._again:
                task = self._again.pop()
            elif job := choose():
                task = job, MAX_ATTEMPTS
            else:
                return
            if member is None:
                member = Worker(self._work, alone=False)  # a corpus is made by processes of its own
                self._members.append(member)
            member.assign(*task)

    def hear(self) -> list[JobEnd]:
        """What has ended, after a short while at the most."""
        spoken = wait([member.connection for member in self._members], LOOK_S)
        told = [self._listen(member) for member in list(self._members) if member.connection in spoken]
        return [ended for ended in told if ended]

    def stop(self) -> None:
        """All at once are asked to, and then one after the other is waited for."""
        for member in self._members:
            member.process.terminate()
        for member in self._members:
            member.stop(STOP_S if member.busy else 1)

    def _free(self) -> Worker | None:
        return next((member for member in self._members if not member.busy), None)

    def _listen(self, member: Worker) -> JobEnd | None:
        try:
            kind, value = member.connection.recv()
        except (EOFError, OSError):
            return self._bury(member)
        if kind == "raised":
            raise value
        if kind == "ready":
            member.ready = True
        if kind != "done":
            return None
        member.busy = False
        return JobEnd(member.task, value)

    def _bury(self, member: Worker) -> JobEnd | None:
        """Its job is tried again, or ends with it."""
        self._members.remove(member)
        busy = member.busy
        job, tries, death = member.collect_dead()
        if busy and tries > 1:
            self._again.append((job, tries - 1))
            return None
        return JobEnd(job, None, death) if busy else None


RETRIES = 1  # of a task whose process or machine is lost


@contextmanager
def ray_engine(workers: int | None, address: str | None) -> Iterator[RayEngine]:
    """A cluster, as long as the context lasts.

    The folder of the benchmark has to be at the same place on all its machines, and seehear installed.

    Args:
        workers: cells at a time; by default one a core of the cluster.
        address: of the cluster; by default the one that this machine belongs to, or else this machine alone.

    Raises:
        SeehearError: Ray is not installed, or there is no cluster at that address.
    """
    try:
        ray: Any = import_module("ray")
    except ImportError:
        raise SeehearError("--engine ray needs Ray, which is not installed; install seehear[ray]") from None
    one_thread = {"env_vars": dict.fromkeys(THREAD_VARIABLES, "1")}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env=one_thread)
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = f"{address or 'this machine'} ({' '.join(str(error).split())})"
        raise SeehearError(
            f"no Ray cluster answers at {where}; check --address, and Ray's token where the cluster asks for one"
        ) from error
    try:
        cores = int(ray.cluster_resources().get("CPU", 1))
        widest = max(int(node["Resources"].get("CPU", 1)) for node in ray.nodes() if node["Alive"])
        gpus = ray.cluster_resources().get("GPU", 0) > 0
        yield RayEngine(ray, cores if workers is None else worker_count(workers), max(1, widest), gpus)
    finally:
        ray.shutdown()


@dataclass(frozen=True)
class RayEngine:
    """Tasks of a cluster; one whose machine is lost is begun again by Ray.

    Attributes:
        ray: the module, connected.
        workers: cells at a time.
        wide: cores of the largest machine.
        gpus: whether there are any; what is to run on one gets one.
    """

    ray: Any
    workers: int
    wide: int
    gpus: bool

    def run(self, choose: NextJob, over: Callable[[], bool]) -> Generator[JobEnd]:
        """See `seehear.benchmark.engines.Engine`."""
        running: dict[Any, CellJob] = {}
        try:
            while not over():
                while len(running) < self.workers and (job := choose()):
                    running[self._begin(job)] = job
                if not running:
                    return
                ended, _ = self.ray.wait(list(running), num_returns=1, timeout=LOOK_S)
                for reference in ended:
                    yield self._ended(running.pop(reference), reference)
        finally:
            self._stop(list(running))

    def _begin(self, job: CellJob) -> Any:
        gpus = int(self.gpus and _wants_gpu(job))
        task = self.ray.remote(num_cpus=job.workers, num_gpus=gpus, max_retries=RETRIES)(_work)
        return task.remote(job, plugin_modules())

    def _ended(self, job: CellJob, reference: Any) -> JobEnd:
        try:
            done = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return JobEnd(job, None, f"was lost ({type(error).__name__})")
        return JobEnd(job, done, "was asked to stop")

    def _stop(self, running: list[Any]) -> None:
        for reference in running:
            self.ray.cancel(reference)  # as Ctrl-C: a training saves itself
        if running:
            self.ray.wait(running, num_returns=len(running), timeout=STOP_S)


def _work(job: CellJob, plugins: tuple[str, ...]) -> JobResult | None:
    """What a process of the cluster does; None if it was asked to stop meanwhile."""
    import cv2

    cv2.setNumThreads(1)
    import_plugin_modules(plugins)
    try:
        return run_job(job)
    except Stopped:
        return None


def _wants_gpu(job: CellJob) -> bool:
    """Trainings do, unless they are to run elsewhere; measurings, if they are told to: Ray hides GPUs from the rest."""
    if job.cell.kind != "pretrain":
        return job.cell.kind == "measure" and job.device.startswith("cuda")
    return job.cell.spec["settings"]["engine"]["accelerator"] not in ("cpu", "mps")
