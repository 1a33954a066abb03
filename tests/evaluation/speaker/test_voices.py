"""Sound into vectors, vectors made comparable, and voices learned with a few labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from people import Knows
from seehear.errors import CorpusError
from seehear.evaluation.speaker.few_labels import FewLabelOptions, train_speaker_head
from seehear.evaluation.speaker.pairs import Trials
from seehear.evaluation.speaker.scoring import pair_scores
from seehear.evaluation.speaker.voices import (
    ModelVoice,
    PooledVoice,
    compared_by,
    embed_voices,
    mean_by,
    scaled,
    segments,
    standardised,
    whole_segments,
)
from seehear.metrics.detection import ErrorCounts
from tones import Ear, recording, tone

FEW = FewLabelOptions(steps=100, speakers=4, dim=8, lr=0.03)


def test_pieces_cover_a_recording_as_embed_segments_cuts_it() -> None:
    model = Knows()
    sound = np.concatenate([tone(300, 0.5, level) for level in (0.1, 0.2, 0.3, 0.4)])[:31000]
    one = recording("r", sound)
    own = embed_voices(ModelVoice(model), segments(one, 0.4, hop_s=0.2), "test", progress=False)
    np.testing.assert_allclose(own, model.embed_segments(one.audio(), 16000, 0.4), atol=1e-6)
    assert [piece.samples for piece in segments(one, 0.8)] == [12800, 12800, 12800 - 360]  # what the last frame lacks
    assert [piece.name for piece in segments(one, 9.0)] == ["r@0.00"]
    assert [piece.name for piece in whole_segments(one, 0.8)] == ["r@0.00", "r@0.80"]
    assert whole_segments(one, 2.0) == []
    assert {piece.samples for piece in whole_segments(one, 0.001)} == {640}  # a frame is the least


@pytest.mark.parametrize("pooling", ["mean", "mean+deviation"])
def test_features_are_pooled_over_time_whoever_is_beside(pooling) -> None:
    ear = Ear()
    pieces = [recording(str(n), tone(200 * (n + 1), 0.2 + 0.04 * (n % 2), seed=n)) for n in range(5)]
    told = embed_voices(PooledVoice(ear, "heard", pooling), pieces, "test", progress=False)
    for vector, piece in zip(told, pieces, strict=True):
        features = ear(torch.from_numpy(piece.audio())[None], "heard")[0].numpy()
        expected = [features.mean(0)] if pooling == "mean" else [features.mean(0), features.std(0)]
        np.testing.assert_allclose(vector, np.concatenate(expected), atol=1e-5)


def test_means_by_owner() -> None:
    vectors = np.array([[1.0, 2], [3, 4], [5, 6]], np.float32)
    assert mean_by(vectors, np.array([1, 1, 2]), 4).tolist() == [[0, 0], [2, 3], [5, 6], [0, 0]]


def test_scaling_makes_directions_comparable() -> None:
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((3000, 3)) @ np.array([[1.0, 0, 0], [2, 1, 0], [0, 0, 3]]) + 7
    plain = standardised(mixed.astype(np.float32))
    np.testing.assert_allclose(plain.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(plain.std(0), 1, atol=1e-3)
    white = scaled(mixed.astype(np.float32), "whitened")
    np.testing.assert_allclose(3 * white.T @ white / len(white), np.eye(3), atol=0.1)
    for scaling in ("whitened", "standardised", "none"):
        np.testing.assert_allclose(np.linalg.norm(scaled(mixed.astype(np.float32), scaling), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("scaling", ["whitened", "standardised"])
def test_what_never_changes_and_what_is_all_alike_are_no_numbers_gone_wrong(scaling) -> None:
    vectors = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    vectors[:, 2] = 0.1
    assert np.isfinite(scaled(vectors, scaling)).all()
    assert np.isfinite(scaled(np.ones((5, 3), np.float32), scaling)).all()


def takes(speakers: int = 4, each: int = 4) -> list:
    """A speaker is a height; how loud it is, and how long, differs from take to take more than speakers do."""
    return [
        recording(f"{s}-{t}", tone(300 * 1.6**s, 0.4, 0.1 * 1.6**t, seed=t), {"speaker": f"s{s}"})
        for s in range(speakers)
        for t in range(each)
    ]


def apart(vectors: np.ndarray, each: int = 4) -> float:
    """How often a take is nearer to one of its speaker than to those of others."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = unit @ unit.T - 2 * np.eye(len(unit))
    return float(np.mean(alike.argmax(1) // each == np.arange(len(unit)) // each))


@pytest.mark.trains
@pytest.mark.parametrize("loss", ["am-softmax", "prototypical"])
@pytest.mark.parametrize("moving", [False, True])
def test_labels_teach_to_tell_voices_apart(loss, moving: bool) -> None:
    torch.manual_seed(0)
    voice, recordings = PooledVoice(Ear(), "last" if moving else "heard", "mean").eval(), takes()
    before = {name: value.clone() for name, value in voice.state_dict().items()}
    taught = train_speaker_head(voice, recordings, moving, loss, FEW, 0.4, 1.0, seed=0, progress=False)
    assert apart(embed_voices(taught, recordings, "test", progress=False)) > 0.9
    assert apart(embed_voices(voice, recordings, "test", progress=False)) < 0.6
    for name, value in voice.state_dict().items():
        torch.testing.assert_close(value, before[name])  # it is left as it was


@pytest.mark.trains
def test_an_own_embedding_moves_as_it_is() -> None:
    model = ModelVoice(Knows()).eval()
    taught = train_speaker_head(model, takes(), True, "prototypical", FEW, 0.4, 1.0, seed=0, progress=False)
    assert embed_voices(taught, takes()[:2], "test", progress=False).shape == (2, 2)
    assert float(model.model.weight.detach()) == 1.0
    assert float(taught[0].model.weight.detach()) != 1.0


@pytest.mark.trains
def test_one_seed_gives_one_network() -> None:
    voice = PooledVoice(Ear(), "heard", "mean")
    one, same, other = (
        embed_voices(
            train_speaker_head(voice, takes(), False, "am-softmax", FEW, 0.4, 1.0, seed, False), takes()[:3], "", False
        )
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


@pytest.mark.trains
def test_one_speaker_teaches_nothing() -> None:
    with pytest.raises(CorpusError, match="one speaker"):
        train_speaker_head(PooledVoice(Ear(), None, "mean"), takes(1), False, "am-softmax", FEW, 0.4, 1.0, 0, False)


def test_raw_embeddings_are_compared_as_they_were_trained_to_be() -> None:
    """By the cosine, lengths that tell people apart are lost: the same angle, twice as long, is another person."""
    vectors = np.array([[1.0, 0.1], [1.1, 0.0], [3.0, 0.0], [3.1, 0.3]], np.float32)
    assert [compared_by(scaling, "euclidean") for scaling in ("none", "whitened")] == ["euclidean", "cosine"]
    assert compared_by("none", "cosine") == "cosine"
    pairs = np.array([(0, 1), (2, 3), (0, 2), (1, 3)])
    trials = Trials(pairs[:, 0], pairs[:, 1], np.array([True, True, False, False]))
    raw = scaled(vectors, "none", "euclidean")
    np.testing.assert_array_equal(raw, vectors)
    scores = pair_scores(raw, trials, "euclidean")
    np.testing.assert_allclose(scores, [-np.linalg.norm(vectors[i] - vectors[j]) for i, j in pairs], rtol=1e-5)
    assert ErrorCounts.from_scores(scores, trials.targets).eer == 0
    cosines = pair_scores(scaled(vectors, "none"), trials)
    assert ErrorCounts.from_scores(cosines, trials.targets).eer > 0.4
