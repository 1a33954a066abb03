"""Pairs of recordings: how they are heard."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from seehear.pretext.identity import SEGMENT_S, IdentityModel
from seehear.score_calibration import ScoreCalibration
from seehear.tools import same_voice
from seehear.tools.pair_list import Pair
from seehear.tools.voiceprint import Voice


@pytest.mark.parametrize("seconds", [None, 3.5])
def test_segments_are_as_long_as_those_that_scores_were_calibrated_on(
    monkeypatch: pytest.MonkeyPatch, seconds: float | None
) -> None:
    heard: dict[str, float] = {}

    def voice_in(path: Path, model: IdentityModel, seconds: float, audio_stream: object) -> Voice:
        heard[path.name] = seconds
        return Voice(path, 4.0, np.ones(2, np.float32))

    monkeypatch.setattr(same_voice, "voice_in", voice_in)
    model = cast(IdentityModel, SimpleNamespace(similarity=lambda one, other: torch.tensor([[0.7]])))
    known = None if seconds is None else ScoreCalibration(1.0, 0.0, 0.5, 0.1, seconds=seconds)
    (compared,) = same_voice.compare([Pair(Path("a.wav"), Path("b.wav"))], model, known)
    assert compared.score == pytest.approx(0.7)
    assert heard == dict.fromkeys(("a.wav", "b.wav"), seconds or SEGMENT_S)
