"""Functions of somebody else as encoders: what they give, where it belongs in time, and what is said when it is odd."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.errors import ModelError
from seehear.nn.embed import embed_audio
from seehear.nn.external import has_weights, init_external, is_external, load_external

MODULE = """
import numpy as np
import torch

def cut(wave, hop):
    return wave[: len(wave) // hop * hop].reshape(-1, hop)

def levels(wave):
    assert wave.ndim == 1 and wave.dtype == np.float32
    parts = cut(wave, 320)
    return np.stack([np.abs(parts).mean(1), parts.max(1)], 1)

def together(waves):
    batch, samples = waves.shape
    return torch.from_numpy(waves[:, : samples // 640 * 640]).unflatten(1, (-1, 640))[..., :5].double()

def seventy(wave):
    return [[float(part.max())] for part in cut(wave, 16000 // 70)]

def windows(wave):
    return np.lib.stride_tricks.sliding_window_view(wave, 400)[::320, :2]

def once(wave):
    return wave[:7]

def upright(wave):
    return levels(wave).T

def hole(wave):
    return levels(wave) * np.nan

def shy(wave):
    raise RuntimeError("not today\\nnor tomorrow")

def lossy(wave):
    return levels(wave)[:-20]

class Kept:
    levels = staticmethod(levels)

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv1d(1, 3, 640, 640)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, waves):
        batch, samples = waves.shape
        return self.dropout(self.convolution(waves[:, None])).transpose(1, 2)

network = Network()
number = 3
"""


@pytest.fixture(autouse=True)
def ears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ears.py in the folder that one is in."""
    (tmp_path / "ears.py").write_text(MODULE)
    (tmp_path / "needy.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "script.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("ears", "needy", "broken", "script"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def sound(batch: int, frames: int) -> torch.Tensor:
    return 0.1 * torch.randn(batch, 640 * frames, generator=torch.Generator().manual_seed(3))


def test_features_are_what_the_function_gives() -> None:
    encoder = load_external("python:ears:levels@50")
    heard = sound(2, 9)
    assert (encoder.rate, encoder.layers, encoder.default_layer, encoder.training) == (
        50,
        {"features": 2},
        "features",
        False,
    )
    found = encoder(heard)
    assert found.shape == (2, 18, 2)
    parts = heard[1].reshape(-1, 320)
    torch.testing.assert_close(found[1], torch.stack([parts.abs().mean(1), parts.amax(1)], 1))


def test_one_that_takes_batches_and_gives_tensors() -> None:
    encoder = load_external("python:ears:together@25")
    heard = sound(3, 8)
    torch.testing.assert_close(encoder(heard), heard.unflatten(1, (-1, 640))[..., :5])


def test_a_network_is_evaluated_and_not_trained() -> None:
    encoder = load_external("python:ears:network@25")
    heard = sound(2, 8)
    found = encoder(heard)
    assert torch.equal(found, encoder(heard))  # no dropout
    assert not found.requires_grad
    assert found.shape == (2, 8, 3)


def test_what_windows_lose_at_the_end_is_filled() -> None:
    heard = sound(1, 10)
    windows = heard[0].unfold(0, 400, 320)[:, :2]
    found = load_external("python:ears:windows@50")(heard)[0]
    assert (len(windows), len(found)) == (19, 20)
    torch.testing.assert_close(found[:19], windows)
    torch.testing.assert_close(found[19], windows[18])


def test_a_rate_that_is_nearly_one_of_ours() -> None:
    """As what is counted over 20 s of a model that loses one feature at the end."""
    encoder = load_external("python:ears:windows@49.95")
    assert encoder.rate == 50
    assert encoder(sound(1, 500)).shape == (1, 1000, 2)


def test_a_rate_that_no_readout_knows_comes_to_one_that_it_does() -> None:
    encoder = load_external("python:ears:seventy@70")
    heard = torch.zeros(1, 640 * 25)
    heard[0, 8000:] = 0.5  # from half a second on
    found = encoder(heard)[0, :, 0]
    assert encoder.rate == 50
    assert len(found) == 50
    assert found[:24].abs().max() == 0
    assert torch.allclose(found[26:], torch.tensor(0.5))


def test_recordings_of_any_length_and_rate() -> None:
    encoder = load_external("python:ears:Kept.levels@50")
    found = embed_audio(encoder, np.zeros(8000 * 2 + 1, np.float32), 8000)
    assert found.shape == (2 * 51, 2)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ears:levels@25", "@50"),
        ("ears:levels", "write python:MODULE:CALLABLE@RATE"),
        ("ears:levels@", "write python:MODULE:CALLABLE@RATE"),
        ("ears:levels@0", "write python:MODULE:CALLABLE@RATE"),
        ("ears@50", "write python:MODULE:CALLABLE@RATE"),
        ("ears:levels@5.0.0", "write python:MODULE:CALLABLE@RATE"),
        ("ears:nobody@50", r"ears \(.*ears.py\) has no nobody"),
        ("ears:number@50", "number of ears"),
        ("ears:once@50", r"shape \(7,\) for sound of the shape \(64000,\); it must give \(time, width\)"),
        ("ears:upright@50", "features per second, not 50"),
        ("ears:hole@50", "NaN"),
        ("ears:shy@50", "fails on 4 s of audio: RuntimeError: not today"),
        ("ears:lossy@50", "gives 80 features for 2 s of audio, not 100"),
        ("nobody:levels@50", "the module nobody"),
        ("needy:levels@50", "needs the module nothing_of_that_name, which is not installed"),
        ("broken:levels@50", "broken cannot be imported: ZeroDivisionError"),
        ("script:levels@50", "script cannot be imported: SystemExit: 3"),
    ],
)
def test_what_is_odd_is_said_in_a_sentence(name: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as raised:
        load_external(f"python:{name}")
    assert "\n" not in str(raised.value)
    assert f"python:{name}" in str(raised.value)


def test_a_function_cannot_be_drawn_anew() -> None:
    assert is_external("python:ears:levels@50")
    assert not has_weights("python:ears:levels@50")
    assert not is_external("match-small")
    with pytest.raises(ModelError, match="leave out untrained"):
        init_external("python:ears:levels@50")
