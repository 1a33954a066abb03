"""Handcrafted features against slow hand-written ones, and what removing level and means does to them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seehear.audio.spectrum import MFCC, LogMel
from seehear.errors import ModelError
from seehear.nn.handcrafted import EGEMAPS, FEATURE_RECIPES, HANDCRAFTED, EGeMAPS, build_handcrafted
from seehear.nn.interface import SpeechEncoder


def voiced(seconds: float = 0.8, seed: int = 0) -> torch.Tensor:
    """Two recordings of a few harmonics in noise, (2, N)."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 25) * 640) / 16000
    made = []
    for pitch in (110.0, 190.0):
        tone = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in range(1, 12))
        made.append(0.1 * tone * (1 + 0.5 * np.sin(9 * time)) + 0.01 * rng.standard_normal(len(time)))
    return torch.from_numpy(np.array(made, dtype=np.float32))


def slowly_removed(features: NDArray[np.float32], removed: str, statics: int | None) -> NDArray[np.float64]:
    """One recording (T, D), number by number; ``statics`` are the cepstra before the deltas, None for a log-mel."""
    out = features.astype(np.float64)
    steps, width = out.shape
    if removed == "level":
        if statics is None:
            level = sum(out[t, d] for t in range(steps) for d in range(width)) / (steps * width)
            return out - level
        out[:, 0] -= sum(features[t, 0] for t in range(steps)) / steps
    if removed == "means":
        for d in range(width if statics is None else statics):
            out[:, d] -= sum(float(features[t, d]) for t in range(steps)) / steps
    return out


@pytest.mark.parametrize("name", FEATURE_RECIPES)
def test_what_is_removed_is_what_a_slow_loop_removes(name: str) -> None:
    recipe, audio = FEATURE_RECIPES[name], voiced()
    statics = recipe.cepstra or None
    top = recipe.highest_hz
    transform = MFCC(recipe.cepstra, recipe.bands, True, fmax=top) if statics else LogMel(recipe.bands, fmax=top)
    found = build_handcrafted(name)(audio)
    for one, plain in zip(found.numpy(), transform(audio).numpy(), strict=True):
        np.testing.assert_allclose(one, slowly_removed(plain, recipe.removed, statics), atol=2e-4)


@pytest.mark.parametrize("name", [name for name, recipe in FEATURE_RECIPES.items() if recipe.removed != "nothing"])
def test_gain_says_nothing_where_the_level_is_removed(name: str) -> None:
    """But for the floor of the log-mel, far below these sounds."""
    encoder, plain = build_handcrafted(name), build_handcrafted(name.split("-nolevel")[0].split("-cmn")[0])
    audio = 0.3 * voiced()
    moved = (encoder(audio) - encoder(2 * audio)).abs().mean()
    assert moved < 0.1 * (plain(audio) - plain(2 * audio)).abs().mean()


@pytest.mark.parametrize("name", ["logmel-cmn", "mfcc-cmn"])
def test_a_microphone_says_nothing_where_means_are_removed(name: str) -> None:
    encoder, plain = build_handcrafted(name), build_handcrafted(name.removesuffix("-cmn"))
    audio = voiced()
    duller = torch.nn.functional.conv1d(audio[:, None], torch.tensor([[[0.3, 0.7, 0.0]]]), padding="same")[:, 0]
    inner = slice(4, -4)
    moved = (encoder(audio) - encoder(duller))[:, inner].abs().mean()
    assert moved < 0.3 * (plain(audio) - plain(duller))[:, inner].abs().mean()


@pytest.mark.parametrize("name", ["logmel-4k", "mfcc-4k"])
def test_nothing_above_4_khz_is_heard(name: str) -> None:
    audio = voiced()
    hiss = torch.sin(torch.arange(audio.shape[1]) * (2 * np.pi * 6000 / 16000)) * 0.05
    narrow, wide = build_handcrafted(name), build_handcrafted(name.removesuffix("-4k"))
    inner = slice(4, -4)  # where it begins and ends it is heard everywhere
    assert (narrow(audio + hiss) - narrow(audio))[:, inner].abs().max() < 0.5
    assert (wide(audio + hiss) - wide(audio))[:, inner].abs().max() > 2


def test_bands_below_4_khz_are_as_wide_as_those_of_all() -> None:
    wide, narrow = (build_handcrafted(name).transform.centres_hz for name in ("logmel", "logmel-4k"))  # type: ignore[union-attr]
    assert narrow[10] / wide[10] == pytest.approx(1, abs=0.03)
    assert narrow[-1] < 4000


def test_all_have_recipes_or_are_opensmiles() -> None:
    assert set(HANDCRAFTED) == {*FEATURE_RECIPES, EGEMAPS}
    assert len(HANDCRAFTED) == len(FEATURE_RECIPES) + 1


def egemaps() -> SpeechEncoder:
    pytest.importorskip("opensmile", reason="openSMILE is not installed (extra egemaps)")
    return build_handcrafted(EGEMAPS).eval()


def test_egemaps_is_what_opensmile_gives() -> None:
    opensmile = pytest.importorskip("opensmile", reason="openSMILE is not installed (extra egemaps)")
    encoder, audio = egemaps(), voiced()
    states = encoder.layer_outputs(audio)
    assert {name: tuple(state.shape) for name, state in states.items()} == {
        "functionals": (2, 80, 88),
        "lld": (2, 80, 25),
    }
    assert states["lld"].isfinite().all()
    for level, name in (("Functionals", "functionals"), ("LowLevelDescriptors", "lld")):
        smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel[level])
        expected = smile.process_signal(audio[1].numpy(), 16000).to_numpy()
        first = 0 if name == "functionals" else (80 - len(expected)) // 2
        found = states[name][1, first : first + len(expected)].numpy()
        np.testing.assert_array_equal(found, expected.astype(np.float32))
    assert torch.equal(states["functionals"][:, 0], states["functionals"][:, -1])
    assert torch.equal(encoder.layer_outputs(audio[:1])["lld"], states["lld"][:1])  # whoever is beside it


def test_egemaps_takes_the_shortest_sound_and_silence() -> None:
    encoder = egemaps()
    assert encoder(voiced(0.04)).shape == (2, 4, 25)
    assert encoder(torch.zeros(1, 640)).isfinite().all()


def test_egemaps_without_its_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    monkeypatch.setattr("seehear.nn.handcrafted.installed", lambda: False)
    with pytest.raises(ModelError, match=r"egemaps needs the package opensmile.*seehear\[egemaps\].*leave egemaps out"):
        EGeMAPS()


def test_handcrafted_features_come_100_a_second_without_parameters() -> None:
    for name in (name for name in HANDCRAFTED if name in FEATURE_RECIPES):
        encoder = build_handcrafted(name)
        (width,) = encoder.layers.values()
        assert encoder(voiced()).shape == (2, 80, width)
        assert list(encoder.layers) == [name]
        assert encoder.per_frame == 4
        assert not list(encoder.parameters())
    assert (build_handcrafted("mfcc").dim, build_handcrafted("logmel").dim) == (39, 80)
