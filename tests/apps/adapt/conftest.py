"""Tiny material: a model that knows nothing, films of avatars, and a corpus to be learned again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seehear.avatars.make import synthesize_avatars
from seehear.data.prepare import prepare
from seehear.models import store
from seehear.models.sync import SyncModel
from talkers import MODEL

FILMS = 8


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films of eight people, and a file that is none."""
    folder = tmp_path_factory.mktemp("videos")
    synthesize_avatars(folder, clips=FILMS, speakers=FILMS, seed=7)
    (folder / "broken.mp4").write_text("no film")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a sync model with random weights."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny-sync"
    torch.manual_seed(0)
    store.save(SyncModel(MODEL), folder, {"preset": "sync-small", "corpus": ["talkers"], "dev_every": 8})
    return str(folder)


@pytest.fixture(scope="session")
def old_corpus(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of what is to be learned again."""
    out = tmp_path_factory.mktemp("old") / "old-people"
    prepare([films], out)
    return out
