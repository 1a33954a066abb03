"""Losses whose modalities have a part of their embeddings in common."""

from __future__ import annotations

import pytest
import torch

from seehear.losses import make_loss

SHARED = 3


@pytest.fixture
def four() -> tuple[torch.Tensor, ...]:
    """Voices, faces, and both a second time: (1, 6, 8) each."""
    return tuple(torch.randn(4, 1, 6, 8, generator=torch.Generator().manual_seed(0)))


def test_multiway_compares_the_shared_part_alone(four: tuple[torch.Tensor, ...]) -> None:
    voice, face, *_ = four
    cut = make_loss("multiway")(voice[..., :SHARED], face[..., :SHARED])
    torch.testing.assert_close(make_loss("multiway", shared=SHARED)(voice, face), cut)


@pytest.mark.parametrize("similarity", ["angular", "inverse-euclidean"])
def test_separate_keeps_apart_by_the_whole_embedding(four: tuple[torch.Tensor, ...], similarity: str) -> None:
    voice, face, voice2, face2 = four
    across = make_loss("multiway", similarity=similarity)(voice[..., :SHARED], face[..., :SHARED])
    within = make_loss("separate", similarity=similarity)(*four) - make_loss("multiway", similarity=similarity)(
        voice, face
    )
    found = make_loss("separate", similarity=similarity, shared=SHARED)(voice, face, voice2, face2)
    torch.testing.assert_close(found, across + within)


def test_nothing_beyond_the_shared_part_learns_across(four: tuple[torch.Tensor, ...]) -> None:
    voice, face = four[0].requires_grad_(), four[1]
    make_loss("multiway", shared=SHARED)(voice, face).backward()
    assert voice.grad is not None
    assert torch.count_nonzero(voice.grad[..., SHARED:]) == 0
    assert torch.count_nonzero(voice.grad[..., :SHARED]) > 0
