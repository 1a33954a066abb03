from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pytest

from seehear.config import OptionsError, build, to_plain


@dataclass(frozen=True)
class Inner:
    size: float
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 1
    loud: bool = False
    note: str | None = None
    inside: Mapping[str, Inner] = field(default_factory=dict)
    several: tuple[tuple[float | None, ...], ...] = ()
    anything: Mapping[str, Any] = field(default_factory=dict)


def test_values_become_what_their_types_say() -> None:
    values = {
        "name": "x",
        "note": None,
        "inside": {"one": {"size": 2, "kind": "b"}},
        "several": [[1, None], []],
        "anything": {"a.b": [1, {"c": None}]},
    }
    made = build(Outer, values, "f.yaml")
    assert made == Outer(
        "x",
        inside={"one": Inner(2.0, "b")},
        several=((1.0, None), ()),
        anything={"a.b": [1, {"c": None}]},
    )
    assert isinstance(made.inside["one"].size, float)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([], "f.yaml must be a mapping"),
        ({}, "f.yaml needs the key 'name'"),
        ({"name": "x", "nam": 1}, "f.yaml has the key 'nam'"),
        ({"name": 3}, "f.yaml, name must be text, not 3"),
        ({"name": "x", "count": True}, "f.yaml, count must be a whole number, not True"),
        ({"name": "x", "count": 1.5}, "f.yaml, count must be a whole number"),
        ({"name": "x", "loud": 1}, "f.yaml, loud must be true or false"),
        ({"name": "x", "inside": {"one": {"size": "big"}}}, "f.yaml, inside, one, size must be a number, not 'big'"),
        ({"name": "x", "inside": {"one": {"size": 1, "kind": "c"}}}, "f.yaml, inside, one, kind is 'c'"),
        ({"name": "x", "inside": {1: {"size": 1}}}, "f.yaml, inside has the key 1, which is no text"),
        ({"name": "x", "inside": [1]}, "f.yaml, inside must be a mapping"),
        ({"name": "x", "anything": {"a": [date(2020, 1, 1)]}}, "f.yaml, anything, a is datetime.date"),
        ({"name": "x", "anything": {"a": {1: 2}}}, "f.yaml, anything, a has the key 1"),
        ({"name": "x", "several": 3}, "f.yaml, several must be a list"),
        ({"name": "x", "several": [[], ["x"]]}, "f.yaml, several, number 2, number 1 must be a number"),
    ],
)
def test_what_does_not_fit_is_named_by_where_it_stands(values: Any, told: str) -> None:
    with pytest.raises(OptionsError) as raised:
        build(Outer, values, "f.yaml")
    assert told in str(raised.value)


def test_plain_leaves_out_what_is_as_usual() -> None:
    assert to_plain(Outer("x", inside={"one": Inner(2.0)}, several=((1.0,),))) == {
        "name": "x",
        "inside": {"one": {"size": 2.0}},
        "several": [[1.0]],
    }
