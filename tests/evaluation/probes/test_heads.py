"""Pooling and recurrent heads against loops and packed sequences; what is behind a recording's end does not matter."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seehear.evaluation.probes.heads import (
    BGRUOptions,
    BidirectionalLayer,
    PooledHead,
    RecurrentHead,
    Standardise,
    reverse_order,
)
from seehear.evaluation.probes.linear import pooled


def slow_pooled(features: Tensor) -> Tensor:
    steps = len(features)
    parts = [features[k * steps // 4 : -(-(k + 1) * steps // 4)] for k in range(4)]
    return torch.cat([p.mean(0) for p in parts] + [p.std(0, correction=0) for p in parts])


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 31])
def test_pooled_is_mean_and_deviation_of_four_segments(steps: int) -> None:
    features = torch.randn(3, steps, 5, generator=torch.Generator().manual_seed(steps)) * 3 + 100
    expected = torch.stack([slow_pooled(one.double()).float() for one in features])
    assert torch.allclose(pooled(features), expected, atol=1e-4)


def test_pooled_does_not_look_behind_the_end() -> None:
    features = torch.randn(3, 20, 5)
    lengths = torch.tensor([20, 7, 2])
    together = pooled(features, lengths)
    for one, length, alone in zip(features, lengths.tolist(), together, strict=True):
        assert torch.allclose(pooled(one[None, :length])[0], alone, atol=1e-5)


def test_gradients_of_a_constant_segment_are_finite() -> None:
    features = torch.ones(1, 8, 2, requires_grad=True)
    pooled(features).sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_both_ways_is_a_bidirectional_layer_over_packed_sequences(kind: type[nn.GRU]) -> None:
    torch.manual_seed(0)
    ours, theirs = BidirectionalLayer(kind, 4, 3), kind(4, 3, batch_first=True, bidirectional=True)
    for name, way in (("", ours.forwards), ("_reverse", ours.backwards)):
        way.load_state_dict({key: theirs.state_dict()[key + name] for key in way.state_dict()})
    features, lengths = torch.randn(5, 9, 4), torch.tensor([9, 1, 4, 7, 2])
    packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=9)
    states = ours(features, reverse_order(lengths, 9))
    for one, other, length in zip(states, expected, lengths.tolist(), strict=True):
        assert torch.allclose(one[:length], other[:length], atol=1e-6)


def test_a_mirror_turns_what_counts_around() -> None:
    assert reverse_order(torch.tensor([3, 5, 1]), 5).tolist() == [[2, 1, 0, 3, 4], [4, 3, 2, 1, 0], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_recording_is_told_alike_alone_and_among_longer_ones(cell: str, every_step: bool) -> None:
    torch.manual_seed(0)
    options = BGRUOptions(cell=cell, hidden=6)  # type: ignore[arg-type]
    head = RecurrentHead(4, 3, options, every_step).eval()
    features, lengths = torch.randn(3, 12, 4), torch.tensor([12, 5, 1])
    together = head(features, lengths)
    for one, length, among in zip(features, lengths.tolist(), together, strict=True):
        alone = head(one[None, :length], torch.tensor([length]))[0]
        assert torch.allclose(alone, among[:length] if every_step else among, atol=1e-6)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


def test_the_lstm_of_the_first_paper_reads_its_last_state_forwards() -> None:
    """arXiv 2001.04316: two LSTM layers of 256, the last hidden state; here against torch's own."""
    torch.manual_seed(0)
    head = RecurrentHead(4, 3, BGRUOptions(cell="lstm", bidirectional=False, hidden=6)).eval()
    whole = torch.nn.LSTM(4, 6, num_layers=2, batch_first=True)
    for number, layer in enumerate(head.layers):
        for name, weight in layer.forwards.named_parameters():
            getattr(whole, name.replace("l0", f"l{number}")).data.copy_(weight)
    features, lengths = torch.randn(3, 12, 4), torch.tensor([12, 5, 1])
    for one, length, among in zip(features, lengths.tolist(), head(features, lengths), strict=True):
        last = whole(one[None, :length])[1][0][-1, 0]
        torch.testing.assert_close(head.linear(last), among)


def test_the_pooled_head_is_linear_in_pooled_features() -> None:
    head = PooledHead(3, 2)
    features = torch.randn(4, 10, 3)
    assert torch.allclose(head(features, torch.full((4,), 10)), head.linear(pooled(features)), atol=1e-6)


def test_standardising_by_what_was_measured() -> None:
    steps = torch.randn(500, 3) * torch.tensor([2.0, 0.1, 0.0]) + torch.tensor([5.0, -7.0, 4.0])
    layer = Standardise(3)
    layer.measure(steps)
    seen = layer(steps)
    assert torch.allclose(seen.mean(0), torch.zeros(3), atol=1e-4)
    assert torch.allclose(
        seen.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-3
    )  # a constant says nothing


def test_options_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"bgru\.epochs must be 1 or more"):
        BGRUOptions(epochs=0)
