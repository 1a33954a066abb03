"""Published SyncNet weights: the same outputs as a plain reference, and a sentence for every other file."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.apps.import_syncnet import import_syncnet
from seehear.apps.sync.measure import measure_sync
from seehear.apps.sync.verdict import Verdict
from seehear.audio.spectrum import LifteredMFCC
from seehear.cli import main
from seehear.errors import ModelError
from seehear.models.store import load_sync_model
from seehear.models.sync import SyncModel

DIM = 24

SOUND = [
    (1, 64, (3, 3)),
    (64, 192, (3, 3)),
    (192, 384, (3, 3)),
    (384, 256, (3, 3)),
    (256, 256, (3, 3)),
    (256, 512, (5, 4)),
]
LIPS = [(3, 96, (5, 7, 7)), (96, 256, (1, 5, 5)), *[(256, 256, (1, 3, 3))] * 3, (256, 512, (1, 6, 6))]
PLACES = (0, 4, 8, 11, 14, 18)


def random_weights(dim: int = DIM) -> dict[str, Tensor]:
    """Names and shapes of the published file, read from the layer table of syncnet_python."""
    rng = torch.Generator().manual_seed(0)

    def draw(*shape: int, low: float = -1.0) -> Tensor:
        return torch.rand(shape, generator=rng) * (1 - low) + low

    state: dict[str, Tensor] = {}

    def norm(name: str, width: int) -> None:
        for part, values in {
            "weight": draw(width, low=0.5),
            "bias": draw(width),
            "running_mean": draw(width),
            "running_var": draw(width, low=0.5),
        }.items():
            state[f"{name}.{part}"] = values

    for stack, table in (("netcnnaud", SOUND), ("netcnnlip", LIPS)):
        for place, (inputs, outputs, kernel) in zip(PLACES, table, strict=True):
            state[f"{stack}.{place}.weight"] = draw(outputs, inputs, *kernel) * math.sqrt(
                3 / (inputs * math.prod(kernel))
            )
            state[f"{stack}.{place}.bias"] = draw(outputs)
            norm(f"{stack}.{place + 1}", outputs)
    for stack in ("netfcaud", "netfclip"):
        state |= {f"{stack}.0.weight": draw(512, 512) / 16, f"{stack}.0.bias": draw(512)}
        norm(f"{stack}.1", 512)
        state |= {f"{stack}.3.weight": draw(dim, 512) / 16, f"{stack}.3.bias": draw(dim)}
    return state


def layer(state: dict[str, Tensor], stack: str, place: int, x: Tensor, **how: object) -> Tensor:
    """Convolution (or linear layer) with its bias, batch norm, ReLU."""
    weight, bias = state[f"{stack}.{place}.weight"], state[f"{stack}.{place}.bias"]
    x = {2: F.linear, 4: F.conv2d, 5: F.conv3d}[weight.ndim](x, weight, bias, **how)
    norm = [state[f"{stack}.{place + 1}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return F.relu(F.batch_norm(x, *norm))


def reference_sound(state: dict[str, Tensor], mfcc: Tensor) -> Tensor:
    """(N, 1, 13, 20) -> (N, dim), as the layer table has it."""
    x = layer(state, "netcnnaud", 0, mfcc, padding=1)
    x = F.max_pool2d(layer(state, "netcnnaud", 4, x, padding=1), 3, (1, 2))
    for place in (8, 11, 14):
        x = layer(state, "netcnnaud", place, x, padding=1)
    x = layer(state, "netcnnaud", 18, F.max_pool2d(x, 3, 2)).flatten(1)
    return F.linear(layer(state, "netfcaud", 0, x), state["netfcaud.3.weight"], state["netfcaud.3.bias"])


def reference_lips(state: dict[str, Tensor], video: Tensor) -> Tensor:
    """(N, 3, 5, 224, 224) BGR 0..255 -> (N, dim)."""
    x = F.max_pool3d(layer(state, "netcnnlip", 0, video, stride=(1, 2, 2)), (1, 3, 3), (1, 2, 2))
    x = layer(state, "netcnnlip", 4, x, stride=(1, 2, 2), padding=(0, 1, 1))
    x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    for place in (8, 11, 14):
        x = layer(state, "netcnnlip", place, x, padding=(0, 1, 1))
    x = layer(state, "netcnnlip", 18, F.max_pool3d(x, (1, 3, 3), (1, 2, 2))).flatten(1)
    return F.linear(layer(state, "netfclip", 0, x), state["netfclip.3.weight"], state["netfclip.3.bias"])


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return random_weights()


@pytest.fixture(scope="module")
def file(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("downloaded") / "syncnet_v2.model"
    torch.save(state, path, _use_new_zipfile_serialization=False)  # as the published one
    return path


@pytest.fixture(scope="module")
def imported(file: Path) -> SyncModel:
    out = file.parent / "run"
    made = import_syncnet(file, out)
    assert (made.ok, made.path, made.source, made.tensors) == (True, out, file, len(random_weights()))
    assert made.to_dict() == {"model": str(out), "source": str(file), "tensors": made.tensors}
    model = load_sync_model(out)
    assert isinstance(model, SyncModel)
    return model


@torch.no_grad()
def test_sound_gives_what_the_reference_gives(imported: SyncModel, state: dict[str, Tensor]) -> None:
    audio = 0.1 * torch.randn(1, 8 * 640, generator=torch.Generator().manual_seed(1))
    mfcc = LifteredMFCC()(audio)[0].T  # (13, 32)
    windows = torch.stack([mfcc[:, 4 * start : 4 * start + 20] for start in range(4)]).unsqueeze(1)
    torch.testing.assert_close(imported.embed_sound(audio)[0], reference_sound(state, windows), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_lips_give_what_the_reference_gives(file: Path, state: dict[str, Tensor], tmp_path: Path) -> None:
    import_syncnet(file, out=tmp_path / "run", crop="as-seen")
    model = load_sync_model(tmp_path / "run")
    video = torch.randint(0, 256, (1, 6, 224, 224, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    bgr = video[0].numpy()[..., ::-1].astype(np.float32)  # as OpenCV would read it
    pictures = torch.from_numpy(np.ascontiguousarray(bgr)).permute(3, 0, 1, 2)
    windows = torch.stack([pictures[:, start : start + 5] for start in range(2)])
    torch.testing.assert_close(model.embed_lips(video)[0], reference_lips(state, windows), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_canonical_crop_takes_its_place_in_the_larger_one(imported: SyncModel) -> None:
    """A bright row and a bright column of the canonical crop lie where the measured geometry says."""
    crop = torch.zeros(1, 3, 1, 224, 224)
    crop[:, :, :, 111:113], crop[..., 0, 111:113, :] = 0, 1
    crop[..., :, 55:57] = 1
    placed = imported.lips.normalise(crop)[0, 0, 0]
    assert placed.max() <= 255.001
    row, column = placed[:, 150].argmax().item(), placed[200].argmax().item()
    assert row / 224 == pytest.approx(0.01 + 0.5 / 1.28, abs=0.01)
    assert column / 224 == pytest.approx((1 - 1 / 1.28) / 2 + 0.25 / 1.28, abs=0.01)


def test_what_it_is_like(imported: SyncModel) -> None:
    assert (imported.dim, imported.context, imported.distance) == (DIM, 2, "euclidean")
    with torch.no_grad():
        assert imported.speech(0.1 * torch.randn(1, 6400)).shape == (1, 10, DIM)
    out = imported.train()({"video": torch.zeros(2, 6, 32, 32, 3, dtype=torch.uint8), "audio": torch.randn(2, 3840)},
                           torch.Generator().manual_seed(0))  # fmt: skip
    imported.eval()
    assert out["loss"].isfinite()


def test_both_formats_of_torch_and_those_that_count_steps(state: dict[str, Tensor], tmp_path: Path) -> None:
    counted = state | {
        name.replace("running_mean", "num_batches_tracked"): torch.tensor(7)
        for name in state
        if name.endswith("running_mean")
    }
    torch.save(counted, tmp_path / "new.pt")
    import_syncnet(tmp_path / "new.pt", out=tmp_path / "run")
    assert load_sync_model(tmp_path / "run").state_dict()["lips.trunk.0.1.num_batches_tracked"] == 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("netcnnlip.9.running_var"), r"lacks netcnnlip\.9\.running_var; give weights"),
        (lambda s: [s.pop(name) for name in list(s) if name.startswith("netfc")], "lacks .* and 15 others"),
        (lambda s: s.update({"netfcspeaker.weight": torch.zeros(1)}), "has more than SyncNet: netfcspeaker.weight;"),
        (
            lambda s: s.update({"netcnnaud.0.weight": torch.zeros(64, 1, 5, 7)}),
            r"shape \(64, 1, 5, 7\), in SyncNet .*3",
        ),
        (lambda s: s.update({"netfcaud.1.bias": torch.full((512,), math.nan)}), "netfcaud.1.bias .* not finite"),
        (lambda s: s.update({"epoch": 3}), "holds more than weights"),
    ],
)
def test_every_other_state_is_a_sentence(state: dict[str, Tensor], tmp_path: Path, change: object, said: str) -> None:
    changed = dict(state)
    change(changed)  # type: ignore[operator]
    torch.save(changed, tmp_path / "other.model")
    with pytest.raises(ModelError, match=said) as raised:
        import_syncnet(tmp_path / "other.model", out=tmp_path / "run")
    assert "other.model" in str(raised.value)
    assert not (tmp_path / "run").exists()


class Malicious:
    """A pickle that would run a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_a_sentence(tmp_path: Path, zipped: bool) -> None:
    torch.save(
        {"netcnnaud.0.weight": Malicious(f"touch {tmp_path / 'ran'}")},
        tmp_path / "evil.model",
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(ModelError, match=r"evil\.model asks to load code \(posix\.system\); nothing in it was run"):
        import_syncnet(tmp_path / "evil.model", out=tmp_path / "run")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02garbage", b"<html>not found</html>", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.model").write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.model cannot be read as weights"):
        import_syncnet(tmp_path / "x.model", out=tmp_path / "run")


def test_places(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import-syncnet", str(tmp_path / "nowhere.model"), "-o", str(tmp_path / "run")]) == 2
    assert re.search("nowhere.model is not there", capsys.readouterr().err)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    assert main(["import-syncnet", str(file), "-o", str(tmp_path / "taken")]) == 2
    assert "taken is there already; name a new folder" in capsys.readouterr().err


def test_sync_measures_a_real_clip(file: Path, imported: SyncModel, shared: Path) -> None:
    """Random weights cannot tell; that it runs and answers is what is asked for."""
    clip = sorted((shared / "data" / "grid_s1" / "video").glob("*.mp4"))[0]
    detector = shared / "models" / "yunet_n_640_640.onnx"
    answer = measure_sync(clip, model=file.parent / "run", search_s=0.2, detector=detector)
    assert answer.verdict in set(Verdict)
    assert answer.faces_s > 2
    assert not answer.calibrated
