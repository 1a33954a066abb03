"""Animate: what its loss is, what is disturbed together, and that pieces are one pass."""

import pytest
import torch

from seehear.audio.augmentation import SoundAugmentationOptions
from seehear.clip import mouth_slices
from seehear.errors import ModelError
from seehear.models.animate import AnimateModel, AnimateOptions, to_planes
from seehear.models.audio_only import Reconstruct, swap_windows
from seehear.models.picture_augmentation import PictureAugmentationOptions
from seehear.nn.generator import NoiseGRU
from seehear.training.settings import read_settings

SOUND = {"channels": [8, 8, 8, 8], "width": 16, "dim": 12, "bands": 40}
CALM = PictureAugmentationOptions(
    scale=0, rotation_deg=0, shift=0, shear=0, warp=0, jitter=0, held=0, light=0, blur=0, compression=0, noise=0,
    occlusion=0, flip=0,
)  # fmt: skip
QUIET = SoundAugmentationOptions(gain_db=0, noise=0, equaliser_db=0, warp=0)


def options(**given) -> AnimateOptions:
    return AnimateOptions(**{"sound": SOUND, "size": 32, "widths": (8, 8), "frames": 3} | given)


def made(**given) -> AnimateModel:
    torch.manual_seed(0)
    return AnimateModel(options(**given))


def clips(count: int = 4, frames: int = 10, colour: bool = True, size: int = 32) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    shape = (count, frames, size, size) + ((3,) if colour else ())
    video = torch.randint(0, 256, shape, dtype=torch.uint8, generator=rng)
    return {"video": video, "audio": 0.1 * torch.randn(count, 640 * frames, generator=rng)}


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def test_a_model_that_draws_the_still_costs_what_copying_costs():
    model, batch = made().eval(), clips()
    out = model(batch)
    pictures = to_planes(batch["video"])
    copied = (pictures[:, :1] - pictures).abs()
    torch.testing.assert_close(out["copied"], copied.mean())
    torch.testing.assert_close(out["l1"], out["copied"])  # a residual begins with the still
    weights = torch.ones(32, 32)
    weights[mouth_slices(32)] = 4.0
    torch.testing.assert_close(out["loss"], (copied * weights / weights.mean()).mean())
    torch.testing.assert_close(out["drawn"], pictures[:, :1].expand_as(pictures))


@pytest.mark.parametrize("encoder", ["small", "waveform", "logmel-gru", "resnet1d"])
def test_every_encoder_learns(encoder):
    sound = {"small": SOUND, "waveform": {}, "logmel-gru": {"hidden": 16}, "resnet1d": {"width": 8}}[encoder]
    model = made(encoder=encoder, sound=sound, residual=False)
    model(clips(), seeded())["loss"].backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize("region", ["face", "mouth"])
@pytest.mark.parametrize("colour", [True, False])
def test_the_view_says_what_is_drawn(region, colour):
    model = made(region=region, colour=colour)
    assert model.input_view == f"{region}-32" + ("" if colour else "-luma")
    out = model.eval()(clips(colour=colour))
    assert out["drawn"].shape == (4, 10, 3 if colour else 1, 32, 32)


def test_one_frame_or_all_of_them():
    batch = clips()
    drawn = []
    for frames in (1, 0):
        model = made(frames=frames)
        model.generator.register_forward_pre_hook(lambda _, given: drawn.append(given[1].shape[1]))
        model(batch, seeded())
    assert drawn == [1, 10]


def test_still_and_frames_are_disturbed_together():
    """A clip that stands still stands still after any disturbance, so copying stays free."""
    batch = clips()
    batch["video"] = batch["video"][:, :1].expand(-1, 10, -1, -1, -1)
    out = made(pictures=PictureAugmentationOptions(jitter=0, held=0, noise=0, occlusion=0.5))(batch, seeded())
    assert out["copied"] < 1e-6
    moving = made()(clips(), seeded())
    assert moving["copied"] > 0.05


def test_undisturbed_training_compares_real_frames():
    batch = clips()
    out = made(pictures=CALM, sounds=QUIET, frames=0, still="first", mouth_weight=1.0)(batch, seeded())
    pictures = to_planes(batch["video"])
    torch.testing.assert_close(out["copied"], (pictures[:, :1] - pictures).abs().mean(), atol=1e-5, rtol=1e-4)


