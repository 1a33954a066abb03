"""The probe of joint and disentangle: what each term is measured by, and that training moves all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric

from seehear.audio.augmentation import SoundAugmentationOptions
from seehear.models.animate import GenerationOptions
from seehear.models.disentangle import DisentangleModel, DisentangleOptions
from seehear.models.joint import JointModel, JointOptions
from seehear.models.match import MatchObjectiveOptions
from seehear.models.picture_augmentation import PictureAugmentationOptions
from seehear.models.sync import SyncObjectiveOptions
from seehear.models.validation import JointValidation, MatchValidation
from seehear.training.validation import make_validation
from talkers import DATA, SIDE, People

FABRIC = Fabric(accelerator="cpu", devices=1)
CALM = PictureAugmentationOptions(
    scale=0, rotation_deg=0, shift=0, shear=0, warp=0, jitter=0, held=0, light=0, blur=0, compression=0, noise=0,
    occlusion=0, flip=0,
)  # fmt: skip
QUIET = SoundAugmentationOptions(gain_db=0, noise=0, equaliser_db=0, warp=0)
JOINT = JointOptions(
    sound={"bands": 20, "channels": [8, 8, 8, 8], "temporal": [3], "dilations": [1], "width": 16, "dim": 16},
    size=SIDE,
    dim=8,
    sync=SyncObjectiveOptions(
        lips={"size": SIDE // 2, "stem_channels": 8, "channels": [8], "strides": [2], "temporal": []}, pictures=CALM
    ),
    match=MatchObjectiveOptions(
        still={"size": SIDE, "channels": [4, 8], "strides": [2, 2]}, seconds=0.6, pictures=CALM
    ),
    animate=GenerationOptions(
        region="mouth", size=8, colour=False, widths=(8, 8), frames=4, averaged=0.5, pictures=CALM
    ),
    sounds=QUIET,
)


def test_a_model_is_measured_by_all_that_it_learns() -> None:
    views = People(clips=8)
    expected = {
        "sync": ["sync_k5", "sync_k15"],
        "match": ["face_voice_auc", "face_of_2", "voice_eer"],
        "animate": ["mouth_lower", "dev_l1"],
    }
    for left_out in (None, "sync", "match", "animate"):
        model = JointModel(replace(JOINT, **({f"{left_out}_weight": 0.0} if left_out else {}))).eval()
        probe = make_validation(views, model, DATA)
        assert isinstance(probe, JointValidation)
        with torch.no_grad():
            probed = probe(model, FABRIC)
        wanted = [name for term, names in expected.items() if term != left_out for name in names]
        assert list(probe.formats) == wanted
        assert sorted(probed.numbers) == sorted(wanted)
        assert list(probed.pictures) == ([] if left_out == "animate" else ["drawn"])
    assert probe.reference == "sync: chance 9.7%, match: chance 50.0%"


def test_people_of_one_source_are_not_told_apart() -> None:
    views = People(clips=4)
    views.sources[:] = 3
    assert "voice_eer" not in make_validation(views, JointModel(JOINT), DATA).formats


def test_clips_too_short_for_sync_are_not_measured() -> None:
    assert make_validation(People(clips=4, frames=40), JointModel(JOINT), DATA) is None
    alone = JointModel(replace(JOINT, sync_weight=0.0, animate_weight=0.0))
    probe = make_validation(People(clips=4, frames=40), alone, DATA)
    assert isinstance(probe, JointValidation)
    assert isinstance(probe.parts["match"], MatchValidation)


@pytest.mark.trains
@pytest.mark.parametrize("pretext", ["joint", "disentangle"])
def test_all_of_it_is_learned(pretext: str) -> None:
    """A mouth that opens as loud as the sound is, faces the redder the higher their voice; measured on new people."""
    torch.manual_seed(0)
    lips = {"size": SIDE, "region": "face", "colour": True, "stem_channels": 8, "channels": [8], "strides": [2],
            "temporal": [], "dim": 8}  # fmt: skip
    sound = {"bands": 20, "channels": [8, 8, 8, 8], "temporal": [2], "dim": 8}
    model = (
        JointModel(JOINT)
        if pretext == "joint"
        else DisentangleModel(
            DisentangleOptions(lips=lips, sound=sound, confusion_weight=0.1, pictures=CALM, sounds=QUIET)
        )
    )
    views = People(clips=24)
    probe = make_validation(People(clips=24, seed=7), model, replace(DATA, probe_clips=24))
    assert probe is not None
    optimiser, rng = torch.optim.AdamW(model.parameters(), 5e-3), torch.Generator().manual_seed(0)
    video, audio = torch.from_numpy(views._video), torch.from_numpy(views._audio) / 32767
    model.train()
    for step in range(100 if pretext == "joint" else 60):  # with other seeds, 60 draw no mouth yet
        which = slice(step % 2, None, 2)  # one clip of each person
        model({"video": video[which], "audio": audio[which]}, rng)["loss"].backward()
        optimiser.step()
        optimiser.zero_grad()
    with torch.no_grad():
        found = probe(model.eval(), FABRIC).numbers
    assert found["sync_k15"] > 0.5
    assert found["face_voice_auc"] > 0.7
    if pretext == "joint":
        assert found["mouth_lower"] > 0.1
