"""A tiny pretraining on clips in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seehear.training import pretrain
from seehear.training.pretrain import PretrainResult
from talkers import DATA, ENGINE, MODEL, OPTIM, Talkers

Train = Callable[..., PretrainResult]


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Train:
    """pretrain(out, **changes of options) on clips in memory."""
    torch.set_num_threads(1)
    monkeypatch.setattr(pretrain, "_views", lambda corpus, model, data, part, progress: Talkers())

    def run(out: Path, **changes: Any) -> PretrainResult:
        init = changes.pop("init", None)
        sections = {"model": MODEL, "data": DATA, "optim": OPTIM, "engine": ENGINE}
        for name, values in changes.items():
            sections[name] = replace(sections[name], **values)  # type: ignore[type-var]
        return pretrain.pretrain([Path("talkers")], out, init=init, **sections)  # type: ignore[arg-type]

    return run
