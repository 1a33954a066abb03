"""Log-mel spectrogram, timed so that four of its frames make one video frame."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.clip import SAMPLE_RATE

WINDOW = SAMPLE_RATE * 25 // 1000  # 400 samples: 25 ms
HOP = SAMPLE_RATE * 10 // 1000  # 160 samples: 10 ms, so four hops make one video frame of 640 samples
N_FFT = 512  # the next power of two: bins 31.25 Hz apart
FLOOR = 1e-6  # power added before the logarithm: 20 dB above what rounding to 16 bits leaves in a bin

Framing = Literal["centred", "valid"]


class LogMel(nn.Module):
    """Natural logarithm of the power in mel bands, every 10 ms over Hann windows of 25 ms.

    Two framings. ``centred`` (default): frame m sees the samples [160 m - 120, 160 m + 280), centred on 160 m + 80, so
    that N = 640 T samples give exactly 4 T frames and frames 4 t .. 4 t + 3 lie symmetrically in video frame t. Windows
    reach 120 samples (7.5 ms) over either end of the sound, where it is continued by reflection: zeros would put a
    click there, by which a network could recognise the edge. ``valid``: frame m sees [160 m, 160 m + 400), nothing
    beyond the ends, (N - 400) // 160 + 1 frames.

    Always computed in float32, whatever autocast is on; differentiable. Real FFT of unfolded windows: on one CPU core
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
        """Makes the window and the filters.

        Args:
            n_mels: number of bands.
            fmin: lower edge of the lowest band, in Hz.
            fmax: upper edge of the highest band, in Hz.
            framing: ``centred`` or ``valid``, see above.

        Raises:
            ValueError: a band so narrow that no FFT bin falls into it, or an unknown framing.
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
        """Number of frames that so many samples give."""
        if self.framing == "centred":
            samples += WINDOW - HOP
        return max(0, (samples - WINDOW) // HOP + 1)

    def forward(self, audio: Tensor) -> Tensor:
        """Log-mel of a batch: float (B, N) in [-1, 1] at 16 kHz -> float32 (B, frames, n_mels)."""
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
    """Triangular filters of height 1, equally spaced on Slaney's mel scale, float32 (257 FFT bins, n_mels)."""
    edges = band_edges(n_mels, fmin, fmax).astype(np.float64)
    bins = np.arange(N_FFT // 2 + 1)[:, None] * (SAMPLE_RATE / N_FFT)  # Hz
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    if not filters.any(axis=0).all():
        raise ValueError(f"{n_mels} mel bands from {fmin:g} to {fmax:g} Hz are too narrow for bins of 31.25 Hz")
    return filters.astype(np.float32)


def band_edges(n_mels: int, fmin: float, fmax: float) -> NDArray[np.float32]:
    """Edges of overlapping bands in Hz, (n_mels + 2,): band i rises from edge i, peaks at i + 1, ends at i + 2."""
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
    """Slaney's mel scale."""
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, above)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, above)
