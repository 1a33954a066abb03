"""Candidates that have sound only stand among sounds, and nowhere else: each loss against loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from seehear.losses import LOSSES, make_loss

COUNT, DIM = 6, 5
SEEN = (0, 2, 3, 5)


def embeddings() -> tuple[Tensor, ...]:
    return tuple(torch.randn(4, COUNT, DIM, generator=torch.Generator().manual_seed(3)))


def like(x: Tensor, y: Tensor) -> float:
    return 10 * float(torch.nn.functional.cosine_similarity(x, y, dim=0)) - 5


def cross_entropy(positive: float, others: list[float]) -> float:
    return math.log(sum(math.exp(value) for value in (positive, *others))) - positive


def choices(name: str, own: Tensor, other: Tensor, own2: Tensor, among: tuple[int, ...]) -> float:
    """One modality chooses; ``among`` are those that it knows of itself."""
    across, within = [], []
    for i in among:
        rivals = [like(own[i], own2[j]) for j in among if j != i]
        within.append(cross_entropy(like(own[i], own2[i]), rivals))
        if i in SEEN:
            others = [like(own[i], other[j]) for j in SEEN if j != i]
            against = {"merged": others + rivals, "substitute": rivals}.get(name, others)
            across.append(cross_entropy(like(own[i], other[i]), against))
    mean = sum(across) / len(across)
    return mean + 0.5 * sum(within) / len(within) if name == "separate" else mean


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.separates is not None])
def test_multiway_family_equals_oracle(name: str) -> None:
    voice, face, voice2, face2 = embeddings()
    everybody = tuple(range(COUNT))
    expected = choices(name, voice, face, voice2, everybody) + choices(name, face, voice, face2, SEEN)
    seen = torch.tensor([[i in SEEN for i in everybody]])
    loss = make_loss(name, weight=0.5)(*(x[None] for x in (voice, face, voice2, face2)), seen=seen)
    assert loss.item() == pytest.approx(expected / 2, rel=1e-4)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.separates in (None, "none")])
def test_what_only_looks_across_knows_but_those_that_are_seen(name: str) -> None:
    voice, face, voice2, face2 = (x[None] for x in embeddings())
    torch.manual_seed(0)
    loss = make_loss(name)
    seen = torch.tensor([[i in SEEN for i in range(COUNT)]])
    whole = loss(voice, face, voice2, face2, seen=seen)
    part = loss(voice[:, SEEN], face[:, SEEN], voice2[:, SEEN], face2[:, SEEN])
    torch.testing.assert_close(whole, part)


@pytest.mark.parametrize("name", LOSSES.names())
def test_faces_that_are_not_seen_may_be_anything(name: str) -> None:
    voice, face, voice2, face2 = (x[None].clone().requires_grad_() for x in embeddings())
    seen = torch.tensor([[i in SEEN for i in range(COUNT)]])
    black, black2 = (x * seen.unsqueeze(-1) for x in (face, face2))
    loss = make_loss(name)
    value = loss(voice, black, voice2, black2, seen=seen)
    torch.testing.assert_close(value, loss(voice, face, voice2, face2, seen=seen))
    value.backward()
    assert all(x.grad is None or x.grad.isfinite().all() for x in (voice, face, voice2, face2))


@pytest.mark.parametrize("name", LOSSES.names())
def test_where_nobody_is_seen_there_is_a_loss(name: str) -> None:
    voice, face, voice2, face2 = (x[None].clone().requires_grad_() for x in embeddings())
    value = make_loss(name)(voice, face, voice2, face2, seen=torch.zeros(1, COUNT, dtype=torch.bool))
    value.backward()
    assert value.isfinite()
    assert (value.item() > 0) == (name == "separate")  # which knows second segments of the same voice
