"""Encoders of speech: one pass is what a slow loop gives, pieces are what one pass gives, and the papers' counts."""

import pytest
import torch
from torch import nn

from seehear.errors import ModelError
from seehear.nn import ENCODERS, build_encoder, complete_options
from seehear.nn.speech import WINDOW

SAMPLES = 640
SMALL = {
    "small": {"channels": [8, 8, 8, 16], "width": 16, "dim": 12},
    "waveform": {"dim": 12, "hidden": 10},
    "logmel-gru": {"hidden": 10},
    "resnet1d": {"width": 4},
}
assert set(SMALL) | {"vggm"} == set(ENCODERS["speech"])  # vggm: too large for these tests, see test_vggm.py
VARIANTS = [
    *SMALL.items(),
    ("small", SMALL["small"] | {"gru": 2, "bands": 40, "temporal": [5], "dilations": [2]}),
    ("logmel-gru", {"hidden": 10, "frames": "last", "projection": True}),
]


def sound(clips: int, frames: int) -> torch.Tensor:
    return 0.1 * torch.randn(clips, frames * SAMPLES, generator=torch.Generator().manual_seed(0))


def made(name: str, options: dict) -> nn.Module:
    """With batch norms that have seen something, so that they are no identity."""
    torch.manual_seed(0)
    encoder = build_encoder("speech", name, options)
    for _ in range(3):
        encoder(sound(4, 12))
    return encoder.eval()


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_every_layer_has_its_width_and_25_features_a_second(name, options):
    encoder = made(name, options)
    audio = sound(2, 17)
    states = encoder.layer_outputs(audio)
    assert {layer: tuple(values.shape) for layer, values in states.items()} == {
        layer: (2, 17, width) for layer, width in encoder.layers.items()
    }
    torch.testing.assert_close(encoder(audio), states[encoder.default_layer])
    first = next(iter(encoder.layers))
    torch.testing.assert_close(encoder(audio, first), states[first])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
