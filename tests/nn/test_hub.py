"""Models of transformers, tiny and made here: loaded as theirs are, and giving what they themselves give."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seehear.errors import ModelError
from seehear.nn.embed import embed_audio
from seehear.nn.external import has_weights, init_external, load_external
from seehear.nn.hub import AROUND, LONGEST

transformers = pytest.importorskip("transformers", reason="needs the extra transformers")

SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
KINDS = ["Wav2Vec2", "Hubert", "WavLM", "Data2VecAudio"]


def made(folder: Path, kind: str = "Wav2Vec2", normalise: bool = True, **more: Any) -> Path:
    """A model with random weights, saved as models are saved."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**SHAPE | more)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("models") / "wav2vec2")


def wave(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 + 0.05 * np.random.default_rng(seed).standard_normal(round(16000 * seconds))).astype(np.float32)


def theirs(folder: Path, sound: np.ndarray) -> Any:
    """What one gets without us."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    given = extractor(sound, sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        return model(given.input_values, output_hidden_states=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stable", [False, True])
def test_features_are_what_the_model_gives(kind: str, stable: bool, tmp_path: Path) -> None:
    norm = "layer" if stable else "group"
    made(tmp_path, kind, normalise=stable, do_stable_layer_norm=stable, feat_extract_norm=norm)
    encoder = load_external(f"transformers:{tmp_path}")
    assert (encoder.rate, encoder.layers, encoder.default_layer) == (50, dict.fromkeys("0123", 16), "3")
    sound = wave(0.96)  # 24 video frames
    expected = theirs(tmp_path, sound)
    with torch.no_grad():
        found = encoder(torch.from_numpy(sound)[None])
        below = encoder(torch.from_numpy(sound)[None], "1")
    assert found.shape == (1, 48, 16)
    torch.testing.assert_close(found[:, :47], expected.last_hidden_state, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(below[:, :47], expected.hidden_states[1], atol=1e-5, rtol=1e-4)
    assert torch.equal(found[:, 47], found[:, 46])


def test_silence_behind_a_recording_is_not_normalised_along(folder: Path) -> None:
    sound = torch.from_numpy(wave(0.94))
    padded = torch.zeros(2, 24 * 640)
    padded[0, : len(sound)] = sound
    padded[1] = torch.from_numpy(wave(0.96, seed=1))
    encoder = load_external(f"transformers:{folder}")
    heard = encoder._normalised(padded)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    expected = extractor(sound.numpy(), sampling_rate=16000).input_values[0]
    np.testing.assert_allclose(heard[0, : len(sound)], expected, atol=1e-5)
    assert not heard[0, len(sound) :].any()
    assert not encoder._normalised(torch.zeros(1, 640)).any()  # digital silence


def test_a_layer_can_be_named(folder: Path) -> None:
    encoder = load_external(f"transformers:{folder}@1")
    sound = torch.from_numpy(wave(0.4))[None]
    with torch.no_grad():
        assert encoder.default_layer == "1"
        assert torch.equal(encoder(sound), encoder.layer_outputs(sound)["1"])


def test_other_strides_are_other_rates(tmp_path: Path) -> None:
    made(tmp_path, conv_dim=(8,) * 3, conv_stride=(5, 4, 8), conv_kernel=(10, 8, 8))
    encoder = load_external(f"transformers:{tmp_path}")
    assert encoder.rate == 100
    with torch.no_grad():
        assert encoder(torch.from_numpy(wave(0.4))[None]).shape == (1, 40, 16)


def test_a_rate_between_comes_to_one_that_read_outs_know(tmp_path: Path) -> None:
    made(tmp_path, conv_dim=(8,) * 2, conv_stride=(14, 16), conv_kernel=(14, 16))  # 71.4 a second, no time lost
    encoder = load_external(f"transformers:{tmp_path}")
    sound = torch.from_numpy(wave(0.96))
    expected = theirs(tmp_path, sound.numpy()).last_hidden_state[0]
    with torch.no_grad():
        found = encoder(sound[None])[0]
    assert encoder.rate == 50
    assert found.shape == (48, 16)
    step = 320 / 224  # of their features in one of 20 ms; slot 7 is from 10 to 11.43
    mean = (expected[10] + (8 * step - 11) * expected[11]) / step
    torch.testing.assert_close(found[7], mean, atol=1e-5, rtol=1e-4)


def test_long_recordings_are_heard_in_pieces(folder: Path) -> None:
    encoder = load_external(f"transformers:{folder}")
    frames = LONGEST + 50
    sound = wave(frames / 25)
    found = embed_audio(encoder, sound, 16000)
    assert found.shape == (2 * frames, 16)
    heard = encoder._normalised(torch.from_numpy(sound)[None])
    with torch.inference_mode():
        expected = encoder._states(heard[:, (500 - AROUND) * 640 :])["3"][0, 2 * AROUND :]
    np.testing.assert_allclose(found[1000:], expected, atol=1e-5)


def test_untrained_is_the_same_shape_by_a_seed(folder: Path) -> None:
    name = f"transformers:{folder}@2"
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(init_external(name))
    sound = torch.from_numpy(wave(0.4))[None]
    with torch.no_grad():
        first, again, other = (encoder(sound) for encoder in drawn)
    assert has_weights(name)
    assert drawn[0].default_layer == "2"
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_masks_and_skips_nothing(tmp_path: Path) -> None:
    """Masks are drawn from numpy's random numbers, which no seed of ours decides; a skipped layer has no features."""
    made(tmp_path, mask_time_prob=0.5, mask_time_length=2, layerdrop=1.0)
    encoder = load_external(f"transformers:{tmp_path}").train()
    sound = torch.from_numpy(wave(0.4)).repeat(2, 1)
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        found.append(encoder(sound))
    assert torch.equal(*found)
    found[0].sum().backward()
    assert all(weight.grad is not None for weight in encoder.model.encoder.parameters())


