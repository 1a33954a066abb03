"""Log-mel and MFCC features (also the liftered MFCC of SyncNet)."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.clip import SAMPLE_RATE

WINDOW = SAMPLE_RATE * 25 // 1000  # 400 samples: 25 ms


HOP = SAMPLE_RATE * 10 // 1000  # 160 samples: 10 ms, so four hops make one video frame of 640 samples


N_FFT = 512  # the next power of two: bins 31.25 Hz apart


FLOOR = 1e-6  # power added before the logarithm: 20 dB above the 16-bit rounding noise in a bin


Framing = Literal["centred", "valid"]


class LogMel(nn.Module):
    """Natural logarithm of the power in mel bands, every 10 ms over Hann windows of 25 ms.

    Two framings. ``centred`` (default): frame m covers the samples [160 m - 120, 160 m + 280) around 160 m + 80. So
    N = 640 T samples give exactly 4 T frames, and frames 4 t .. 4 t + 3 are symmetric in video frame t. Windows extend
    120 samples (7.5 ms) over either end of the audio, which is padded by reflection: zeros would add a click there, by
    which a network could recognise the edge. ``valid``: frame m covers [160 m, 160 m + 400) without padding, giving
    (N - 400) // 160 + 1 frames.

    Always computed in float32, regardless of autocast; differentiable. Real FFT of unfolded windows: on one CPU core
    2.5 times faster than `torch.stft` and 4 times faster than a product with the DFT matrix.
    """

    window: Tensor
    filters: Tensor
    centres_hz: Tensor

    def __init__(
        self,
        n_mels: int = 40,
        fmin: float = 0.0,
        fmax: float = SAMPLE_RATE / 2,
        framing: Framing = "centred",
    ) -> None:
        """Create the window and the filters.

        Args:
            n_mels: number of bands
            fmin: lower edge of the lowest band, Hz
            fmax: upper edge of the highest band, Hz
            framing: ``centred`` or ``valid``, see above

        Raises:
            ValueError: a band is so narrow that it contains no FFT bin, or the framing is unknown
        """
        super().__init__()
        if framing not in ("centred", "valid"):
            raise ValueError(f"framing must be 'centred' or 'valid', not {framing!r}")
        self.n_mels = n_mels
        self.framing = framing
        filters = mel_filters(n_mels, fmin, fmax)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.register_buffer("centres_hz", torch.from_numpy(band_edges(n_mels, fmin, fmax)[1:-1]), persistent=False)

    def frames(self, samples: int) -> int:
        """Return the number of frames for this many samples."""
        if self.framing == "centred":
            samples += WINDOW - HOP
        return max(0, (samples - WINDOW) // HOP + 1)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the log-mel of a batch: float (B, N) in [-1, 1] at 16 kHz -> float32 (B, frames, n_mels)."""
        with torch.autocast(audio.device.type, enabled=False):
            audio = audio.float()
            if self.framing == "centred":
                reach = (WINDOW - HOP) // 2
                audio = nn.functional.pad(audio[:, None], (reach, reach), mode="reflect")[:, 0]
            windows = audio.unfold(-1, WINDOW, HOP) * self.window  # (B, frames, 400)
            spectrum = torch.fft.rfft(windows, n=N_FFT)  # (B, frames, 257)
            power = spectrum.real.square() + spectrum.imag.square()
            return torch.log(power @ self.filters + FLOOR)


def mel_filters(n_mels: int, fmin: float = 0.0, fmax: float = SAMPLE_RATE / 2) -> NDArray[np.float32]:
    """Return triangular filters of height 1, equally spaced on Slaney's mel scale, float32 (257 FFT bins, n_mels)."""
    edges = band_edges(n_mels, fmin, fmax).astype(np.float64)
    bins = np.arange(N_FFT // 2 + 1)[:, None] * (SAMPLE_RATE / N_FFT)  # Hz
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    if not filters.any(axis=0).all():
        raise ValueError(f"{n_mels} mel bands from {fmin:g} to {fmax:g} Hz are too narrow for bins of 31.25 Hz")
    return filters.astype(np.float32)


def band_edges(n_mels: int, fmin: float, fmax: float) -> NDArray[np.float32]:
    """Return edges of overlapping bands in Hz, (n_mels + 2,): band i spans edges i to i + 2 and peaks at i + 1."""
    if not 0 <= fmin < fmax <= SAMPLE_RATE / 2:
        raise ValueError(f"mel bands must lie within 0..{SAMPLE_RATE // 2} Hz, not {fmin:g}..{fmax:g}")
    low, high = hz_to_mel(np.array([fmin, fmax]))
    return mel_to_hz(np.linspace(low, high, n_mels + 2)).astype(np.float32)


# Slaney, "Auditory Toolbox", 1998: linear below 1 kHz, logarithmic above. Chosen over HTK's formula because its low
# bands stay wider than an FFT bin, so 80 bands work as well as 40.
_LINEAR_HZ = 200 / 3  # Hz a mel below the break


_BREAK_HZ = 1000.0


_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ  # 15


_LOG_STEP = np.log(6.4) / 27  # 27 mel from 1 to 6.4 kHz


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Hz to Slaney's mel scale."""
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, above)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney's mel scale to Hz."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, above)


DELTA_REACH = 2  # frames either side, as in HTK


