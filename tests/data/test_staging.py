"""Keys that every tar reader and disk can hold, and plans that are known again."""

import re
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from seehear.data.datasets import Source, Span
from seehear.data.staging import SourcePlan, clip_key, describe_difference, source_keys

NAMES = st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=8)


@given(NAMES)
@example(["a.mp4", "a.avi", "A.mp4", "a/b.mp4", "a_b.mp4", "視頻.mp4", "映像.mp4", "é.mp4", "e.mp4", "x" * 200])
def test_keys_are_plain_and_unique(names: list[str]) -> None:
    keys = [clip_key(key, 12) for key in source_keys(names)]
    assert len({key.lower() for key in keys}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,94}", key) for key in keys)  # no dot: WebDataset ends a key there


def test_keys_stay_readable() -> None:
    assert source_keys(["s1/bbaf2n.mpg", "s2/bbaf2n.mpg", "Zoë (1).mp4"]) == ["s1_bbaf2n", "s2_bbaf2n", "Zoe_1_"]
    assert clip_key("s1_bbaf2n", 3) == "s1_bbaf2n-00003"


def test_fingerprint_sees_what_decides_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"12")

    def fingerprint(size: int = 128, **known: object) -> dict[str, object]:
        return SourcePlan.from_sources([Source(path, "a.mp4", **known)], {"size": size}).fingerprint()  # type: ignore[arg-type]

    first = fingerprint()
    assert describe_difference(first, fingerprint()) == ""
    assert describe_difference(first, fingerprint(size=64)) == "size 128 instead of 64"
    assert "other labels" in describe_difference(first, fingerprint(labels={"speaker": "x"}))
    assert "other labels" in describe_difference(first, fingerprint(spans={"words": [Span("a", 0, 1)]}))
    path.write_bytes(b"123")
    assert describe_difference(first, fingerprint())
    path.unlink()
    assert describe_difference(first, fingerprint())