@pytest.mark.parametrize("frames", [9, 20])
def test_pieces_joined_are_one_pass(name, options, frames):
    encoder = made(name, options)
    audio = sound(1, 47)
    for layer in encoder.layers:
        pieces = list(encoder.stream(audio, layer, frames))
        assert len(pieces) == -(-47 // frames)
        torch.testing.assert_close(torch.cat(pieces, 1), encoder(audio, layer), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_every_layer_in_one_pass_is_each_layer_by_itself(name, options, monkeypatch):
    encoder = made(name, options)
    audio = sound(2, 47)
    expected = {layer: encoder(audio, layer) for layer in encoder.layers}
    passes = []
    local = encoder.local
    monkeypatch.setattr(encoder, "local", lambda piece: passes.append(1) or local(piece))
    found = encoder.all_layers(audio)
    assert list(found) == list(encoder.layers)
    for layer, features in found.items():
        torch.testing.assert_close(features, expected[layer], atol=1e-5, rtol=1e-4)
    assert passes == [1]


@pytest.mark.parametrize("name", SMALL)
def test_long_recordings_go_through_in_pieces_where_nothing_is_learned(name, monkeypatch):
    encoder = made(name, SMALL[name])
    audio, lengths = sound(1, 35), []
    local = encoder.local
    monkeypatch.setattr(encoder, "local", lambda piece: lengths.append(piece.shape[1] // SAMPLES) or local(piece))
    expected = encoder(audio)
    assert lengths == [35]
    monkeypatch.setattr("seehear.nn.interface.CHUNK_FRAMES", 10)
    with torch.no_grad():
        torch.testing.assert_close(encoder(audio), expected, atol=1e-5, rtol=1e-4)
        assert len(lengths) == 1 + 4
        with pytest.raises(ValueError, match="not a whole number of video frames"):
            encoder(audio[:, :-1])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_local_part_sees_as_far_as_it_says_and_no_further(name, options):
    encoder = made(name, options)
    audio = sound(1, 61).requires_grad_()
    local = encoder.local(audio)
    local[next(reversed(local))][0, 30].square().sum().backward()
    seen = audio.grad[0].view(61, SAMPLES).abs().sum(1).nonzero().flatten()
    assert 30 in seen
    assert seen.min() >= 30 - encoder.reach
    assert seen.max() <= 30 + encoder.reach
    assert seen.max() >= 30 + encoder.reach - 1  # the reach is no guess


@pytest.mark.parametrize("name", ["waveform", "logmel-gru"])
def test_causal_encoders_know_nothing_later_than_their_reach(name):
    encoder = made(name, SMALL[name])
    assert encoder.causal
    audio = sound(1, 30)
    changed = audio.clone()
    changed[:, (10 + encoder.reach) * SAMPLES :] = 0
    torch.testing.assert_close(encoder(audio)[:, :10], encoder(changed)[:, :10])
    assert not torch.allclose(encoder(audio)[:, 20:], encoder(changed)[:, 20:])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_in_evaluation_clips_know_nothing_of_their_neighbours(name, options):
    encoder = made(name, options)
    audio = sound(3, 12)
    torch.testing.assert_close(encoder(audio)[1:2], encoder(audio[1:2]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_gradients_reach_every_parameter(name, options):
    encoder = made(name, options).train()
    encoder(sound(2, 12), encoder.last_layer).square().sum().backward()
    assert [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_all_windows_at_once_are_what_a_loop_over_windows_gives():
    encoder = made("waveform", SMALL["waveform"])
    audio = sound(1, 11)
    padded = torch.cat([torch.zeros(1, 1280), audio, torch.zeros(1, 1280)], dim=1)
    slow = []
    for frame in range(11):
        middle = 1280 + frame * SAMPLES + SAMPLES // 2
        window = padded[:, middle - WINDOW // 2 : middle + WINDOW // 2]
        slow.append(encoder.window(window.unsqueeze(1))[..., 0])
    torch.testing.assert_close(encoder(audio, "window"), torch.stack(slow, 1), atol=1e-5, rtol=1e-4)


def test_the_waveform_table_is_the_papers():
    lengths, values = [], torch.zeros(1, 1, WINDOW)
    encoder = build_encoder("speech", "waveform").eval()
    for layer in encoder.window:
        values = layer(values)
        if isinstance(layer, nn.Conv1d):
            lengths.append((values.shape[1], values.shape[2]))
    assert lengths == [(16, 200), (32, 100), (64, 50), (128, 25), (256, 5), (256, 1)]


def test_stacked_layers_are_the_librarys_gru():
    """Layers that can be read one by one are no other function."""
    encoder = made("logmel-gru", SMALL["logmel-gru"])
    whole = nn.GRU(80, 10, num_layers=3, batch_first=True)
    for depth, layer in enumerate(encoder.recurrent.stack):
        for name, values in layer.named_parameters():
            getattr(whole, name.replace("_l0", f"_l{depth}")).data.copy_(values.data)
    mel = encoder.logmel(sound(2, 9))
    torch.testing.assert_close(encoder.frames100(mel), whole(encoder.normalise(mel))[0])
    expected = whole(encoder.normalise(mel))[0].view(2, 9, 4, 10).mean(2)
    torch.testing.assert_close(encoder(sound(2, 9)), expected)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_as_many_parameters_as_the_papers_count():
    """2007.04134, appendix: 3 848 576, and for the log-mel GRU 4 065 282, two outputs of the odd task with it."""
    assert count(build_encoder("speech", "resnet1d")) == 3_848_576
    assert count(build_encoder("speech", "logmel-gru")) + count(nn.Linear(512, 2)) == 4_065_282


def test_normalising_by_the_clip_takes_loudness_out_and_cannot_be_cut():
    options = SMALL["small"] | {"normalise": "clip"}
    encoder = made("small", options)
    assert encoder.reach is None
    assert encoder.context is None
    audio = sound(1, 40)
    pieces = list(encoder.stream(audio, frames=10))
    torch.testing.assert_close(torch.cat(pieces, 1), encoder(audio))
    soft, loud = (encoder.logmel(gain * audio) for gain in (1, 4))
    torch.testing.assert_close(encoder.normalise(soft), encoder.normalise(loud), atol=1e-2, rtol=0)
    fixed = made("small", SMALL["small"])
    assert (fixed.normalise(loud) - fixed.normalise(soft)).mean() > 0.5


def test_context_is_given_where_pieces_alone_suffice():
    assert build_encoder("speech", "resnet1d", {"width": 4}).context == 1
    small = build_encoder("speech", "small", SMALL["small"])
    assert small.context == small.reach
    assert build_encoder("speech", "small", SMALL["small"] | {"gru": 1}).context is None
    assert build_encoder("speech", "waveform", SMALL["waveform"]).context is None


def test_full_options_rebuild_the_encoder():
    for name, options in SMALL.items():
        full = complete_options("speech", name, options)
        assert build_encoder("speech", name, full).layers == build_encoder("speech", name, options).layers
        assert set(full) >= set(options)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("big", {}, "there are small, waveform, logmel-gru, resnet1d, vggm"),
        ("small", {"depth": 3}, "no option 'depth'"),
        ("small", {"temporal": [2], "dilations": [1]}, "must be odd"),
        ("small", {"temporal": [3], "dilations": []}, "same length"),
        ("small", {"strides": [[2, 1], [2, 2], [2, 1], [2, 1]]}, "multiply to 2"),
        ("logmel-gru", {"hidden": 0}, "sound.hidden must be 1"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(name, options, says):
    with pytest.raises(ModelError, match=says):
        build_encoder("speech", name, options)


def test_sound_that_ends_within_a_frame_is_refused():
    for name in ENCODERS["speech"]:
        with pytest.raises(ValueError, match="not a whole number of video frames"):
            build_encoder("speech", name, SMALL.get(name, {}))(torch.zeros(1, 1000))
