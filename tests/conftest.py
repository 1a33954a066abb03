"""Fixtures that every room's tests share, and the rule that tests which train say so."""

import os
import sys
from collections.abc import Generator
from importlib import import_module
from pathlib import Path

import pytest

from seehear.machine import configure_threads

configure_threads()  # before torch is loaded: beside other work, threads that spin make the suite many times slower
sys.path.insert(0, str(Path(__file__).parent))  # worker processes are given this path and import what they are to do


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and models, beside the checkout or named by SEEHEAR_SHARED."""
    default = Path(__file__).resolve().parents[1].parent / "shared"
    folder = Path(os.environ.get("SEEHEAR_SHARED", default))
    if folder.name == "data":  # the variable may name the data folder itself
        folder = folder.parent
    if not (folder / "data").is_dir():
        pytest.skip(f"real recordings are not here ({folder}); set SEEHEAR_SHARED to the folder that holds data/")
    return folder


class Trainings:
    """Sees to it that whatever moves weights is marked ``trains``, so that it is run with other kernels too."""

    def __init__(self) -> None:
        self._steps = 0
        self._watching = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        self._watch()
        self._steps = 0
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        self._watch()
        result = yield
        if self._steps and not item.get_closest_marker("trains"):
            pytest.fail(f"it trains ({self._steps} steps of an optimizer): mark it with @pytest.mark.trains")
        return result

    def _watch(self) -> None:
        """From when torch is loaded: loading it here would cost those tests seconds that have no need of it."""
        if not self._watching and "torch" in sys.modules:
            from torch.optim.optimizer import register_optimizer_step_post_hook

            register_optimizer_step_post_hook(lambda *_: self._count())
            self._watching = True

    def _count(self) -> None:
        self._steps += 1


@pytest.fixture
def own_model(monkeypatch: pytest.MonkeyPatch) -> Generator[type]:
    """The model of own_model.py, known for one test only."""
    from seehear import registry
    from seehear.models import MODELS

    monkeypatch.setattr(MODELS, "_declared", dict(MODELS._declared))
    monkeypatch.setattr(MODELS, "_added_by", dict(MODELS._added_by))
    monkeypatch.setattr(registry, "_worker_modules", {})
    sys.modules.pop("own_model", None)
    yield import_module("own_model").LoudnessModel
    sys.modules.pop("own_model")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Trainings())
