"""The sync pretext: one clock for both towers, a loss that falls, and a model that its config rebuilds."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Generator

from seehear.errors import ModelError
from seehear.losses import LOSSES
from seehear.models.inputs import resize_pictures, sample_steps, select_region, top1_within_clip
from seehear.models.sync import SyncModel, SyncOptions
from seehear.nn import build_encoder

LIPS = {"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "temporal": [], "dim": 8}
SOUND = {"bands": 8, "channels": [4, 8, 8, 8], "temporal": [2], "dim": 8}


def tiny(**options: object) -> SyncModel:
    torch.manual_seed(0)
    return SyncModel(SyncOptions(lips=LIPS, sound=SOUND, **options))  # type: ignore[arg-type]


def batch(clips: int = 3, frames: int = 12, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = Generator().manual_seed(seed)
    video = torch.randint(0, 256, (clips, frames, 16, 16), generator=generator, dtype=torch.uint8)
    return {"video": video, "audio": 0.1 * torch.randn(clips, frames * 640, generator=generator)}


def test_both_towers_give_the_same_moments() -> None:
    model = tiny().eval()
    data = batch(frames=12)
    lips, sound = model.embed_lips(data["video"], "mouth"), model.embed_sound(data["audio"])
    assert lips.shape == sound.shape == (3, 12 - 2 * model.context, 8)
    torch.testing.assert_close(lips.norm(dim=-1), torch.ones(3, 8))


def test_the_longer_context_rules() -> None:
    model = SyncModel(SyncOptions(lips=LIPS, sound=SOUND | {"temporal": [2, 3, 3]})).eval()
    assert (model.lips.context, model.sound.context, model.context) == (2, 4, 4)
    data = batch(frames=14)
    lips, sound = model.embed_lips(data["video"], "mouth"), model.embed_sound(data["audio"])
    assert lips.shape == sound.shape == (3, 6, 8)
    alone = build_encoder("lips", "small", LIPS).eval()
    alone.load_state_dict(model.lips.state_dict())
    every = torch.nn.functional.normalize(alone(select_region(data["video"], "mouth", alone)), dim=-1)
    torch.testing.assert_close(lips, every[:, 2:-2])


def test_a_moment_of_lips_and_one_of_sound_come_from_the_same_time() -> None:
    """Disturb frame 6 of either: the embeddings that change are those around moment 6 - context, on both sides."""
    model = tiny().eval()
    data = batch(clips=1, frames=30)
    changed_video, changed_audio = data["video"].clone(), data["audio"].clone()
    changed_video[:, 15] = 255 - changed_video[:, 15]
    changed_audio[:, 15 * 640 : 16 * 640] += 1e-2 * torch.randn(640)
    with torch.no_grad():
        lips = model.embed_lips(changed_video, "mouth") - model.embed_lips(data["video"], "mouth")
        sound = model.embed_sound(changed_audio) - model.embed_sound(data["audio"])
    place = torch.arange(lips.shape[1])
    for difference in (lips, sound):
        size = difference[0].norm(dim=-1)
        assert ((size * place).sum() / size.sum()).item() == pytest.approx(15 - model.context, abs=0.75)


@pytest.mark.parametrize("loss", LOSSES.names())
def test_every_loss_trains_both_towers(loss: str) -> None:
    model = tiny(loss=loss, exclude=1)
    out = model(batch(), Generator().manual_seed(0))
    out["loss"].backward()
    assert 0 <= out["matched"] <= 1
    for parameter in [*model.lips.parameters(), *model.sound.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.trains
def test_it_learns_one_batch_by_heart() -> None:
    model, data = tiny(), batch(clips=2, frames=9)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first = model(data)["loss"].item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = model(data)["loss"]
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3 * first


def test_disturbances_come_from_the_generator() -> None:
    model = tiny()
    one, two, three = (model(batch(), Generator().manual_seed(seed))["loss"].item() for seed in (1, 1, 2))
    assert one == two != three


@pytest.mark.parametrize(("wanted", "spacing", "expected"), [(4, 1, 4), (None, 3, 5), (40, 5, 3), (2, 5, 2)])
def test_candidates_are_drawn_apart(wanted: int | None, spacing: int, expected: int) -> None:
    times = sample_steps(50, 16, wanted, spacing, Generator().manual_seed(0))
    assert times is not None
    assert times.shape == (50, expected)
    assert times.diff(dim=1).min() >= spacing
    assert times.min() >= 0
    assert times.max() <= 15
    assert len(times.unique()) == 16  # no moment is never drawn
    assert sample_steps(50, 16, wanted, spacing, None) is None


def test_matched_counts_nearest_lips() -> None:
    lips = torch.eye(4).unsqueeze(0)
    sound = lips[:, [0, 1, 3, 2]]
    assert top1_within_clip(sound, lips, "cosine") == top1_within_clip(sound, lips, "euclidean") == 0.5


def test_config_rebuilds_the_model() -> None:
    model = tiny(loss="separate", similarity="angular")
    config = json.loads(json.dumps(model.config))
    again = SyncModel.from_config(config | {"sync_calibration": {"x": 1}})
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert again.config["sync_calibration"] == {"x": 1}
    assert json.loads(json.dumps(again.config["model"])) == config["model"]


@pytest.mark.parametrize("config", [{}, {"model": {"depth": 3}}, {"model": {"pictures": {"x": 1}}}])
def test_a_strange_config_is_a_sentence(config: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="does not describe a sync model"):
        SyncModel.from_config(config)


def test_towers_must_agree_in_width() -> None:
    with pytest.raises(ModelError, match="have 8 dimensions but audio embeddings have 16"):
        SyncModel(SyncOptions(lips=LIPS, sound=SOUND | {"dim": 16}))


def test_sound_must_be_as_long_as_the_picture() -> None:
    data = batch()
    with pytest.raises(ValueError, match=r"12 .*7000"):
        tiny()({"video": data["video"], "audio": data["audio"][:, :7000]})


def test_view_cuts_the_mouth_and_greys_it() -> None:
    lips = build_encoder("lips", "small", {"size": 64})
    faces = torch.randint(0, 256, (1, 2, 128, 128, 3), dtype=torch.uint8)
    seen = select_region(faces, "face", lips)
    expected = (faces[:, :, 60:124, 32:96].float() @ torch.tensor([0.299, 0.587, 0.114]) / 255).unsqueeze(1)
    torch.testing.assert_close(seen, expected)
    mouths = expected.mul(255).round().to(torch.uint8)[:, 0]
    torch.testing.assert_close(select_region(mouths, "mouth", lips), seen, atol=0.003, rtol=0)
    whole = select_region(faces, "mouth", lips)
    assert whole.shape == (1, 1, 2, 128, 128)  # a mouth of a larger crop
    assert resize_pictures(whole, 64).shape == seen.shape


def test_view_refuses_what_it_cannot_make() -> None:
    paper = build_encoder("lips", "paper", {"dim": 4})
    faces = torch.zeros(1, 2, 128, 128, 3, dtype=torch.uint8)
    assert resize_pictures(select_region(faces, "face", paper), 224).shape == (1, 3, 2, 224, 224)
    with pytest.raises(ModelError, match="whole faces"):
        select_region(faces, "mouth", paper)
    with pytest.raises(ModelError, match="colours"):
        select_region(faces[..., 0], "face", paper)


def test_autocast_keeps_float32_embeddings() -> None:
    model, data = tiny(), batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(data)
        assert model.embed_sound(data["audio"]).dtype == torch.float32
    assert out["loss"].dtype == torch.float32
