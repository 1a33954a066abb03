"""A data set that a plug-in declares is prepared by name, and its name is known wherever data sets are named."""

import importlib
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from seehear import registry
from seehear.cli import main
from seehear.data.corpus import Corpus
from seehear.data.datasets import DATASETS, DOWNLOADABLE
from seehear.registry import OneOf


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> str:
    """Register the data set of `toy_dataset` for a test."""
    monkeypatch.setattr(DATASETS, "_declared", dict(DATASETS._declared))
    monkeypatch.setattr(DATASETS, "_added_by", dict(DATASETS._added_by))
    monkeypatch.setattr(registry, "_worker_modules", dict(registry._worker_modules))
    monkeypatch.delitem(sys.modules, "toy_dataset", raising=False)
    return str(importlib.import_module("toy_dataset").TOY.name)


def write_tone(path: Path, hertz: float) -> None:
    tone = np.sin(np.arange(16_000) * 2 * np.pi * hertz / 16_000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((tone * 9_000).astype("<i2").tobytes())


def test_a_plug_in_data_set_is_prepared_by_two_workers(toy: str, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for number, speaker in enumerate(("ann", "ben", "ann"), 1):
        write_tone(files / f"toy_{speaker}_{number}.wav", 200.0 * number)
    out = tmp_path / "corpus"

    code = main(["prepare", str(files), "-o", str(out), "--dataset", toy, "--faces", "none", "--workers", "2"])

    assert code == 0
    assert sorted(Corpus(out).labels("speaker")) == ["ann", "ann", "ben"]


def test_a_plug_in_data_set_is_among_the_choices(toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["prepare", "--help"])

    assert f"{','.join(DATASETS.names())}" in capsys.readouterr().out
    assert toy in OneOf("dataset").names()
    assert toy not in DOWNLOADABLE.names()
    assert main(["get", toy, "-o", "nowhere"]) == 2
    assert DATASETS[toy].ask_at in capsys.readouterr().err
