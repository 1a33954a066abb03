"""Every pair of encoders: stride 1, each of its own surroundings, whatever the clip around it."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
from torch import nn

from seehear.errors import ModelError
from seehear.nn import ENCODERS, EncoderKind, build_encoder, complete_options
from seehear.nn.interface import FaceEncoder, LipEncoder, SoundEncoder, StreamedSpeech
from seehear.nn.layers import ReceptiveField, lips_context, receptive_field, sound_context, standardise, trim_to_context

TINY = {
    "small": (
        {"size": 16, "stem_channels": 2, "channels": [3], "strides": [2], "temporal": [3], "dim": 4},
        {"bands": 8, "channels": [2, 3, 3, 3], "temporal": [2, 3], "dim": 4},
    ),
    "base": ({"size": 16, "widths": [2, 2, 2, 2], "dim": 4}, {"bands": 8, "widths": [2, 2, 2, 2], "dim": 4}),
    "paper": ({"dim": 4}, {"dim": 4}),
}


def tiny(name: str) -> tuple[LipEncoder, SoundEncoder]:
    lips, sound = TINY[name]
    return build_encoder("lips", name, lips).eval(), build_encoder("sound", name, sound).eval()


@pytest.fixture(scope="module", params=ENCODERS["lips"].names())
def encoders(request: pytest.FixtureRequest) -> tuple[LipEncoder, SoundEncoder]:
    torch.manual_seed(0)
    return tiny(request.param)


@pytest.fixture(scope="module")
def lips(encoders: tuple[LipEncoder, SoundEncoder]) -> LipEncoder:
    return encoders[0]


@pytest.fixture(scope="module")
def sound(encoders: tuple[LipEncoder, SoundEncoder]) -> SoundEncoder:
    return encoders[1]


def pictures(lips: LipEncoder, frames: int) -> torch.Tensor:
    return torch.rand(1, 3 if lips.colour else 1, frames, lips.size, lips.size)


@torch.no_grad()
@pytest.mark.parametrize("extra", [1, 4])
def test_one_embedding_a_frame_but_for_the_context(lips: LipEncoder, sound: SoundEncoder, extra: int) -> None:
    frames = 2 * lips.context + extra
    assert lips(pictures(lips, frames)).shape == (1, extra, 4)
    frames = 2 * sound.context + extra
    assert sound(torch.randn(1, 4 * frames, sound.bands)).shape == (1, extra, 4)


@torch.no_grad()
def test_whole_clip_equals_window_by_window_for_lips(lips: LipEncoder) -> None:
    video = pictures(lips, 2 * lips.context + 4)
    width = 2 * lips.context + 1
    windows = torch.cat([lips.convolve(video[:, :, start : start + width]) for start in range(4)], dim=1)
    torch.testing.assert_close(lips.convolve(video), windows, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_whole_clip_equals_window_by_window_for_sound(sound: SoundEncoder) -> None:
    mel = torch.randn(1, 4 * (2 * sound.context + 4), sound.bands)
    width = 4 * (2 * sound.context + 1)
    windows = torch.cat([sound.convolve(mel[:, 4 * start : 4 * start + width]) for start in range(4)], dim=1)
    torch.testing.assert_close(sound.convolve(mel), windows, rtol=1e-4, atol=1e-5)


def test_an_embedding_sees_equally_far_to_both_sides(lips: LipEncoder, sound: SoundEncoder) -> None:
    lips, sound = copy.deepcopy(lips), copy.deepcopy(sound)
    for parameter in [*lips.parameters(), *sound.parameters()]:
        parameter.data.abs_()  # with positive inputs, no ReLU is closed
    lips_frames, sound_frames = 2 * lips.context + 5, 2 * sound.context + 5
    video = pictures(lips, lips_frames).requires_grad_()
    lips.convolve(video)[0, 2].sum().backward()
    mel = torch.rand(1, 4 * sound_frames, sound.bands, requires_grad=True)
    sound.convolve(mel)[0, 2].sum().backward()
    assert video.grad is not None
    assert mel.grad is not None
    seen = video.grad.abs().sum((0, 1, 3, 4)).nonzero().flatten()
    assert (seen.min(), seen.max()) == (2, lips_frames - 3)
    heard = mel.grad.abs().sum((0, 2)).nonzero().flatten()
    before, after = 4 * (sound.context + 2) - int(heard.min()), int(heard.max()) - (4 * (sound.context + 2) + 3)
    assert before - after in (0, 1)
    assert before <= 4 * sound.context


def test_brightness_and_loudness_do_not_matter() -> None:
    lips, sound = tiny("small")
    video, mel = pictures(lips, 9), 3 * torch.randn(1, 40, sound.bands)
    torch.testing.assert_close(lips.normalise(video), lips.normalise(0.5 * video + 0.2), rtol=0.1, atol=0.02)
    torch.testing.assert_close(sound.normalise(mel), sound.normalise(mel + 5), rtol=1e-4, atol=1e-4)


def test_standardise_keeps_what_is_flat_near_zero() -> None:
    assert standardise(torch.full((2, 5, 3), 7.0), over=(1,), floor=0.5).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("field", "context", "left", "right"),
    [(20, 2, 0, 0), (12, 1, 0, 0), (19, 2, 0, 1), (14, 2, 3, 3), (4, 0, 0, 0), (36, 4, 0, 0), (21, 3, 3, 4)],
)
def test_sound_context_and_trim(field: int, context: int, left: int, right: int) -> None:
    seen = ReceptiveField(field, 4)
    assert sound_context(seen) == context
    mel = torch.arange(80.0).view(1, 80, 1)
    kept = trim_to_context(mel, seen).flatten()
    assert (kept[0], kept[-1]) == (left, 79 - right)
    assert (len(kept) - field) // 4 + 1 == 20 - 2 * context


def test_span_counts_kernels_and_strides() -> None:
    layers = [nn.Conv1d(1, 1, 5, 2), nn.Sequential(nn.ReLU(), nn.MaxPool1d(3, 2)), nn.Conv1d(1, 1, 3)]
    assert receptive_field(layers, axis=0) == ReceptiveField(5 + 2 * 2 + 2 * 4, 4)


def test_time_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="pads time"):
        receptive_field([nn.Conv1d(1, 1, 3, padding=1)], axis=0)
    with pytest.raises(ValueError, match="stride 1"):
        lips_context([nn.Conv3d(1, 1, (4, 1, 1))])
    with pytest.raises(ValueError, match="25 embeddings"):
        sound_context(ReceptiveField(9, 2))


def test_unknown_names_are_sentences() -> None:
    with pytest.raises(ModelError) as refusal:
        build_encoder("lips", "large")
    assert refusal.value.code == "unknown-lips-encoder"
    assert all(name in str(refusal.value) for name in ("large", *ENCODERS["lips"]))
    with pytest.raises(ModelError, match="SmallLipsOptions has no option 'depth'"):
        build_encoder("lips", "small", {"depth": 3})
    with pytest.raises(ModelError, match="sound encoder 'small'"):
        build_encoder("sound", "small", {"kernels": []})


def test_full_options_say_what_the_defaults_were() -> None:
    lips = complete_options("lips", "small", {"dim": 64})
    assert (lips["dim"], lips["temporal"]) == (64, (3, 3))
    assert complete_options("sound", "small", {})["bands"] == 40
    assert build_encoder("lips", "small", lips).dim == 64


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in ENCODERS for name in ENCODERS[kind]])
def test_a_declaration_fits_what_it_declares(kind: EncoderKind, name: str) -> None:
    declared = ENCODERS[kind][name]
    assert (declared.kind, declared.name) == (kind, name)
    assert declared.summary
    base = {"lips": LipEncoder, "sound": SoundEncoder, "speech": StreamedSpeech, "face": FaceEncoder}[kind]
    assert isinstance(declared.build, type)
    assert issubclass(declared.build, base)
    assert complete_options(kind, name, {}) == asdict(declared.options())


def test_names_are_listed_without_torch() -> None:
    code = "import sys; from seehear.nn import ENCODERS; print(len(ENCODERS['speech']), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(ENCODERS['speech'])} False\n"
