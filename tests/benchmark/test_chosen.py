import pytest

from seehear.benchmark.plan import PretextSpec
from seehear.benchmark.sweep import has_option, pretext_settings
from seehear.config import OptionsError
from seehear.errors import ModelError
from seehear.training.settings import read_settings


def test_nothing_set_is_the_preset() -> None:
    assert pretext_settings("x", PretextSpec("match-small")) == read_settings("match-small")


def test_what_is_set_takes_the_place_of_the_presets_and_leaves_what_is_beside() -> None:
    told = {"optim.steps": 7, "model.lips.size": 32, "model.pictures.flip": 0.25, "model.candidates": None}
    found = pretext_settings("x", PretextSpec("sync-small", set=told))
    assert (found.optim.steps, found.optim.lr) == (7, read_settings("sync-small").optim.lr)
    assert found.model.lips == {"size": 32}
    assert (found.model.pictures.flip, found.model.encoder) == (0.25, "small")


def test_options_are_those_of_the_flags_and_what_is_inside_of_mappings() -> None:
    found = read_settings("sync-small")
    for option in ("model.loss", "optim.lr", "model.pictures.flip", "model.lips", "model.lips.size"):
        assert has_option(found, option)
    for option in ("model", "optim", "model.alpha", "optim.lr.high", "loss", ""):
        assert not has_option(found, option)


@pytest.mark.parametrize(
    "told",
    [
        {"optim": {"steps": 3}},  # a section is not an option
        {"optim.steps": "many"},
        {"optim.steps": 0},
        {"model.loss": "none"},
        {"model.loss": "separate", "model.similarity": "inverse-euclidean"},
        {"model.pretext": "animate"},
        {"something.else": 1},
    ],
)
def test_what_cannot_be_set_is_told_with_the_pretexts_name(told: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match="the pretext 'x'") as raised:
        pretext_settings("x", PretextSpec("sync-small", set=told))
    assert "\n" not in str(raised.value)


def test_a_preset_that_is_not_there_is_told() -> None:
    with pytest.raises(ModelError, match=r"mine\.yaml") as raised:
        pretext_settings("x", PretextSpec("mine.yaml"))
    assert "\n" not in str(raised.value)
