"""Who is drawn independently: people where all are known, else what the pieces were cut from."""

import numpy as np
import pyarrow as pa
import pytest

from seehear.evaluation.recordings import units_of_manifest
from seehear.metrics.bootstrap import count_phrase, singletons, units_of, units_of_metas


def test_people_where_all_are_known():
    units = units_of(["ben", "anna", "ben"], ["1", "2", "3"])
    assert (units.kind, units.names, units.of.tolist()) == ("speakers", ("anna", "ben"), [1, 0, 1])
    assert str(units) == "2 speakers"


@pytest.mark.parametrize("speakers", [["anna", None, "ben"], ["anna", "", "ben"], ["anna"] * 3, [None] * 3])
def test_sources_where_some_are_not_or_all_are_of_one_person(speakers):
    units = units_of(speakers, ["film", "film", "other"])
    assert (units.kind, units.names, units.of.tolist()) == ("sources", ("film", "other"), [0, 0, 1])
    assert str(units) == "2 source files"


def test_of_clips_and_of_the_manifest_alike():
    people, films = ["anna", "ben", "ben"], ["a.mp4", "b.mp4", "c.mp4"]
    table = pa.table({"source": films, "label_speaker": people})
    metas = [{"source": film, "labels": {"speaker": who}} for who, film in zip(people, films, strict=True)]
    for units in (units_of_manifest(table), units_of_metas(metas)):
        assert (units.kind, units.of.tolist()) == ("speakers", [0, 1, 1])
    for units in (units_of_manifest(table.select(["source"])), units_of_metas([{"source": film} for film in films])):
        assert (units.kind, units.of.tolist()) == ("sources", [0, 1, 2])


def test_some_of_the_entries_and_each_alone():
    assert units_of(["a", "b", "c"], ["1"] * 3).at([2, 0]).of.tolist() == [2, 0]
    assert np.array_equal(singletons(3).of, [0, 1, 2])
    assert (count_phrase(1, "people"), count_phrase(1, "sources")) == ("1 person", "1 source file")
