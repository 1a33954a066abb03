from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark_plans import small_plan
from seehear.benchmark.plan import BenchmarkPlan, Claim, CorpusSpec, PaperTable, PretextSpec, RowSpec, TaskSpec
from seehear.benchmark.reading import plan_from_yaml, plan_names, plan_to_yaml, read_plan
from seehear.config import OptionsError
from seehear.errors import SeehearError

words = st.text(st.characters(exclude_categories=["C"], exclude_characters="\x85\u2028\u2029"), min_size=1)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True)
reserved = ("model", "data", "optim", "engine", "loss", "seeds")
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(st.none() | st.booleans() | st.integers() | numbers | words, st.lists, max_leaves=4)
settings = st.dictionaries(st.sampled_from(["optim.steps", "optim.lr", "model.loss", "model.lips"]), values)


@st.composite
def plans(draw: st.DrawFn) -> BenchmarkPlan:
    """Plans in which every name that is said is that of something; what options mean is not looked at here."""
    corpora = draw(st.dictionaries(names, st.one_of(_avatars(), _given_corpora()), min_size=1, max_size=3))
    some = st.lists(st.sampled_from(list(corpora)), min_size=1, max_size=3, unique=True).map(tuple)
    trained = st.builds(
        PretextSpec, st.sampled_from(["sync-small", "mine.yaml"]), some, settings, init=st.none() | words
    )
    pretexts = draw(st.dictionaries(names.filter(lambda name: name not in reserved), trained, max_size=3))
    pretexts = {name: replace(one, init=_begins(one.init)) for name, one in pretexts.items()}
    of = st.sampled_from([*pretexts, "mfcc", "sync-small", "transformers:some/model", "python:m:f@50"])
    rows = st.lists(st.builds(RowSpec, words, of, layer=st.none() | words, options=settings), min_size=2, max_size=4)
    tasks = draw(st.dictionaries(names, _tasks(some, rows.filter(_told_apart)), min_size=1, max_size=2))
    key = draw(st.sampled_from(list(tasks)))
    told = [row.name for row in tasks[key].rows]
    claims = [Claim(draw(words), draw(words), key, told[0], (told[1],), tasks[key].labels[0])]
    paper = [PaperTable(draw(words), draw(words), key, ("a", "b"), {draw(words): (draw(numbers), None)}, draw(words))]
    return BenchmarkPlan(
        draw(names), draw(words), draw(words), corpora, pretexts, tasks, draw(words), draw(st.integers(1, 9)),
        tuple(draw(st.lists(st.sampled_from(claims), max_size=1))), tuple(paper),
    )  # fmt: skip


def _begins(init: str | None) -> str | None:
    return None if init is None or init.startswith("pretext:") else init


def _told_apart(rows: list[RowSpec]) -> bool:
    return len({row.name for row in rows}) == len(rows)


def _avatars() -> st.SearchStrategy[CorpusSpec]:
    arguments = st.dictionaries(st.sampled_from(["clips", "seed"]), st.integers(1, 99), min_size=1)
    return st.builds(CorpusSpec, arguments, checksum=words)


def _given_corpora() -> st.SearchStrategy[CorpusSpec]:
    return st.builds(CorpusSpec, format=st.sampled_from(["grid", "lrw"]), wants=words, faces=st.sampled_from(["none"]))


def _tasks(some: Any, rows: Any) -> st.SearchStrategy[TaskSpec]:
    shares = st.lists(st.floats(0.01, 1), min_size=1, max_size=3, unique=True).map(tuple)
    plain = st.builds(TaskSpec, st.sampled_from(["words", "emotion"]), words, some, rows.map(tuple), settings, shares)
    loud = st.lists(numbers, min_size=1, max_size=3, unique=True).map(tuple)
    noisy = st.builds(lambda task, snr_db: replace(task, noise="babble", snr_db=snr_db), plain, loud)
    return st.one_of(plain, noisy)


@given(plans())
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.too_slow], deadline=None, max_examples=50)
def test_what_is_written_reads_back_equal(plan: BenchmarkPlan) -> None:
    assert plan_from_yaml(plan_to_yaml(plan), "another name", "f.yaml") == plan


@given(st.text())
def test_any_text_is_a_plan_or_told_in_a_sentence(text: str) -> None:
    with pytest.raises(SeehearError) as raised:
        plan_from_yaml(text, "x", "f.yaml")
    assert "f.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_looks_like_a_date_and_is_none_is_told() -> None:
    with pytest.raises(OptionsError, match=r"f\.yaml .*month must be in"):
        plan_from_yaml("title: 2001-99-99", "x", "f.yaml")


def test_a_file_is_named_after_itself_and_short_rows_after_what_they_read(tmp_path: Path) -> None:
    told = yaml.safe_load(plan_to_yaml(small_plan()))
    del told["name"]
    told["tasks"]["sync"]["rows"] = ["sync", "more", {"name": "match", "of": "match-small"}]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(told))
    plan = read_plan(file)
    assert plan.name == "mine"
    assert plan.tasks["sync"].rows == (
        RowSpec("sync", "sync"),
        RowSpec("more", "more"),
        RowSpec("match", "match-small"),
    )


