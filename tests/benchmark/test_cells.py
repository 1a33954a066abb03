from dataclasses import replace
from pathlib import Path

import pytest

from benchmark_plans import SMALL, small_plan
from seehear.benchmark.cells import TablePosition, cells_of_plan
from seehear.benchmark.plan import Claim, CorpusSpec, PretextSpec, RowSpec, TaskSpec
from seehear.config import OptionsError


def test_every_cell_is_there_once_and_after_those_that_it_needs(tmp_path: Path) -> None:
    work = cells_of_plan(small_plan(), {"grid": tmp_path})
    seen: set[str] = set()
    for cell in work.cells:
        assert cell.key not in seen
        assert set(cell.needs) <= seen
        seen.add(cell.key)
    assert set(work.positions.values()) <= seen
    assert len(work.cells) == 2 + 2 * 3 + 2 * 2 * 3  # corpora, trainings, measurements
    assert work.notes == ()


def test_every_place_of_the_tables_has_its_cell(tmp_path: Path) -> None:
    work = cells_of_plan(small_plan(), {"grid": tmp_path})
    expected = {(d, r, s) for d in ("people", "grid") for r in ("sync", "more", "untrained") for s in (0, 1)}
    assert {(place.data, place.row, place.seed) for place in work.positions} == expected
    cell = work.by_key()[work.positions[TablePosition("sync", "grid", "more", 1, 1.0)]]
    assert (cell.kind, cell.seed, cell.spec["of"]) == ("measure", 1, work.pretexts["more", 1])
    assert cell.needs == (work.corpora["grid"], work.pretexts["more", 1])
    assert cell.spec["options"] == {"split": "all"}


def test_a_training_knows_its_seed_one_thread_and_what_it_begins_with() -> None:
    work = cells_of_plan(small_plan())
    by_key = work.by_key()
    more, sync = by_key[work.pretexts["more", 1]], by_key[work.pretexts["sync", 1]]
    assert sync.spec["settings"]["optim"]["seed"] == 1
    assert sync.spec["settings"]["optim"]["steps"] == 2
    assert sync.spec["settings"]["engine"]["threads"] == 1
    assert more.spec["init"] == sync.key
    assert more.needs == (work.corpora["people"], sync.key)


def test_what_was_not_given_is_left_out_and_told() -> None:
    plan = small_plan()
    tasks = {
        **plan.tasks,
        "lips": TaskSpec("lips", "Which word", ("grid",), (RowSpec("sync", "sync"),)),
        "drawn": replace(plan.tasks["sync"], rows=(RowSpec("grids", "grids"), RowSpec("sync", "sync"))),
    }
    work = cells_of_plan(replace(plan, tasks=tasks))
    assert set(work.corpora) == {"people"}
    assert {place.task for place in work.positions} == {"sync", "drawn"}
    assert {place.row for place in work.positions if place.task == "drawn"} == {"sync"}
    assert work.by_key()[work.pretexts["sync", 0]].spec["corpora"] == [work.corpora["people"]]
    told = " ".join(work.notes)
    assert "grid was not given; it needs: GRID." in told
    assert "Which word: left out" in told
    assert "pretext grids and the rows that use it are left out, because grid was not given" in told


def test_a_key_is_decided_by_what_decides_the_result() -> None:
    plan = small_plan()
    called = replace(
        plan,
        name="other",
        title="Other",
        corpora={name: replace(corpus, checksum="moved") for name, corpus in plan.corpora.items()},
        pretexts={"s": plan.pretexts["sync"]},
        tasks={"t": replace(plan.tasks["sync"], title="T", rows=(RowSpec("a row", "s"),))},
        claims=(),
    )
    ours, theirs = cells_of_plan(plan), cells_of_plan(called)
    assert set(theirs.by_key()) <= set(ours.by_key())

    def keys(changed: PretextSpec) -> str:
        return cells_of_plan(replace(plan, pretexts={**plan.pretexts, "sync": changed})).pretexts["sync", 0]

    sync = plan.pretexts["sync"]
    others = [
        replace(sync, set={"optim.steps": 3}),
        replace(sync, set={"optim.steps": 2, "model.loss": "avenet"}),
        replace(sync, untrained=True),
        replace(sync, init="sync-small"),
    ]
    found = {keys(sync), *map(keys, others)}
    assert len(found) == 1 + len(others)


def test_numbers_are_what_they_mean_however_they_are_written() -> None:
    plan = small_plan()

    def key(lr: object) -> str:
        sync = replace(plan.pretexts["sync"], set={"optim.lr": lr})
        return cells_of_plan(replace(plan, pretexts={**plan.pretexts, "sync": sync})).pretexts["sync", 0]

    assert key("1e-3") == key(0.001)


def test_seeds_labels_and_rows_that_are_the_same_work_share_their_cells() -> None:
    plan = small_plan(claims=())
    rows = (RowSpec("one", "mfcc"), RowSpec("two", "mfcc"))
    heard = TaskSpec("words", "Which word", ("people",), rows, labels=(1.0, 0.1), noise="babble", snr_db=(0.0, 5.0))
    work = cells_of_plan(replace(plan, tasks={"words": heard}))
    assert len(work.positions) == 2 * 2 * 2
    assert len(work.cells) == 1 + 2 * 2
    shares = {cell.spec["labels"] for cell in work.cells if cell.kind == "measure"}
    assert shares == {1.0, 0.1}
    assert all(cell.spec["snr_db"] == [0.0, 5.0] for cell in work.cells if cell.kind == "measure")
    assert not work.pretexts


def test_what_is_given_stands_in_for_avatars(tmp_path: Path) -> None:
    work = cells_of_plan(small_plan(), {"people": tmp_path})
    spec = work.by_key()[work.corpora["people"]].spec
    assert spec["path"] == str(tmp_path.resolve())
    assert spec["avatars"] == {}
    assert str(tmp_path) in " ".join(work.notes)
    made = cells_of_plan(small_plan())
    assert made.by_key()[made.corpora["people"]].spec["avatars"] == SMALL


def test_what_makes_no_sense_is_told() -> None:
    plan = small_plan()
    with pytest.raises(OptionsError, match=r"--data .*'gird'.* small .*people, grid"):
        cells_of_plan(plan, {"gird": Path("x")})

    def having(told: dict[str, object]) -> dict[str, PretextSpec]:
        return {**plan.pretexts, "sync": replace(plan.pretexts["sync"], set=told)}

    for told in ({"optim.step": 1}, {"optim.steps": "many"}, {"model.alpha": 0.5}, {"loss": "avenet"}):
        with pytest.raises(OptionsError, match="the pretext 'sync'"):
            cells_of_plan(replace(plan, pretexts=having(told)))
    with pytest.raises(OptionsError, match=r"small, sync/sync.*'parts'"):
        cells_of_plan(replace(plan, tasks={"sync": replace(plan.tasks["sync"], options={"parts": "all"})}))


def test_a_plan_made_by_hand_is_looked_at_too() -> None:
    with pytest.raises(OptionsError, match=r"the plan small.*'nobody'"):
        cells_of_plan(small_plan(claims=(Claim("x", "y", "sync", "nobody", ("sync",)),)))
    with pytest.raises(OptionsError, match="avatars"):
        cells_of_plan(small_plan(corpora={"people": CorpusSpec(), "grid": CorpusSpec(wants="GRID")}))
