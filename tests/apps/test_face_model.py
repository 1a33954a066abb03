"""Faces known again: SFace on real people, what is no SFace, and a match model in its place."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from pitch_model import PitchModel
from seehear.apps.embeddings import MatchFaceModel, SFace, find_face, load_face_model, mean_embedding
from seehear.errors import ModelError
from seehear.media.crops import template_in


def test_one_person_is_told_from_others(shared: Path) -> None:
    """Two clips each of four people of GRID, of other sentences."""
    model, folder = load_face_model(), shared / "data" / "strangers" / "grid"
    if not folder.is_dir():
        pytest.skip(f"recordings of several speakers are not here ({folder})")
    assert model is not None
    assert model.name == "sface-2021dec-int8bq"
    prints = {}
    for name in ("s10_1.mp4", "s10_2.mp4", "s28_1.mp4", "s28_2.mp4", "s16_1.mp4", "s27_1.mp4"):
        crops, landmarks = find_face(folder / name)
        prints[name] = mean_embedding(model.embed(crops[:2], landmarks[:2]))
    for one, other in combinations(prints, 2):
        alike = float(prints[one] @ prints[other])
        assert (alike >= model.same_threshold) == (one[:3] == other[:3]), (one, other, alike)


def test_embeddings_have_length_one() -> None:
    model = load_face_model()
    assert model is not None
    crops = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.uint8)
    prints = model.embed(crops, np.stack([template_in(64)] * 2))
    assert prints.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(prints, axis=1), 1, rtol=1e-5)
    assert np.linalg.norm(mean_embedding(prints)) == pytest.approx(1)


def test_a_file_that_is_no_sface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"mine\.onnx is not a face embedding"):
        SFace(str(tmp_path / "mine.onnx"))
    monkeypatch.setenv("SEEHEAR_SFACE", str(tmp_path / "absent.onnx"))
    with pytest.raises(ModelError, match=r"absent\.onnx, given by SEEHEAR_SFACE, is not a file"):
        load_face_model()


def test_a_match_model_in_its_place() -> None:
    dark, bright = np.full((1, 8, 8, 3), 10, np.uint8), np.full((1, 8, 8, 3), 250, np.uint8)
    model = MatchFaceModel(PitchModel(), "pitch")
    one, other = (model.embed(crop, np.zeros((1, 5, 2)))[0] for crop in (dark, bright))
    assert float(one @ one) == pytest.approx(1)
    assert float(one @ other) < 0
    assert model.name == "pitch"
    drawn = PitchModel()
    drawn.config = {"trained": {"faces": "drawn"}}
    assert MatchFaceModel(drawn, "pitch").name == "pitch, which knows drawn faces only"