def test_no_such_plan_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="shukla2020-emotion"):
        read_plan("shukla2019")
    with pytest.raises(OptionsError, match=r"absent\.yaml"):
        read_plan(tmp_path / "absent.yaml")


def test_the_papers_are_there() -> None:
    assert {"shukla2020-emotion", "chung2020-sync", "separation-ablation", "joint"} <= set(plan_names())


def _changed(keys: str, value: Any) -> dict[str, Any]:
    """The small plan's YAML with one value changed; keys are parted by slashes, numbers count in lists."""
    told = yaml.safe_load(plan_to_yaml(small_plan()))
    place: Any = told
    *above, last = keys.split("/")
    for key in above:
        place = place[int(key)] if key.isdigit() else place[key]
    place[last] = value
    return dict(told)


@pytest.mark.parametrize(
    ("keys", "value", "told"),
    [
        ("titel", "x", "has the key 'titel'"),
        ("seeds", 0, "seeds must be 1 or more"),
        ("name", "a/b", "folder"),
        ("corpora/grid/format", "gird", "'gird'"),
        ("corpora/grid/wants", "", "avatars"),
        ("corpora/people/avatars/clip", 1, "'clip'"),
        ("pretexts/sync/preset", "sync-tiny", "sync-tiny"),
        ("pretexts/sync/corpora", ["peple"], "'peple'"),
        ("pretexts/sync/corpora", [], "'sync' has no corpora"),
        ("pretexts/sync/set", {"optim.seed": 1}, "optim.seed"),
        ("pretexts/sync/set", {"engine.threads": 2}, "engine.threads"),
        ("pretexts/sync/vary", {"model.loss": []}, "varies model.loss"),
        ("pretexts/sync/vary", {"corpora": [["people"], 1]}, "corpora, but 1"),
        ("pretexts/sync/vary", {"corpora": ["people"]}, "'people'"),
        ("pretexts/more/init", "pretext:sink", "'sink'"),
        ("pretexts/sync/init", "pretext:more", "starts from itself"),
        ("pretexts/model", {"preset": "sync-small", "corpora": ["people"]}, "'model'"),
        ("tasks/sync/task", "sink", "'sink'"),
        ("tasks/sync/data", [], "has no data"),
        ("tasks/sync/data", ["peple"], "'peple'"),
        ("tasks/sync/data", ["people", "people"], "table 'people' twice"),
        ("tasks/sync/scores", ["K=5", "K=5"], "score 'K=5' twice"),
        ("tasks/sync/rows", [], "no rows"),
        ("tasks/sync/rows", ["sync", "sync", "more"], "row 'sync' twice"),
        ("tasks/sync/rows", ["sync", "more", "mffc"], "'mffc'"),
        ("tasks/sync/rows/0/mode", "melted", "'melted'"),
        ("tasks/sync/labels", [0.1], "which sync does not support"),
        ("tasks/sync/labels", [], "labels"),
        ("tasks/sync/noise", "babble", "which sync does not support"),
        ("tasks/sync/snr_db", [5], "both noise and snr_db"),
        ("tasks", {}, "there are no tasks"),
        ("claims/0/better", "mroe", "'mroe'"),
        ("claims/0/task", "sink", "'sink'"),
        ("claims/0/than", ["more"], "other rows"),
        ("claims/0/labels", 0.5, "labels 0.5"),
    ],
)
def test_what_does_not_fit_is_told_with_file_and_name(keys: str, value: Any, told: str) -> None:
    with pytest.raises(OptionsError) as raised:
        plan_from_yaml(yaml.safe_dump(_changed(keys, value)), "small", "some/where.yaml")
    sentence = str(raised.value)
    assert told in sentence
    assert "some/where.yaml" in sentence or "small" in sentence
    assert "\n" not in sentence


def test_a_key_that_stands_twice_is_told_and_one_that_goes_over_a_merged_one_is_not() -> None:
    with pytest.raises(OptionsError, match=r"'sync' in line 4"):
        plan_from_yaml("title: x\npretexts:\n  sync: {preset: a}\n  sync: {preset: b}\n", "x", "f.yaml")
    with pytest.raises(OptionsError, match="'about'"):
        plan_from_yaml("title: x\npretexts: {a: {set: &a {b: 1}}, c: {set: {<<: *a, b: 2}}}\n", "x", "f.yaml")


def test_a_row_of_the_papers_figures_has_one_for_each_column() -> None:
    plan = small_plan(paper=(PaperTable("T", "S", "sync", ("a", "b"), {"x": (1.0,)}, "all"),))
    with pytest.raises(OptionsError, match=r"2 columns.*'x'"):
        plan_from_yaml(plan_to_yaml(plan), "small", "f.yaml")
