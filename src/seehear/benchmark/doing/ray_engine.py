"""Cells as tasks of a Ray cluster: the same cells, the same numbers, on many machines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from seehear.benchmark.doing.engine import LOOK_S, STOP_S, Choose, Ended
from seehear.benchmark.doing.job import Done, Job, do
from seehear.crew import worker_count
from seehear.errors import SeehearError
from seehear.threads import THREAD_VARIABLES

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

    def run(self, choose: Choose, over: Callable[[], bool]) -> Generator[Ended]:
        """See `seehear.benchmark.doing.engine.Engine`."""
        running: dict[Any, Job] = {}
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

    def _begin(self, job: Job) -> Any:
        gpus = int(self.gpus and _wants_gpu(job))
        task = self.ray.remote(num_cpus=job.workers, num_gpus=gpus, max_retries=RETRIES)(_work)
        return task.remote(job)

    def _ended(self, job: Job, reference: Any) -> Ended:
        try:
            done = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return Ended(job, None, f"was lost ({type(error).__name__})")
        return Ended(job, done, "was asked to stop")

    def _stop(self, running: list[Any]) -> None:
        for reference in running:
            self.ray.cancel(reference)  # as Ctrl-C: a training saves itself
        if running:
            self.ray.wait(running, num_returns=len(running), timeout=STOP_S)


def _work(job: Job) -> Done | None:
    """What a process of the cluster does; None if it was asked to stop meanwhile."""
    import cv2

    cv2.setNumThreads(1)
    try:
        return do(job)
    except SystemExit:
        return None


def _wants_gpu(job: Job) -> bool:
    """Trainings do, unless they are to run elsewhere; measurings, if they are told to: Ray hides GPUs from the rest."""
    if job.cell.kind != "pretrain":
        return job.cell.kind == "measure" and job.device.startswith("cuda")
    return job.cell.spec["settings"]["engine"]["accelerator"] not in ("cpu", "mps")
