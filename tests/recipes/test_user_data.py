"""Recipes over data sets that the user has, from small folders in their layouts to the tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark_tones import Here
from seehear.benchmark import run_plan
from seehear.data import views
from seehear.recipes.run import recipe
from tiny import ANIMATE, HEARD, MATCH, SYNC, TRAINING, cremad, lay_out, lrs2, lrw, voxceleb2

pytestmark = pytest.mark.trains


@pytest.fixture(autouse=True)
def quick(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """No plots, and one process."""
    monkeypatch.setattr(run_plan, "write_results", lambda *_: None)
    monkeypatch.setattr(views, "worker_count", lambda workers: 1)


def numbers(out: Path) -> dict[str, float]:
    """The first score of every measurement, by the encoder's name."""
    found = {}
    for path in (out / "evaluate" / "outcomes").glob("*.json"):
        told = json.loads(path.read_text())
        assert told["failed"] is None
        if told["scores"]:
            name, value = next(iter(told["scores"].items()))
            found[name] = value
    return found


def test_voxceleb2(films: list[bytes], tmp_path: Path) -> None:
    root = lay_out(tmp_path / "vox2", voxceleb2(films, "dev") | voxceleb2(films, "test"))
    data = [f"voxceleb2={root / 'dev'}", f"voxceleb2-test={root / 'test'}"]
    asked = {"data": data, "option": [*TRAINING, *SYNC, *MATCH], "device": "cpu", "workers": 1}
    only = ["facevoice/match", "speaker/match", "sync/sync"]
    assert recipe("voxceleb2", out=tmp_path / "out", only=only, **asked).problems == ()
    assert numbers(tmp_path / "out").keys() == {"AUC", "EER", "K=5"}


def test_lrs2(films: list[bytes], tmp_path: Path) -> None:
    learned = lay_out(tmp_path / "learned", lrs2(films, "pretrain"))
    tested = lay_out(tmp_path / "tested", lrs2(films[:2], "main"))
    asked = {"option": [*TRAINING, "model.encoder=small"], "only": ["sync"], "device": "cpu", "workers": 1}
    data = [f"lrs2={learned}", f"lrs2-test={tested}"]
    assert recipe("lrs2", out=tmp_path / "out", data=data, **asked).problems == ()
    outcomes = [json.loads(path.read_text()) for path in (tmp_path / "out/evaluate/outcomes").glob("*.json")]
    assert [outcome["failed"] for outcome in outcomes] == [None] * len(outcomes)
    assert sum("K=5" in outcome["scores"] for outcome in outcomes) == 3
    assert {path.name for path in (tmp_path / "out" / "runs").iterdir()} == {"sync", "perfect-match"}


def test_lrw(films: list[bytes], tmp_path: Path) -> None:
    data = [f"lrw={lay_out(tmp_path / 'lrw', lrw(films))}", f"cremad={lay_out(tmp_path / 'cremad', cremad(films))}"]
    asked = {
        "option": [*TRAINING, *ANIMATE, *HEARD],
        "device": "cpu",
        "workers": 1,
        "skip": ["ravdess", "speechcommands"],
    }
    only = [f"emotion-pooled/{row}" for row in ("animate + odd", "APC", "CPC")]
    assert recipe("lrw", out=tmp_path / "out", data=data, only=only, **asked).problems == ()
    assert numbers(tmp_path / "out").keys() == {"accuracy"}
    assert json.loads((tmp_path / "out/corpora/cremad/corpus.json").read_text())["clips"] == 6
