"""Pairs of recordings: how they are heard."""

from __future__ import annotations

import wave
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from seehear.apps import compare_voices
from seehear.apps.embeddings import VoiceEmbedding
from seehear.apps.verify import RecordingPair
from seehear.media.sound import Sound
from seehear.metrics.calibration import ScoreCalibration
from seehear.models.interface import SEGMENT_S, IdentityModel


@pytest.mark.parametrize("seconds", [None, 3.5])
def test_segments_are_as_long_as_those_that_scores_were_calibrated_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: float | None
) -> None:
    heard: dict[str, float] = {}
    one, other = (tmp_path / name for name in ("a.wav", "b.wav"))
    for path in (one, other):
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
            file.writeframes(b"\0" * 32000)

    def voice_in(sound: Sound, path: Path, model: IdentityModel, seconds: float) -> VoiceEmbedding:
        heard[path.name] = seconds
        return VoiceEmbedding(path, sound.duration_s, np.ones(2, np.float32))

    monkeypatch.setattr(compare_voices, "voice_embedding_of", voice_in)
    model = cast(IdentityModel, SimpleNamespace(similarity=lambda one, other: torch.tensor([[0.7]])))
    known = None if seconds is None else ScoreCalibration(1.0, 0.0, 0.5, 0.1, seconds=seconds)
    (compared,) = compare_voices.compare_voices([RecordingPair(one, other)], model, known)
    assert compared.score == pytest.approx(0.7)
    assert heard == dict.fromkeys(("a.wav", "b.wav"), seconds or SEGMENT_S)
