"""Log-mel against a slow oracle, against stored values of another implementation, and its timing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.audio.spectrum import LogMel, band_edges, hz_to_mel, mel_filters, mel_to_hz

REFERENCE = json.loads((Path(__file__).parent / "reference.json").read_text())


def chirp(samples: int = 6400) -> torch.Tensor:
    """A deterministic test sound: a rising tone with a second, quieter one; (1, samples)."""
    t = np.arange(samples) / 16000
    sound = 0.5 * np.sin(2 * np.pi * (200 * t + 4000 * t**2)) + 0.01 * np.sin(2 * np.pi * 3000 * t)
    return torch.from_numpy(sound.astype(np.float32))[None]


def slow_mel(hz: float) -> float:
    return hz / (200 / 3) if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)


def slow_filter(bin_hz: float, low: float, peak: float, high: float) -> float:
    if low < bin_hz <= peak:
        return (bin_hz - low) / (peak - low)
    if peak < bin_hz < high:
        return (high - bin_hz) / (high - peak)
    return 0.0


def slow_logmel(sound: np.ndarray, n_mels: int, first_sample: int, frames: int) -> np.ndarray:
    """By the definition: explicit DFT, loops, float64. Sound beyond the ends is reflected."""
    inverse = {round(slow_mel(hz), 9): hz for hz in np.arange(0, 8000.001, 0.5)}
    mels, hertz = np.array(list(inverse)), np.array(list(inverse.values()))
    edges = np.interp(np.linspace(0, slow_mel(8000), n_mels + 2), mels, hertz)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    period = 2 * (len(sound) - 1)
    out = np.zeros((frames, n_mels))
    for m in range(frames):
        index = np.abs(np.arange(first_sample + 160 * m, first_sample + 160 * m + 400)) % period
        piece = sound[np.minimum(index, period - index)] * window
        power = [abs(np.sum(piece * np.exp(-2j * np.pi * k * np.arange(400) / 512))) ** 2 for k in range(257)]
        for b in range(n_mels):
            weights = [slow_filter(k * 31.25, *edges[b : b + 3]) for k in range(257)]
            out[m, b] = np.log(np.dot(weights, power) + 1e-6)
    return out


@pytest.mark.parametrize(("framing", "first"), [("centred", -120), ("valid", 0)])
def test_matches_the_definition(framing: str, first: int) -> None:
    sound = chirp(1920)
    fast = LogMel(20, framing=framing)(sound)[0].numpy()
    np.testing.assert_allclose(fast, slow_logmel(sound[0].double().numpy(), 20, first, len(fast)), atol=2e-3)


def test_matches_stored_reference() -> None:
    valid = LogMel(40, framing="valid")(chirp())[0]
    np.testing.assert_allclose(valid[REFERENCE["frames"]].numpy(), REFERENCE["logmel"], atol=2e-3)


def test_filters_match_stored_reference() -> None:
    np.testing.assert_allclose(mel_filters(40).sum(axis=0), REFERENCE["filter_sums"], rtol=1e-4)


@given(st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_four_frames_a_video_frame(video_frames: int) -> None:
    mel = LogMel(8)
    out = mel(torch.zeros(2, 640 * video_frames))
    assert out.shape == (2, 4 * video_frames, 8)
    assert mel.frames(640 * video_frames) == 4 * video_frames


def test_frame_count_of_valid_framing() -> None:
    mel = LogMel(8, framing="valid")
    for samples in (400, 559, 560, 6400):
        assert mel(torch.zeros(1, samples)).shape[1] == mel.frames(samples)
    assert mel.frames(399) == 0


@pytest.mark.parametrize("m", [0, 5, 31])
def test_frame_is_centred(m: int) -> None:
    """A click in the middle of window m reaches only frames m - 1 .. m + 1 and those two alike."""
    sound = torch.zeros(1, 640 * 8)
    sound[0, 160 * m + 80] = 1.0
    energy = (LogMel(40)(sound)[0] + 13.8).sum(dim=1)
    assert int(energy.argmax()) == m
    if 0 < m < 31:
        assert energy[m - 1] == pytest.approx(float(energy[m + 1]), rel=1e-3)
        assert float(energy[[i for i in range(32) if abs(i - m) > 1]].max()) < 0.6


def test_time_reversal_is_symmetric() -> None:
    """Centred framing treats both directions of time alike, but for the one sample a periodic window leans."""
    rng = torch.Generator().manual_seed(0)
    sound = torch.randn(1, 6400, generator=rng)
    forward, backward = LogMel(20)(sound), LogMel(20)(sound.flip(1)).flip(1)
    assert float((forward - backward).abs().median()) < 0.05


def test_silence_sits_on_the_floor() -> None:
    torch.testing.assert_close(LogMel(40)(torch.zeros(1, 640)), torch.full((1, 4, 40), float(np.log(1e-6))))


def test_gradient_and_float32_under_autocast() -> None:
    sound = chirp(1280).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = LogMel(40)(sound)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, LogMel(40)(chirp(1280)))
    out.sum().backward()
    assert sound.grad is not None
    assert bool(torch.isfinite(sound.grad).all())


def test_mel_scale_inverts() -> None:
    hz = np.linspace(0, 8000, 101)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-9)


def test_bands_of_80_have_bins_and_too_many_do_not() -> None:
    assert mel_filters(80).shape == (257, 80)
    with pytest.raises(ValueError, match="too narrow"):
        mel_filters(200)
    with pytest.raises(ValueError, match=r"0\.\.8000"):
        band_edges(40, 0, 9000)
    with pytest.raises(ValueError, match="framing"):
        LogMel(framing="other")  # type: ignore[arg-type]
