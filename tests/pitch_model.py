"""A model that knows voices by their pitch and faces by their brightness: 100 Hz is as dark as 400 Hz is bright."""

import numpy as np
import torch

from seehear.clip import SAMPLE_RATE
from seehear.models.interface import IdentityModel


class PitchModel(IdentityModel):
    """One octave of pitch is a right angle; a face's brightness stands for a pitch."""

    name = "pitch"
    distance = "cosine"
    dim = 2

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.loss = torch.nn.Identity()
        self.config = {}
        self.heard = 0

    def forward(self, batch, rng=None):
        raise NotImplementedError

    @property
    def speech(self):
        raise NotImplementedError

    @property
    def matching(self):
        return self.loss

    def embed_segments(self, wave, sample_rate, seconds=2.0, hop_s=None):
        self.heard += 1
        return super().embed_segments(wave, sample_rate, seconds, hop_s)

    def embed_voice(self, audio):
        power = torch.fft.rfft(audio, dim=1).abs().square()
        hertz = torch.fft.rfftfreq(audio.shape[1], 1 / SAMPLE_RATE)
        low = (hertz > 80) & (hertz < 450)
        return self.direction(hertz[low][power[:, low].argmax(1)])

    def embed_face(self, faces):
        return self.direction(100 * 4 ** (faces.float().mean((1, 2, 3)) / 255))

    def direction(self, hertz):
        angle = torch.log2(hertz / 100) * np.pi / 2
        return torch.stack([angle.cos(), angle.sin()], 1)


def hum(pitch, seconds, seed):
    """Syllables of a pitch, (N,): loudest at the pitch itself, with harmonics and breath."""
    rng, times = np.random.default_rng(seed), np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * pitch * k * times) / k**0.7 for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 2.2 * times - 0.5) + 0.4, 0, 1)
    return (0.08 * buzz * syllables + 0.001 * rng.standard_normal(len(times))).astype(np.float32)
