"""Every loss against a slow oracle written from its formula, one candidate at a time."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seehear.errors import ModelError
from seehear.losses import LOSSES, make_loss
from seehear.losses.audiovisual import AVENet
from seehear.losses.base import Loss

SHAPES = [(1, 2, 3), (2, 5, 4), (3, 7, 8)]
MULTIWAY = [name for name, loss in LOSSES.items() if loss.separates is not None]


class Batch:
    """Random embeddings, a mask and times, in float64 so that an oracle has digits to spare."""

    def __init__(self, shape: tuple[int, int, int], seed: int = 0, masked: bool = False) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.sound, self.lips, self.sound2, self.lips2 = torch.randn(4, *shape, generator=generator)
        groups, count, _ = shape
        self.valid = torch.ones(groups, count, dtype=torch.bool)
        if masked and count > 2:
            self.valid[0, -1] = False
        self.times = torch.arange(count).expand(groups, count) * 2


def negatives(batch: Batch, g: int, i: int, exclude: int) -> list[int]:
    return [
        j
        for j in range(batch.valid.shape[1])
        if j != i and batch.valid[g, j] and abs(int(batch.times[g, j]) - int(batch.times[g, i])) > exclude
    ]


def anchors(batch: Batch, exclude: int) -> list[tuple[int, int, list[int]]]:
    groups, count = batch.valid.shape
    found = []
    for g in range(groups):
        for i in range(count):
            others = negatives(batch, g, i, exclude) if batch.valid[g, i] else []
            if others:
                found.append((g, i, others))
    return found


def distance(x: Tensor, y: Tensor) -> float:
    return max(1e-3, math.sqrt(sum((float(a) - float(b)) ** 2 for a, b in zip(x, y, strict=True))))


def angular(x: Tensor, y: Tensor) -> float:
    norms = math.sqrt(sum(float(a) ** 2 for a in x)) * math.sqrt(sum(float(b) ** 2 for b in y))
    return 10.0 * sum(float(a) * float(b) for a, b in zip(x, y, strict=True)) / norms - 5.0


def inverse(x: Tensor, y: Tensor) -> float:
    return 1.0 / distance(x, y)


def cross_entropy(positive: float, others: list[float]) -> float:
    return math.log(math.exp(positive) + sum(math.exp(other) for other in others)) - positive


def one_way(name: str, batch: Batch, a: Tensor, b: Tensor, a2: Tensor, like: Callable[..., float], skip: int) -> float:
    """Modality a chooses among modality b; a2 are its own second embeddings."""
    terms = []
    for g, i, others in anchors(batch, skip):
        positive = like(a[g, i], b[g, i])
        across = [like(a[g, i], b[g, j]) for j in others]
        within = [like(a[g, i], a2[g, j]) for j in others]
        if name == "multiway":
            terms.append(cross_entropy(positive, across))
        elif name == "merged":
            terms.append(cross_entropy(positive, across + within))
        elif name == "substitute":
            terms.append(cross_entropy(positive, within))
        elif name == "separate":
            own = like(a[g, i], a2[g, i])
            terms.append(cross_entropy(positive, across) + 0.5 * cross_entropy(own, within))
    return sum(terms) / len(terms)


def expected(name: str, batch: Batch, similarity: str, symmetric: bool, exclude: int, second: bool) -> float:
    if name in MULTIWAY:
        like = {"angular": angular, "inverse-euclidean": inverse}[similarity]
        sound2, lips2 = (batch.sound2, batch.lips2) if second else (batch.sound, batch.lips)
        forth = one_way(name, batch, batch.sound, batch.lips, sound2, like, exclude)
        if not symmetric:
            return forth
        return (forth + one_way(name, batch, batch.lips, batch.sound, lips2, like, exclude)) / 2
    pairs = [
        (int(i == j), batch.sound[g, i], batch.lips[g, j])
        for g in range(batch.valid.shape[0])
        for i in range(batch.valid.shape[1])
        if batch.valid[g, i]
        for j in [i, *negatives(batch, g, i, exclude)]
    ]
    if name == "contrastive":
        parts: tuple[list[float], list[float]] = ([], [])
        for same, x, y in pairs:
            parts[same].append(distance(x, y) ** 2 if same else max(3.0 - distance(x, y), 0.0) ** 2)
        return (sum(parts[1]) / len(parts[1]) + sum(parts[0]) / max(len(parts[0]), 1)) / 4
    parts = ([], [])
    for same, x, y in pairs:
        d = distance(x / x.norm(), y / y.norm())
        logits = (0.7 * d - 0.2, -1.3 * d + 0.4)  # two-way softmax: other, same
        parts[same].append(cross_entropy(logits[same], [logits[1 - same]]))
    return (sum(parts[1]) / len(parts[1]) + sum(parts[0]) / max(len(parts[0]), 1)) / 2


def build(name: str, **options: Any) -> Loss:
    loss = make_loss(name, margin=3.0, weight=0.5, **options)
    if isinstance(loss, AVENet):
        with torch.no_grad():
            loss.decide.weight.copy_(torch.tensor([[0.7], [-1.3]]))
            loss.decide.bias.copy_(torch.tensor([-0.2, 0.4]))
    return loss


@pytest.mark.parametrize("exclude", [0, 2])
@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("similarity", ["angular", "inverse-euclidean"])
@pytest.mark.parametrize("shape", SHAPES[1:])
@pytest.mark.parametrize("name", MULTIWAY)
def test_multiway_family_equals_oracle(
    name: str, shape: tuple[int, int, int], similarity: str, symmetric: bool, second: bool, exclude: int
) -> None:
    if name == "separate" and similarity == "inverse-euclidean" and not second:
        pytest.skip("refused, see test_separate_needs_a_second_positive")
    batch = Batch(shape, masked=True)
    loss = build(name, similarity=similarity, symmetric=symmetric, exclude=exclude)
    seconds = {"sound2": batch.sound2, "lips2": batch.lips2} if second else {}
    value = loss(batch.sound, batch.lips, **seconds, valid=batch.valid, times=batch.times)
    assert value.item() == pytest.approx(expected(name, batch, similarity, symmetric, exclude, second), rel=1e-4)


@pytest.mark.parametrize("exclude", [0, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["contrastive", "avenet"])
def test_pairwise_losses_equal_oracle(name: str, shape: tuple[int, int, int], exclude: int) -> None:
    batch = Batch(shape, masked=True)
    value = build(name, exclude=exclude)(batch.sound, batch.lips, valid=batch.valid, times=batch.times)
    assert value.item() == pytest.approx(expected(name, batch, "", True, exclude, False), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES.names())
def test_sound_and_lips_can_change_places(name: str) -> None:
    batch = Batch((2, 6, 5))
    loss = make_loss(name)
    torch.testing.assert_close(loss(batch.sound, batch.lips), loss(batch.lips, batch.sound))


@pytest.mark.parametrize("similarity", ["angular", "inverse-euclidean"])
@pytest.mark.parametrize("count", [2, 9, 40])
def test_no_information_is_log_n(similarity: str, count: int) -> None:
    same = torch.ones(3, count, 16)
    noise = 1e-4 * torch.randn(same.shape, generator=torch.Generator().manual_seed(0))
    value = make_loss("multiway", similarity=similarity)(same + noise, -same)
    assert value.item() == pytest.approx(math.log(count), rel=1e-3)


def test_random_embeddings_start_near_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    sound, lips = torch.randn(2, 8, 40, 512, generator=generator)
    assert make_loss("multiway")(sound, lips).item() == pytest.approx(math.log(40), abs=0.2)
    assert make_loss("avenet")(sound, lips).item() == pytest.approx(math.log(2), abs=0.2)


@pytest.mark.parametrize("name", LOSSES.names())
def test_matching_embeddings_cost_less_than_mismatched_ones(name: str) -> None:
    batch = Batch((2, 6, 32))
    loss = make_loss(name, margin=10.0)
    right = loss(batch.sound, batch.sound + 0.05 * batch.lips)
    assert right.item() < loss(batch.sound, batch.sound.roll(1, dims=1)).item()


@pytest.mark.parametrize("name", LOSSES.names())
@pytest.mark.parametrize("case", ["random", "identical", "zero"])
def test_gradient_is_finite(name: str, case: str) -> None:
    batch = Batch((2, 4, 3))
    scale = 0.0 if case == "zero" else 1.0
    sound = (batch.sound * scale).requires_grad_()
    lips = sound if case == "identical" else (batch.lips * scale).requires_grad_()
    loss = make_loss(name)
    loss(sound, lips).backward()
    for tensor in [sound, *(weight for weight in loss.parameters() if weight.requires_grad)]:
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES.names())
def test_bf16_autocast_computes_in_float32(name: str) -> None:
    batch = Batch((2, 6, 32))
    loss = make_loss(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(batch.sound.bfloat16(), batch.lips.bfloat16())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(batch.sound.bfloat16().float(), batch.lips.bfloat16().float()))


@pytest.mark.parametrize("name", LOSSES.names())
def test_padding_does_not_matter(name: str) -> None:
    batch = Batch((2, 6, 5))
    valid = torch.ones(2, 6, dtype=torch.bool)
    valid[:, 4:] = False
    loss = make_loss(name)
    shorter = loss(batch.sound[:, :4], batch.lips[:, :4])
    torch.testing.assert_close(loss(batch.sound, batch.lips, valid=valid), shorter)


@pytest.mark.parametrize("name", MULTIWAY)
def test_without_any_negative_the_loss_is_zero_and_has_a_gradient(name: str) -> None:
    sound = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = make_loss(name, exclude=9)(sound, sound.detach() + 1)
    value.backward()
    assert value.item() == 0.0
    assert sound.grad is not None
    assert (sound.grad == 0).all()


def test_scale_stays_positive() -> None:
    loss = make_loss("multiway")
    with torch.no_grad():
        loss.similarity.scale.fill_(-3.0)  # type: ignore[union-attr]
    batch = Batch((2, 6, 32))
    right = loss(batch.sound, batch.sound)
    assert right.item() < loss(batch.sound, batch.sound.roll(1, dims=1)).item()


def test_separate_needs_a_second_positive() -> None:
    batch = Batch((2, 4, 3))
    with pytest.raises(ValueError, match="second embeddings"):
        make_loss("separate", similarity="inverse-euclidean")(batch.sound, batch.lips)


def test_unknown_loss_is_a_sentence() -> None:
    with pytest.raises(ModelError) as refusal:
        make_loss("triplet")
    assert refusal.value.code == "unknown-loss"
    assert all(name in str(refusal.value) for name in ("triplet", *LOSSES))


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_declaration_fits_what_it_declares(name: str) -> None:
    loss = make_loss(name)
    assert loss.name == name
    assert loss.paper
    assert (loss.distance == "cosine") == loss.angular
    assert loss.separates in (None, "none", name)


def test_names_are_listed_without_torch() -> None:
    code = "import sys; from seehear.losses import LOSSES; print(len(LOSSES.names()), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(LOSSES)} False\n"
