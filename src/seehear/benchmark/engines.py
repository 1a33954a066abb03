"""Engines that run cells: local worker processes, or a Ray cluster."""

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
"""Seconds a training has to save its state."""


POLL_S = 1.0
"""Seconds between checks of the time limit while no job ends."""


@dataclass(frozen=True)
class JobEnd:
    """The end of a job.

    Attributes:
        job: the job.
        result: its result; None if its process died.
        failure: how the process died, as words that follow "the process".
    """

    job: CellJob
    result: JobResult | None
    failure: str = ""


NextJob = Callable[[], CellJob | None]
"""Return the next job, or None if none is ready. It is called again whenever a job has ended."""


class Engine(Protocol):
    """Runs jobs in other processes."""

    @property
    def workers(self) -> int:
        """Number of cells run at the same time."""

    @property
    def max_processes(self) -> int:
        """Number of processes that a cell may start if it has a machine to itself."""

    def run(self, next_job: NextJob, is_over: Callable[[], bool]) -> Generator[JobEnd]:
        """Run jobs and yield their ends, until there is no next job and all have ended.

        Once ``is_over`` returns true, or when the generator is closed, running jobs are stopped. Trainings save their
        state first.
        """


@dataclass(frozen=True)
class LocalEngine:
    """Single-threaded worker processes on this machine; a cell whose process dies is tried a second time.

    Attributes:
        workers: number of processes.
        work: runs a job; a module-level function.
    """

    workers: int
    work: Callable[[CellJob, ReportProgress], JobResult] = run_job

    @property
    def max_processes(self) -> int:
        """The number of workers."""
        return self.workers

    def run(self, next_job: NextJob, is_over: Callable[[], bool]) -> Generator[JobEnd]:
        """See `seehear.benchmark.engines.Engine`."""
        pool = _WorkerPool(self.workers, self.work)
        try:
            while not is_over():
                pool.assign_jobs(next_job)
                if not pool.busy:
                    return
                yield from pool.poll()
        finally:
            pool.stop()


class _WorkerPool:
    """Worker processes, and the jobs to retry because their process died."""

    def __init__(self, workers: int, work: Callable[[CellJob, ReportProgress], JobResult]) -> None:
        self._max_workers, self._work = workers, work
        self._workers: list[Worker] = []
        self._retries: list[tuple[CellJob, int]] = []

    @property
    def busy(self) -> bool:
        """Whether any worker is busy."""
        return any(worker.busy for worker in self._workers)

    def assign_jobs(self, next_job: NextJob) -> None:
        """Give every idle worker a job, as long as there are jobs."""
        while (worker := self._idle_worker()) or len(self._workers) < self._max_workers:
            if self._retries:
                task = self._retries.pop()
            elif job := next_job():
                task = job, MAX_ATTEMPTS
            else:
                return
            if worker is None:
                worker = Worker(self._work, alone=False)  # making a corpus starts processes of its own
                self._workers.append(worker)
            worker.assign(*task)

    def poll(self) -> list[JobEnd]:
        """Return the jobs that have ended, after `POLL_S` at most."""
        ready = wait([worker.connection for worker in self._workers], POLL_S)
        ends = [self._receive(worker) for worker in list(self._workers) if worker.connection in ready]
        return [end for end in ends if end]

    def stop(self) -> None:
        """Ask all workers to stop, then wait for each."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.stop(STOP_S if worker.busy else 1)

    def _idle_worker(self) -> Worker | None:
        return next((worker for worker in self._workers if not worker.busy), None)

    def _receive(self, worker: Worker) -> JobEnd | None:
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):
            return self._collect(worker)
        if kind == "raised":
            raise value
        if kind == "ready":
            worker.ready = True
        if kind != "done":
            return None
        worker.busy = False
        return JobEnd(worker.task, value)

    def _collect(self, worker: Worker) -> JobEnd | None:
        """Remove a dead worker; its job is retried, or ends."""
        self._workers.remove(worker)
        busy = worker.busy
        job, attempts, failure = worker.collect_dead()
        if busy and attempts > 1:
            self._retries.append((job, attempts - 1))
            return None
        return JobEnd(job, None, failure) if busy else None


RETRIES = 1  # of a task whose process or machine is lost


@contextmanager
def ray_engine(workers: int | None, address: str | None) -> Iterator[RayEngine]:
    """Connect to a Ray cluster for the duration of the context.

    All machines of the cluster need seehear, and the benchmark folder under the same path.

    Args:
        workers: number of cells run at the same time; by default one per core of the cluster.
        address: address of the cluster; by default the cluster of this machine, or else this machine alone.

    Raises:
        SeehearError: Ray is not installed, or no cluster answers at the address.
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
        node_cores = max(int(node["Resources"].get("CPU", 1)) for node in ray.nodes() if node["Alive"])
        gpus = ray.cluster_resources().get("GPU", 0) > 0
        yield RayEngine(ray, cores if workers is None else worker_count(workers), max(1, node_cores), gpus)
    finally:
        ray.shutdown()


@dataclass(frozen=True)
class RayEngine:
    """Tasks of a Ray cluster; Ray restarts a task whose machine is lost.

    Attributes:
        ray: the module, connected.
        workers: number of cells run at the same time.
        max_processes: cores of the largest machine.
        gpus: whether the cluster has any; each job that needs a GPU reserves one.
    """

    ray: Any
    workers: int
    max_processes: int
    gpus: bool

    def run(self, next_job: NextJob, is_over: Callable[[], bool]) -> Generator[JobEnd]:
        """See `seehear.benchmark.engines.Engine`."""
        running: dict[Any, CellJob] = {}
        try:
            while not is_over():
                while len(running) < self.workers and (job := next_job()):
                    running[self._start(job)] = job
                if not running:
                    return
                ended, _ = self.ray.wait(list(running), num_returns=1, timeout=POLL_S)
                for reference in ended:
                    yield self._job_end(running.pop(reference), reference)
        finally:
            self._stop(list(running))

    def _start(self, job: CellJob) -> Any:
        gpus = int(self.gpus and _wants_gpu(job))
        task = self.ray.remote(num_cpus=job.workers, num_gpus=gpus, max_retries=RETRIES)(_run_remotely)
        return task.remote(job, plugin_modules())

    def _job_end(self, job: CellJob, reference: Any) -> JobEnd:
        try:
            result = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return JobEnd(job, None, f"was lost ({type(error).__name__})")
        return JobEnd(job, result, "was stopped")

    def _stop(self, running: list[Any]) -> None:
        for reference in running:
            self.ray.cancel(reference)  # like Ctrl-C: a training saves its state
        if running:
            self.ray.wait(running, num_returns=len(running), timeout=STOP_S)


def _run_remotely(job: CellJob, plugins: tuple[str, ...]) -> JobResult | None:
    """Run a job in a process of the cluster; return None if it was stopped."""
    import cv2

    cv2.setNumThreads(1)
    import_plugin_modules(plugins)
    try:
        return run_job(job)
    except Stopped:
        return None


def _wants_gpu(job: CellJob) -> bool:
    """Whether a job needs a GPU: trainings unless set otherwise, evaluations on request. Ray hides GPUs from others."""
    if job.cell.kind != "pretrain":
        return job.cell.kind == "measure" and job.device.startswith("cuda")
    return job.cell.spec["settings"]["engine"]["accelerator"] not in ("cpu", "mps")
