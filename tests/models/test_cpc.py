"""CPC: InfoNCE by the book, contexts that know of no later moment, and it learns."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Generator

from seehear.errors import ModelError
from seehear.models.audio_only import CPCModel, CPCOptions
from seehear.nn.speech import StridedOptions, StridedSpeech


def tiny(**options: int) -> CPCModel:
    torch.manual_seed(0)
    return CPCModel(CPCOptions(**{"channels": 6, "hidden": 5, "steps": 3, "anchors": 4} | options))  # type: ignore[arg-type]


def noise(clips: int = 2, frames: int = 5, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(clips, frames * 640, generator=Generator().manual_seed(seed))


@torch.no_grad()
def test_the_loss_candidate_by_candidate() -> None:
    """A slow oracle: each prediction against what follows each anchor of each clip, one product at a time."""
    model, audio = tiny(), noise()
    times = model._anchors(torch.zeros(2, 20, 1), Generator().manual_seed(7)).tolist()
    moments = model.encoder.local_features(audio)
    contexts = model.encoder.contexts(moments)
    losses, hits = [], []
    for step in range(3):
        weights = model.predict.weight[step * 6 : (step + 1) * 6]
        anchors = [(0, t) for t in times[0]] + [(1, t) for t in times[1]]
        candidates = [moments[clip, t + step + 1] for clip, t in anchors]
        for own, (clip, t) in enumerate(anchors):
            scores = torch.stack([z @ (weights @ contexts[clip, t]) for z in candidates])
            losses.append(torch.log(scores.exp().sum()) - scores[own])
            hits.append(float(scores.argmax() == own))
    out = model({"audio": audio}, Generator().manual_seed(7))
    torch.testing.assert_close(out["loss"], torch.stack(losses).mean())
    assert out["matched"] == pytest.approx(sum(hits) / len(hits))


def test_anchors_are_different_and_leave_room() -> None:
    model = tiny(anchors=5)
    drawn = model._anchors(torch.zeros(100, 12, 1), Generator().manual_seed(0))
    assert drawn.diff(dim=1).min() >= 1
    assert drawn.unique().tolist() == list(range(9))  # 12 moments, 3 ahead
    assert model._anchors(torch.zeros(2, 12, 1), None).tolist() == [[0, 2, 4, 6, 8]] * 2
    assert model._anchors(torch.zeros(1, 5, 1), None).tolist() == [[0, 1]]
    with pytest.raises(ModelError, match=r"windows of 30 ms are too short to predict 3 steps.*data.min_frames"):
        model._anchors(torch.zeros(1, 3, 1), None)


def test_a_context_knows_of_no_later_moment() -> None:
    encoder, audio = StridedSpeech(StridedOptions(6, 5)).eval(), noise(1, 6).requires_grad_()
    encoder.contexts(encoder.local_features(audio))[0, 10].sum().backward()
    touched = torch.nonzero(audio.grad[0]).flatten()
    assert touched[0] == 0
    assert touched[-1] == 11 * 160 + encoder.padding[1] - 1  # its own moment, and half of what its kernels reach over


@torch.no_grad()
def test_pieces_are_what_the_whole_gives() -> None:
    torch.manual_seed(0)
    encoder, audio = StridedSpeech(StridedOptions(6, 5)).eval(), noise(1, 17)
    for layer, width in encoder.layers.items():
        whole = encoder(audio, layer)
        assert whole.shape == (1, 17, width)
        torch.testing.assert_close(torch.cat([*encoder.stream(audio, layer, 4)], 1), whole)


@pytest.mark.trains
def test_it_learns_one_batch_by_heart() -> None:
    model, audio = tiny(channels=16, hidden=16), noise(2, 8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first = model({"audio": audio})["loss"].item()
    for _ in range(60):
        optimizer.zero_grad()
        out = model({"audio": audio})
        out["loss"].backward()
        optimizer.step()
    assert out["loss"].item() < 0.5 * first
    assert out["matched"] > 0.5


def test_config_rebuilds_the_model() -> None:
    again = CPCModel.from_config(json.loads(json.dumps(tiny().config)))
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in tiny().state_dict().items()}
    for config in ({}, {"model": {"depth": 3}}, {"model": {"steps": 0}}):
        with pytest.raises(ModelError, match="does not describe a cpc model"):
            CPCModel.from_config(config)


def test_its_features_are_25_a_second() -> None:
    model = tiny()
    assert model.embed_audio(noise(1, 7)[0].numpy(), 16000).shape == (7, 5)
    assert model.embed_audio(noise(1, 7)[0].numpy(), 16000, "z").shape == (7, 24)