def test_the_same_seed_gives_the_same_step():
    first, second = (made()(clips(), seeded())["loss"] for _ in range(2))
    torch.testing.assert_close(first, second)
    assert not torch.allclose(first, made()(clips(), torch.Generator().manual_seed(3))["loss"])


@pytest.mark.parametrize(("alpha", "video", "audio"), [(1.0, True, False), (0.5, True, True), (0.0, False, True)])
@pytest.mark.parametrize("task", ["odd", "reconstruct"])
def test_alpha_weighs_seeing_against_hearing(alpha, video, audio, task):
    model = made(alpha=alpha, audio_task=task, residual=False)
    out = model(clips(8), seeded())
    assert ("l1" in out) == video
    out["loss"].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.generator.parameters()) == video
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.task.parameters()) == audio
    assert all(p.grad.abs().sum() > 0 for p in model.encoder.parameters())


@pytest.mark.parametrize("weight", [1.0, 2.0, 10.0])
def test_the_loss_is_that_of_the_paper_and_no_factor_is_hidden(weight):
    """arXiv 2005.01400: a L_video + (1 - a) L_audio; it was 10 times L_video, so that 0.67 acted as 20 to 1."""
    out = made(alpha=0.67, audio_task="odd", mouth_weight=1.0, video_weight=weight).eval()(clips(8))
    torch.testing.assert_close(out["loss"], 0.67 * weight * out["l1"] + 0.33 * out["audio"])
    assert AnimateOptions().video_weight == 1.0


def test_the_papers_presets_say_what_the_papers_say():
    first, odd, raw = (read_settings(f"animate-paper{name}").model for name in ("", "-odd", "-raw"))
    for preset in (first, odd, raw):  # pictures of -1 to 1, of which the L1 is twice as large
        assert (preset.video_weight, preset.mouth_weight, preset.residual) == (2.0, 1.0, False)
    assert (first.encoder, first.identity, first.noise, first.noise_variance) == ("waveform", 128, 10, 0.6)
    assert (odd.encoder, odd.identity, odd.noise, odd.noise_variance) == ("logmel-gru", 64, 10, 0.33)
    assert (raw.encoder, raw.identity, raw.noise, raw.region, raw.size) == ("resnet1d", 64, 0, "mouth", 64)
    assert (first.frames, odd.frames, raw.frames) == (1, 1, 0)
    assert (odd.still, raw.still) == ("first", "first")
    assert (odd.audio_task, odd.alpha, raw.audio_task, raw.alpha) == ("odd", 0.67, "reconstruct", 0.5)
    assert read_settings("animate-paper-raw").data.frames == 25  # 1 s
    assert AnimateModel(raw).encoder.dim == AnimateModel(odd).encoder.dim == 512


def test_noise_has_the_variance_that_is_asked_for_and_may_be_left_out():
    torch.manual_seed(0)
    drawn = []
    walk = NoiseGRU(10, 0.6)
    walk.gru.register_forward_pre_hook(lambda _module, given: drawn.append(given[0]))
    assert walk(4, 500, seeded()).shape == (4, 500, 10)
    assert float(drawn[0].var()) == pytest.approx(0.6, rel=0.05)
    quiet = made(noise=0, residual=False)
    assert NoiseGRU(0)(2, 3).shape == (2, 3, 0)
    assert quiet(clips(), seeded())["loss"].isfinite()
    assert [picture.shape for picture in quiet.eval().animate(torch.rand(3, 32, 32), torch.zeros(640 * 4))] == [
        (4, 3, 32, 32)
    ]


def test_what_is_measured_is_drawn_even_where_only_hearing_is_learned():
    with torch.no_grad():
        out = made(alpha=0.0, audio_task="odd").eval()(clips(8))
    assert out["drawn"].shape[:2] == (8, 10)
    assert out["loss"] == out["audio"]


def test_alpha_without_an_audio_task_changes_nothing():
    losses = [made(alpha=alpha)(clips(), seeded())["loss"] for alpha in (0.0, 1.0)]
    torch.testing.assert_close(*losses)


def test_jumbling_swaps_two_stretches_and_nothing_else():
    frames = 40
    audio = torch.arange(3 * frames).view(3, frames, 1).expand(-1, -1, 640).reshape(3, -1).float()
    jumbled = swap_windows(audio, seeded())
    for whole, mixed in zip(audio.view(3, frames, 640), jumbled.view(3, frames, 640), strict=True):
        assert torch.equal(mixed[:, 0].sort().values, whole[:, 0])  # a permutation of whole frames
        moved = (mixed[:, 0] != whole[:, 0]).sum()
        assert moved == 2 * int(0.15 * frames)
    assert torch.equal(audio, torch.arange(3 * frames).view(3, frames, 1).expand(-1, -1, 640).reshape(3, -1).float())


def test_the_odd_task_asks_about_whole_and_jumbled_clips():
    model = made(audio_task="odd")
    heard = []
    features, loss, told = model.task(
        lambda audio: heard.append(audio) or model.encode_speech(audio), clips(8)["audio"], clips(8)["audio"], seeded()
    )
    assert features.shape == (8, 10, 12)
    assert heard[0].shape[0] == 10  # a quarter is heard jumbled as well
    assert 0 <= told["told"] <= 1
    assert loss.ndim == 0


@pytest.mark.trains
def test_reconstruction_costs_nothing_where_all_is_found_again():
    """An encoder that is asked for what its features say already: all three heads can reach their targets."""
    torch.manual_seed(0)
    task, audio = Reconstruct(4), torch.zeros(2, 640 * 5)
    features = torch.ones(2, 5, 4, requires_grad=True)
    optimiser = torch.optim.Adam(task.parameters(), 3e-3)
    first = None
    for _ in range(150):
        _, loss, _ = task(lambda _: features, audio, audio, None)
        first = first or loss.item()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1 * first


@pytest.mark.parametrize("sound", [SOUND, SOUND | {"gru": 1}, SOUND | {"normalise": "clip"}])
def test_a_long_recording_in_pieces_is_one_pass(sound):
    model = made(sound=sound, residual=False)
    batch = clips(2, 30)
    model(batch, seeded())  # batch norms see something
    model.eval()
    still = to_planes(batch["video"][:1])[0, 0]
    pieces = list(model.animate(still, batch["audio"][0], piece=7))
    assert [len(piece) for piece in pieces] == [7, 7, 7, 7, 2]
    whole = model({name: values[:1] for name, values in batch.items()})["drawn"][0]
    torch.testing.assert_close(torch.cat(pieces), whole, atol=1e-4, rtol=1e-3)


def test_an_averaged_still_is_nearer_to_all_frames_than_one_of_them_is():
    batch = clips(8, 30)
    copied = [float(made(averaged=share)(batch, seeded())["copied"]) for share in (0.0, 0.5, 1.0)]
    assert copied == sorted(copied, reverse=True)
    assert copied[2] < copied[0]


def test_a_config_rebuilds_the_model():
    import json

    model = made(audio_task="odd", region="mouth", colour=False)
    again = AnimateModel.from_config(json.loads(json.dumps(model.config)))
    again.load_state_dict(model.state_dict())
    assert again.options.widths == (8, 8)
    assert again.input_view == model.input_view
    batch = clips(colour=False)
    torch.testing.assert_close(again.eval()(batch)["loss"], model.eval()(batch)["loss"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": 36, "widths": (8, 8, 8)}, "cannot be halved once for each of 3"),
        ({"alpha": 1.5}, "model.alpha must be 0 to 1"),
        ({"averaged": -0.5}, "model.averaged must be 0 to 1"),
        ({"frames": -1}, "model.frames must be 0 or more"),
        ({"pictures": PictureAugmentationOptions(held=0.2, jitter=0)}, "must be 0"),
    ],
)
def test_options_that_cannot_be_are_refused_in_words(given, says):
    with pytest.raises(ValueError, match=says):
        options(**given)


@pytest.mark.parametrize("model", [{"height": 3}, {"encoder": "huge"}, {"sound": {"depth": 2}}, {"size": 33}])
def test_a_config_of_another_version_is_refused_in_words(model):
    with pytest.raises(ModelError):
        AnimateModel.from_config({"model": model})


def test_sound_of_another_length_is_refused():
    batch = clips()
    with pytest.raises(ValueError, match=r"10 .*5760"):
        made()({"video": batch["video"], "audio": batch["audio"][:, :5760]})