class MFCC(nn.Module):
    """MFCC of Davis and Mermelstein (1980): orthonormal DCT-II of the log-mel bands, c0 first, no lifter.

    Same timing as `LogMel`. With ``deltas``, first and second derivatives are appended (13 -> 39 values per frame),
    each by linear regression over five frames (HTK book, 5.9), repeating the end frames beyond the ends.
    """

    basis: Tensor

    def __init__(
        self,
        n_mfcc: int = 13,
        n_mels: int = 40,
        deltas: bool = False,
        framing: Framing = "centred",
        fmax: float = SAMPLE_RATE / 2,
    ) -> None:
        """Create the transform from ``n_mels`` bands up to ``fmax`` Hz to ``n_mfcc`` coefficients."""
        super().__init__()
        if n_mfcc > n_mels:
            raise ValueError(f"{n_mfcc} coefficients cannot come from {n_mels} mel bands")
        self.deltas = deltas
        self.logmel = LogMel(n_mels, fmax=fmax, framing=framing)
        self.register_buffer("basis", dct_basis(n_mels)[:, :n_mfcc].contiguous(), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the MFCC of float (B, N) at 16 kHz -> float32 (B, frames, n_mfcc), or 3 n_mfcc with deltas."""
        bands = self.logmel(audio)
        with torch.autocast(audio.device.type, enabled=False):
            cepstra: Tensor = bands @ self.basis
            if not self.deltas:
                return cepstra
            slopes = slope(cepstra)
            return torch.cat([cepstra, slopes, slope(slopes)], dim=-1)


def dct_basis(n: int) -> Tensor:
    """Return the orthonormal DCT-II, float32 (n inputs, n outputs): x @ basis transforms."""
    positions = torch.arange(n, dtype=torch.float64)[:, None] + 0.5
    basis = math.sqrt(2 / n) * torch.cos(math.pi / n * positions * torch.arange(n, dtype=torch.float64))
    basis[:, 0] = math.sqrt(1 / n)
    return basis.float()


def slope(features: Tensor) -> Tensor:
    """Return the regression slope per frame of (B, frames, D): sum_k k (x[t+k] - x[t-k]) / (2 sum_k k^2)."""
    frames = features.shape[1]
    padded = torch.cat([features[:, :1]] * DELTA_REACH + [features] + [features[:, -1:]] * DELTA_REACH, dim=1)
    total = torch.zeros_like(features)
    for k in range(1, DELTA_REACH + 1):
        later = padded[:, DELTA_REACH + k : DELTA_REACH + k + frames]
        earlier = padded[:, DELTA_REACH - k : DELTA_REACH - k + frames]
        total = total + k * (later - earlier)
    return total / (2 * sum(k * k for k in range(1, DELTA_REACH + 1)))


BANDS = 26


PREEMPHASIS = 0.97


LIFTER = 22  # HTK book, 5.3: raises the small cepstra of higher order towards the others


FULL_SCALE = 32768.0  # the weights expect 16-bit integer samples


SMALLEST = float(np.finfo(np.float64).eps)  # replaces a power of 0, which has no logarithm


class LifteredMFCC(nn.Module):
    """13 cepstra every 10 ms over rectangular windows of 25 ms, with the defaults of python_speech_features.

    Pre-emphasis, power over 512 points, 26 triangles on HTK's mel scale whose corners are rounded down to bins,
    orthonormal DCT, lifter; the logarithm of the frame's energy replaces c0. It differs from
    `seehear.audio.spectrum.MFCC` in every one of these.

    Frame m covers the samples [160 m, 160 m + 400): 640 T samples give 4 T frames, the last of which extends 15 ms into
    silence after the end. (The package ends a frame earlier.) So the four frames of a video frame are 7.5 ms later than
    those of `LogMel`; the weights were trained with that, so it causes no delay.

    Computed in float32, regardless of autocast.
    """

    filters: Tensor
    basis: Tensor

    def __init__(self, cepstra: int = 13) -> None:
        """Create filters and transform."""
        super().__init__()
        if not 1 <= cepstra <= BANDS:
            raise ValueError(f"{cepstra} coefficients cannot come from {BANDS} mel bands")
        lifter = 1 + LIFTER / 2 * torch.sin(math.pi * torch.arange(cepstra) / LIFTER)
        self.register_buffer("filters", torch.from_numpy(bin_triangles(BANDS)), persistent=False)
        self.register_buffer("basis", dct_basis(BANDS)[:, :cepstra] * lifter, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the cepstra of a batch: float (B, 640 T) in [-1, 1] at 16 kHz -> float32 (B, 4 T, cepstra)."""
        with torch.autocast(audio.device.type, enabled=False):
            audio = FULL_SCALE * audio.float()
            emphasised = torch.cat([audio[:, :1], audio[:, 1:] - PREEMPHASIS * audio[:, :-1]], dim=1)
            windows = F.pad(emphasised, (0, WINDOW - HOP)).unfold(-1, WINDOW, HOP)  # (B, 4 T, 400)
            spectrum = torch.fft.rfft(windows, n=N_FFT)
            power = (spectrum.real.square() + spectrum.imag.square()) / N_FFT  # (B, 4 T, 257)
            cepstra = _log(power @ self.filters) @ self.basis
            return torch.cat([_log(power.sum(-1, keepdim=True)), cepstra[..., 1:]], dim=-1)


def _log(power: Tensor) -> Tensor:
    return torch.where(power > 0, power, SMALLEST).log()


def bin_triangles(bands: int) -> NDArray[np.float32]:
    """Return triangles between FFT bins, equally spaced on HTK's mel scale before rounding, float32 (257, bands)."""
    highest = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)
    corners = np.floor((N_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(N_FFT // 2 + 1)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    inside = (bins >= low) & (bins < high)
    return np.where(inside, np.where(bins < middle, rising, falling), 0).astype(np.float32)
