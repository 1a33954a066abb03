"""TC-5: what is behind a word's end does not matter, neither when it is told nor when it is learned."""

from __future__ import annotations

import pytest
import torch

from seehear.evaluation.probes.heads import TC5Head, TC5Options

OPTIONS = TC5Options(hidden=6, kernel=3, dropout=0.0)


def heads(count: int = 1) -> list[TC5Head]:
    torch.manual_seed(0)
    head = TC5Head(4, 3, OPTIONS)
    twins = [TC5Head(4, 3, OPTIONS) for _ in range(count)]
    for twin in twins:
        twin.load_state_dict(head.state_dict())
    return twins


def test_a_word_is_told_alike_alone_and_among_longer_ones() -> None:
    (head,) = heads()
    features, lengths = torch.randn(3, 12, 4), torch.tensor([12, 5, 2])
    together = head.eval()(features, lengths)
    for one, length, among in zip(features, lengths.tolist(), together, strict=True):
        assert torch.allclose(head(one[None, :length], torch.tensor([length]))[0], among, atol=1e-6)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


def test_what_is_behind_the_end_is_not_learned_from() -> None:
    short, padded = heads(2)
    features, lengths = torch.randn(2, 5, 4), torch.tensor([5, 4])
    longer = torch.cat([features, 100 * torch.randn(2, 7, 4)], dim=1)
    said = [head.train()(given, lengths) for head, given in ((short, features), (padded, longer))]
    assert torch.allclose(*said, atol=1e-5)
    assert torch.allclose(short.norms[1].running_var, padded.norms[1].running_var, atol=1e-6)


def test_the_mean_over_time_of_two_convolutions() -> None:
    (head,) = heads()
    head.eval()
    features = torch.randn(2, 7, 4)
    states = features.transpose(1, 2)
    for convolution, norm in zip(head.convolutions, head.norms, strict=True):
        states = torch.relu(norm(convolution(states)))
    assert torch.allclose(head(features, torch.full((2,), 7)), head.linear(states.mean(2)), atol=1e-6)


def test_options_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"tc5\.kernel must be odd"):
        TC5Options(kernel=4)
    with pytest.raises(ValueError, match=r"tc5\.epochs must be 1 or more"):
        TC5Options(epochs=0)
    with pytest.raises(TypeError):
        TC5Options(rate=100)  # type: ignore[call-arg]
