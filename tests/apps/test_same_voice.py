"""Pairs of recordings: how they are heard."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from seehear.apps import compare_voices
from seehear.apps.embeddings import VoiceEmbedding
from seehear.apps.verify import RecordingPair
from seehear.metrics.calibration import ScoreCalibration
from seehear.models.interface import SEGMENT_S, IdentityModel


@pytest.mark.parametrize("seconds", [None, 3.5])
def test_segments_are_as_long_as_those_that_scores_were_calibrated_on(
    monkeypatch: pytest.MonkeyPatch, seconds: float | None
) -> None:
    heard: dict[str, float] = {}

    def voice_in(path: Path, model: IdentityModel, seconds: float, audio_stream: object) -> VoiceEmbedding:
        heard[path.name] = seconds
        return VoiceEmbedding(path, 4.0, np.ones(2, np.float32))

    monkeypatch.setattr(compare_voices, "voice_embedding", voice_in)
    model = cast(IdentityModel, SimpleNamespace(similarity=lambda one, other: torch.tensor([[0.7]])))
    known = None if seconds is None else ScoreCalibration(1.0, 0.0, 0.5, 0.1, seconds=seconds)
    (compared,) = compare_voices.compare_voices([RecordingPair(Path("a.wav"), Path("b.wav"))], model, known)
    assert compared.score == pytest.approx(0.7)
    assert heard == dict.fromkeys(("a.wav", "b.wav"), seconds or SEGMENT_S)
