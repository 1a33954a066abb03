"""The detector of a corpus: told apart from others, and known by the names that older versions gave it."""

import json
from pathlib import Path

import pytest

from fake_reader import contents, run, write_source
from seehear.data.corpus import Corpus
from seehear.data.manifest import DetectorProvenance, recorded_detector
from seehear.data.report import corpus_info
from seehear.errors import CorpusError

OTHER = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"detector": "yunet-2023mar"}, "yunet-2023mar"),
        ({"detector": "yunet-opencv"}, "yunet-2023mar"),  # as seehear 0.1 called the same file
        ({"detector": f"yunet-opencv {OTHER}"}, "yunet-25a606a1"),
        ({"detector": "yunet-yuface"}, "yunet-yuface"),  # another network, which today's version cannot run
        ({"detector": None}, None),
        ({"faces": "none"}, None),
    ],
)
def test_names_of_older_versions(options: dict[str, object], name: str | None) -> None:
    assert recorded_detector(options) == name


def test_info_and_corpus_name_it(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "a.mp4", [10, 12])
    for name in ("yunet-2023mar", "yunet-yuface"):
        run(tmp_path / "src", tmp_path / name, detector=name)
        assert corpus_info(tmp_path / name).detector == name
    joined = Corpus(tmp_path / "yunet-yuface", tmp_path / "yunet-2023mar")
    assert joined.detectors == ["yunet-2023mar", "yunet-yuface"]
    assert joined.subset([0]).detectors == ["yunet-yuface"]


def test_a_corpus_of_another_detector_is_another_corpus(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "a.mp4", [10])
    run(tmp_path / "src", tmp_path / "out", detector="yunet-yuface")
    with pytest.raises(CorpusError, match="detector yunet-yuface instead of yunet-2023mar"):
        run(tmp_path / "src", tmp_path / "out", detector="yunet-2023mar")


def test_a_corpus_of_an_older_version_is_done(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "a.mp4", [10])
    run(tmp_path / "src", tmp_path / "out", detector="yunet-opencv")
    before = contents(tmp_path / "out")
    assert run(tmp_path / "src", tmp_path / "out", detector="yunet-2023mar").ran == 0.0
    assert contents(tmp_path / "out") == before


def test_a_run_that_an_older_version_began_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("src", "undisturbed"):
        write_source(tmp_path / folder / "a.mp4", [10, 12])
        write_source(tmp_path / folder / "b.mp4", [14], **({"full": True} if folder == "src" else {}))
    with pytest.raises(CorpusError) as refusal:
        run(tmp_path / "src", tmp_path / "out", detector="yunet-opencv")
    assert refusal.value.code == "disk-full"
    write_source(tmp_path / "src" / "b.mp4", [14], full=True)
    (tmp_path / "src" / "b.room").touch()
    run(tmp_path / "src", tmp_path / "out", detector="yunet-2023mar")
    run(tmp_path / "undisturbed", tmp_path / "other", detector="yunet-2023mar")
    one, other = contents(tmp_path / "out"), contents(tmp_path / "other")
    for name in one.keys() - {"corpus.json"}:  # which knows the sizes of the sources
        assert one[name] == other[name], name
    assert json.loads(one["corpus.json"])["made"]["options"]["detector"] == "yunet-2023mar"


def test_what_is_said_of_a_model_that_learned_from_another_detector() -> None:
    def said(learned: list[str], cut: list[str]) -> list[str]:
        return DetectorProvenance.of({"trained": {"detectors": learned}}, cut).lines()

    first, caution = said(["yunet-yuface"], ["yunet-2023mar"])
    assert first == "faces found by yunet-2023mar"
    assert "trained on faces found by yunet-yuface" in caution
    assert said(["yunet-2023mar"], ["yunet-2023mar"]) == ["faces found by yunet-2023mar"]
    assert said(["yunet-2023mar"], []) == []  # whole frames
    assert DetectorProvenance.of({}, ["yunet-2023mar"]).remarks() == []  # an older model does not say it
