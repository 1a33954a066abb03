"""Benchmarks: tables of models, losses, encoders, tasks and seeds. The package is callable, as its function."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    """The package and the public function have one name: once the package is imported, it stands for the function."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from seehear.benchmark.run import benchmark

        return benchmark(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule
