"""Joint: three terms on one encoder, each with its weight, and a model for every tool."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Generator, Tensor

from seehear.apps.rank_candidates import sharpness
from seehear.audio.augmentation import SoundAugmentationOptions
from seehear.errors import ModelError
from seehear.losses import make_loss
from seehear.models.animate import GenerationOptions
from seehear.models.interface import IdentityModel, LipSyncModel
from seehear.models.joint import JointModel, JointOptions
from seehear.models.match import MatchObjectiveOptions
from seehear.models.sync import SyncObjectiveOptions

SPEECH = {"bands": 20, "channels": [4, 8, 8, 8], "temporal": [3], "dilations": [1], "width": 16, "dim": 12}
LIPS = {"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "temporal": []}
QUIET = SoundAugmentationOptions(gain_db=0, noise=0, equaliser_db=0, warp=0)


def options(**given: object) -> JointOptions:
    terms = {
        "sync": SyncObjectiveOptions(lips=LIPS),
        "match": MatchObjectiveOptions(still={"size": 16, "channels": [4, 8], "strides": [2, 2]}, seconds=0.3),
        "animate": GenerationOptions(region="mouth", size=16, colour=False, widths=(8, 8), frames=3),
    }
    return JointOptions(**{"sound": SPEECH, "size": 32, "dim": 8, **terms, **given})  # type: ignore[arg-type]


def made(**given: object) -> JointModel:
    torch.manual_seed(0)
    return JointModel(options(**given))


def clips(count: int = 4, frames: int = 20, seed: int = 1) -> dict[str, Tensor]:
    rng = Generator().manual_seed(seed)
    video = torch.randint(0, 256, (count, frames, 32, 32, 3), dtype=torch.uint8, generator=rng)
    return {"video": video, "audio": 0.1 * torch.randn(count, 640 * frames, generator=rng)}


def seeded() -> Generator:
    return Generator().manual_seed(2)


def test_every_part_learns_from_one_step() -> None:
    model = made(animate=GenerationOptions(region="mouth", size=16, colour=False, widths=(8, 8), residual=False))
    out = model(clips(), seeded())
    assert set(out) == {"loss", "matched", "found", "l1", "copied", "sync_loss", "match_loss"}
    out["loss"].backward()
    learning = [(name, p.grad) for name, p in model.named_parameters() if p.requires_grad]
    assert [name for name, gradient in learning if gradient is None or not gradient.abs().sum() > 0] == []


def test_the_loss_is_the_weighed_sum() -> None:
    model = made(sync_weight=0.5, match_weight=2.0, animate_weight=3.0).eval()
    out = model(clips())
    expected = 0.5 * out["sync_loss"] + 2 * out["match_loss"] + 3 * out["l1"]
    torch.testing.assert_close(out["loss"], expected)


@pytest.mark.parametrize("left_out", ["sync", "match", "animate"])
def test_without_a_weight_a_term_is_not_there(left_out: str) -> None:
    model = made(**{f"{left_out}_weight": 0.0})
    assert left_out not in model.learns
    heads = {"sync": "sync.", "match": "match.", "animate": "generator."}
    assert not [name for name in model.state_dict() if name.startswith(heads[left_out])]
    out = model(clips(), seeded())
    gone = {"sync": "matched", "match": "found", "animate": "l1"}
    assert gone[left_out] not in out
    assert len(out.keys() & set(gone.values())) == 2
    out["loss"].backward()
    asks = {
        "sync": lambda: model.embed_sound(clips()["audio"]),
        "match": lambda: model.embed_voice(clips()["audio"]),
        "animate": model.animator,
    }
    with pytest.raises(ModelError, match=f"{left_out}_weight 0 and cannot"):
        asks[left_out]()


def test_people_alone_leave_the_layers_behind_theirs_alone() -> None:
    model = made(sync_weight=0.0, animate_weight=0.0)
    model(clips(), seeded())["loss"].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert not model.encoder.linear.weight.requires_grad


def test_it_is_lip_sync_and_identity_and_an_encoder_of_speech() -> None:
    model = made().eval()
    assert isinstance(model, LipSyncModel)
    assert isinstance(model, IdentityModel)
    data = clips()
    with torch.no_grad():
        lips, sound = model.embed_lips(data["video"]), model.embed_sound(data["audio"])
        assert lips.shape == sound.shape == (4, 20 - 2 * model.context, 8)
        voice, face = model.embed_voice(data["audio"]), model.embed_face(data["video"][:, 3])
        assert voice.shape == face.shape == (4, 8)
        for embedded in (lips, sound, voice, face):
            torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(embedded.shape[:-1]))
        assert model.speech(data["audio"], "features").shape == (4, 20, 12)
        out = model(data)
        torch.testing.assert_close(out["lips"], lips)
        torch.testing.assert_close(out["sound"], sound)
        assert {out[name].shape for name in ("voice", "voice2", "face", "face2")} == {(4, 8)}
        assert out["drawn"].shape == out["real"].shape == (4, 20, 1, 16, 16)


@torch.no_grad()
def test_a_moment_of_lips_and_one_of_sound_come_from_the_same_time() -> None:
    model, data = made().eval(), clips(1, 40)
    video, audio = data["video"].clone(), data["audio"].clone()
    video[:, 20] = 255 - video[:, 20]
    audio[:, 20 * 640 : 21 * 640] += 0.1 * torch.randn(640, generator=seeded())
    lips = model.embed_lips(video) - model.embed_lips(data["video"])
    sound = model.embed_sound(audio) - model.embed_sound(data["audio"])
    place = torch.arange(lips.shape[1])
    for difference in (lips, sound):
        size = difference[0].norm(dim=-1)
        assert ((size * place).sum() / size.sum()).item() == pytest.approx(20 - model.context, abs=0.75)


@torch.no_grad()
def test_a_voice_and_a_face_may_share_a_part_only() -> None:
    still = {"size": 16, "channels": [4, 8], "strides": [2, 2]}
    model = made(match=MatchObjectiveOptions(shared=3, still=still, seconds=0.3)).eval()
    out = model(clips())
    voice, face = out["voice"], out["face"]
    torch.testing.assert_close(
        model.cross_similarity(voice, face), torch.cosine_similarity(voice[:, None, :3], face[:, :3], -1)
    )
    own = model.cross_similarity(voice, face).argmax(1) == torch.arange(len(voice))
    assert out["found"] == own.float().mean()
    four = (out[name][None] for name in ("voice", "face", "voice2", "face2"))
    torch.testing.assert_close(out["match_loss"], make_loss("separate", shared=3)(*four))
    again = JointModel.from_config(json.loads(json.dumps(model.config)))
    assert again.shared == 3


@torch.no_grad()
def test_no_moment_knows_of_an_end() -> None:
    """The embeddings of a clip are those that it has inside of a longer recording: nothing to cheat by."""
    model, data = made().eval(), clips(1, 40)
    inside = model.embed_sound(data["audio"][:, 10 * 640 : 30 * 640])
    torch.testing.assert_close(inside, model.embed_sound(data["audio"])[:, 10:-10], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("encoder", "sound"), [("waveform", {}), ("small", SPEECH | {"normalise": "clip"})])
def test_sync_refuses_encoders_that_know_more_than_a_moment(encoder: str, sound: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"set model\.sync_weight to 0, or choose"):
        made(encoder=encoder, sound=sound)
    assert made(encoder=encoder, sound=sound, sync_weight=0.0).learns == ("match", "animate")


def test_the_mouth_is_drawn_that_the_lips_show() -> None:
    """A clip that stands still but for its mouth, seen in the whole face."""
    data = clips(2)
    data["video"][:] = 100
    data["video"][:, 5:, 20:24, 12:20] = 200
    with torch.no_grad():
        out = made(sounds=QUIET).eval()(data)
    moved = (out["real"][:, 5] - out["real"][:, 0]).abs()
    assert moved.sum() > 0
    assert out["real"].shape[-1] == 16


def test_an_animator_draws_with_the_same_networks() -> None:
    model, data = made().eval(), clips(1, 20)
    animator = model.animator()
    with torch.no_grad():
        still = model(data)["real"][0, 0]
        drawn = torch.cat(list(animator.animate(still, data["audio"][0])))
    assert drawn.shape == (20, 1, 16, 16)
    assert animator.encoder is model.encoder
    assert not animator.training


def test_config_rebuilds_the_model() -> None:
    model = made(match=MatchObjectiveOptions(seconds=0.4, still={"size": 16, "channels": [4, 8], "strides": [2, 2]}))
    config = json.loads(json.dumps(model.config))
    again = JointModel.from_config(config)
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert again.options.match.seconds == 0.4
    assert json.loads(json.dumps(JointModel(again.options).config)) == config
    with pytest.raises(ModelError, match="does not describe a joint model"):
        JointModel.from_config({"model": {"sounds": {"x": 1}}})


def test_how_sharply_a_face_is_chosen_is_not_how_sharply_a_moment_is() -> None:
    model = made(match=MatchObjectiveOptions(still={"size": 16, "channels": [4, 8], "strides": [2, 2]}))
    assert model.sync is not None
    assert model.match is not None
    with torch.no_grad():
        model.sync.loss.similarity.scale.fill_(3)
        model.match.loss.similarity.scale.fill_(7)
    assert sharpness(model) == 7


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sync_weight": 0, "match_weight": 0, "animate_weight": 0}, "must be more than 0"),
        ({"match_weight": -1}, "match_weight must be 0 or more"),
        ({"size": 33}, "must be even"),
        ({"match": MatchObjectiveOptions(shared=9)}, "match.shared must be 1 to 8"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        options(**given)


def test_disturbances_come_from_the_generator() -> None:
    model = made()
    one, two, three = (model(clips(), Generator().manual_seed(seed))["loss"].item() for seed in (1, 1, 2))
    assert one == two != three