def test_old_checkpoints_are_read_and_never_run(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    old = tmp_path / "old"
    shutil.copytree(folder, old)
    state = load_file(old / "model.safetensors")
    (old / "model.safetensors").unlink()
    torch.save(state, old / "pytorch_model.bin")
    sound = torch.from_numpy(wave(0.4))[None]
    with torch.no_grad():
        expected = load_external(f"transformers:{folder}")(sound)
        assert torch.equal(load_external(f"transformers:{old}")(sound), expected)
    torch.save(state | {"trap": Trap(tmp_path / "sprung")}, old / "pytorch_model.bin")
    with pytest.raises(ModelError, match="could run code; save them as model"):
        load_external(f"transformers:{old}")
    assert not (tmp_path / "sprung").exists()


class Trap:
    """What makes a folder where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_missing_weights_are_not_made_up(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    state = load_file(tmp_path / "model.safetensors")
    gone = "encoder.layers.2.attention.k_proj.weight"
    del state[gone]
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"{gone}"):
        load_external(f"transformers:{tmp_path}")


def test_what_cannot_be_is_said_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    def said(name: object) -> str:
        with pytest.raises(ModelError) as raised:
            load_external(f"transformers:{name}")
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "no layer '4'; its layers are 0 to 3" in said(f"{folder}@4")
    assert "no layer 'last'" in said(f"{folder}@last")
    assert "there is no folder" in said(tmp_path / "nothing")
    assert "there is no folder ''" in said("")
    assert "cannot be loaded" in said(tmp_path)  # empty
    transformers.BertConfig().save_pretrained(tmp_path / "reads")
    assert "is a bert model" in said(tmp_path / "reads")
    made(tmp_path / "sew", "SEW", conv_stride=(5, 2, 2, 2, 2, 2, 2), conv_kernel=(10, 3, 3, 3, 3, 2, 2))
    assert "is a sew model, whose layers do not all give 50 features a second" in said(tmp_path / "sew")
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "preprocessor_config.json").unlink()
    assert "cannot be loaded" in said(tmp_path / "bare")
    shutil.copytree(folder, tmp_path / "torn")
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"torn")
    assert "cannot be loaded" in said(tmp_path / "torn")
    shutil.copytree(folder, tmp_path / "narrow")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(tmp_path / "narrow")
    assert "at 8000 Hz" in said(tmp_path / "narrow")


BY_NAME = """
from seehear.nn.external import load_external
from seehear.errors import ModelError
encoder = load_external("transformers:somebody/tiny@2")
print(encoder.default_layer, encoder.rate, len(list(encoder.parameters())))
try:
    load_external("transformers:somebody/else")
except ModelError as error:
    print(error)
"""


def test_models_of_the_hub_go_by_their_names(folder: Path, tmp_path: Path) -> None:
    """From the cache as a download leaves it, in a process that may not ask the network."""
    kept = tmp_path / "hub" / "models--somebody--tiny"
    shutil.copytree(folder, kept / "snapshots" / "abc")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc")
    offline = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", BY_NAME], env=offline, capture_output=True, text=True, check=True)
    found, refused = done.stdout.splitlines()
    assert found == f"2 50 {len(list(load_external(f'transformers:{folder}').parameters()))}"
    assert refused.startswith("transformers:somebody/else cannot be loaded (")
    assert not done.stderr  # nothing is printed that nobody asked for


def test_without_transformers_the_way_out_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'seehear\[transformers\]'"):
        load_external(f"transformers:{folder}")
