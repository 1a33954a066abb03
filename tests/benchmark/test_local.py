"""Cells in processes: results, deaths, and an end before all is done."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from benchmark_jobs import pretend
from seehear.benchmark.engines import JobEnd, LocalEngine
from seehear.benchmark.job import CellJob
from seehear.benchmark.plan import Cell


def jobs(folder: Path, *names: str) -> deque[CellJob]:
    return deque(
        CellJob(Cell("measure", name, number, {}), folder, {}, folder / f"{number}.txt")
        for number, name in enumerate(names)
    )


def carried_out(waiting: deque[CellJob], workers: int) -> list[JobEnd]:
    engine = LocalEngine(workers, pretend)
    return list(engine.run(lambda: waiting.popleft() if waiting else None, lambda: False))


def test_everything_is_done_and_a_death_is_tried_twice(tmp_path: Path) -> None:
    ended = carried_out(jobs(tmp_path, "one", "dies", "two", "three"), workers=2)
    found = {one.job.cell.name: one for one in ended}
    assert len(ended) == 4
    assert {name for name, one in found.items() if one.result and one.result.outcome.key == one.job.cell.key} == {
        "one",
        "two",
        "three",
    }
    assert found["dies"].result is None
    assert found["dies"].failure == "was killed, perhaps because memory ran out"
    assert (tmp_path / "1.txt").read_text() == "dies\n" * 2


def test_what_is_next_is_chosen_when_something_has_ended(tmp_path: Path) -> None:
    waiting, heard = jobs(tmp_path, "first", "second"), []

    def choose() -> CellJob | None:
        """The second depends on what came of the first."""
        return waiting.popleft() if len(heard) == 2 - len(waiting) and waiting else None

    for ended in LocalEngine(2, pretend).run(choose, lambda: False):
        heard.append(ended.job.cell.name)
    assert heard == ["first", "second"]


def test_nothing_to_do() -> None:
    assert carried_out(deque(), workers=2) == []


def test_the_end_of_the_time_stops_what_runs_and_it_saves_itself(tmp_path: Path) -> None:
    waiting = jobs(tmp_path, "lasts")
    engine = LocalEngine(1, pretend)
    ended = list(engine.run(lambda: waiting.popleft() if waiting else None, lambda: (tmp_path / "0.ready").exists()))
    assert ended == []
    assert (tmp_path / "0.txt").read_text() == "lasts\nsaved\n"
