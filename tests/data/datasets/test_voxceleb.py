"""VoxCeleb: speakers, videos and parts from folders, what is known of the speakers from tables."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.voxceleb import parse_place, parse_table
from seehear.errors import CorpusError

VOX1 = (
    "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
    "id10001\tA.J._Buckley\tm\tIreland\tdev\n"
    "id10270\tEartha_Kitt\tf\tUSA\ttest\n"
)
VOX2 = "VoxCeleb2 ID ,VGGFace2 ID ,Gender,Set \nid00012 ,n000012 ,m ,dev \nid00017 ,n000017 ,f ,test \n"


def test_the_first_with_its_table(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "wav/id10001/1zcIwhmdeo4/00001.wav": "",
            "wav/id10270/5r0dWxy17C8/00003.wav": "",
            "wav/id10300/5r0dWxy17C8/00001.wav": "",
            "vox1_meta.csv": VOX1,
        },
    )
    first, second, third = find_sources([tmp_path], "voxceleb")
    assert first.labels == {
        "speaker": "id10001",
        "video": "1zcIwhmdeo4",
        "sex": "male",
        "nationality": "Ireland",
        "part": "train",
    }
    assert (second.labels["sex"], second.labels["part"]) == ("female", "test")
    assert third.labels == {"speaker": "id10300", "video": "5r0dWxy17C8"}  # nobody that the table knows


def test_the_second_as_sound_and_as_films(tmp_path: Path) -> None:
    one = "id00012/21Uxsk56VDQ/00001"
    lay_out(
        tmp_path,
        {
            f"dev/aac/{one}.m4a": "",
            f"dev/mp4/{one}.mp4": "",
            "test/mp4/id00017/01dfn2spqyE/00001.mp4": "",
            "vox2_meta.csv": VOX2,
        },
    )
    seen, heard = (find_sources([tmp_path], "voxceleb", prefer=medium) for medium in ("picture", "sound"))
    assert [source.path.suffix for source in seen] == [".mp4", ".mp4"]
    assert [source.path.suffix for source in heard] == [".m4a", ".mp4"]
    assert [source.labels["part"] for source in seen] == ["train", "test"]
    assert [source.labels["sex"] for source in heard] == ["male", "female"]


@pytest.mark.parametrize(
    ("folder", "part"),
    [("dev/aac", "train"), ("vox1_test_wav/wav", "test"), ("vox2_dev_mp4", "train"), ("my-test/wav", None)],
)
def test_parts(folder: str, part: str | None) -> None:
    labels = parse_place(Path(f"/data/{folder}/id10001/1zcIwhmdeo4/00001.wav"))
    assert labels is not None
    assert labels.get("part") == part


@pytest.mark.parametrize("path", ["/a.wav", "/id10001/00001.wav", "/x/id1001/v/00001.wav", "/id10001/v/talk.wav"])
def test_other_places_are_none(path: str) -> None:
    assert parse_place(Path(path)) is None


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path / "talks", ["anna/1.wav"])
    with pytest.raises(CorpusError, match="VoxCeleb"):
        find_sources([tmp_path / "talks"], "voxceleb")
    lay_out(tmp_path / "vox", {"wav/id10001/1zcIwhmdeo4/00001.wav": "", "vox1_meta.csv": "<html>gone</html>"})
    with pytest.raises(CorpusError, match=r"vox1_meta\.csv"):
        find_sources([tmp_path / "vox"], "voxceleb")


PEOPLE = st.dictionaries(
    st.integers(0, 99999).map("id{:05d}".format),
    st.tuples(st.sampled_from("mf"), st.sampled_from(["UK", "New Zealand"]), st.sampled_from(["dev", "test"])),
)


@given(PEOPLE, st.sampled_from(["\t", ",", " ,", " \t"]))
def test_tables_round_trip(people: dict[str, tuple[str, str, str]], comma: str) -> None:
    lines = [("VoxCeleb1 ID", "Gender", "Nationality", "Set"), *((name, *row) for name, row in people.items())]
    sexes, parts = {"m": "male", "f": "female"}, {"dev": "train", "test": "test"}
    assert parse_table("\n".join(comma.join(line) for line in lines)) == {
        name: {"sex": sexes[sex], "nationality": nation, "part": parts[part]}
        for name, (sex, nation, part) in people.items()
    }


@given(st.text(max_size=40) | st.text(max_size=40).map("VoxCeleb2 ID,Gender\n".__add__))
def test_tables_of_anything_are_labels_or_a_value_error(text: str) -> None:
    try:
        found = parse_table(text)
    except ValueError:
        return
    assert all(labels.keys() <= {"sex", "nationality", "part"} for labels in found.values())
