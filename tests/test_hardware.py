"""Which kernels run, by what the CPU can and what two variables allow."""

from __future__ import annotations

import platform

import pytest
import torch

from seehear import machine
from seehear.machine import cpu_kind, default_precision, supports_bf16

AVX2 = {"avx2": True}
AVX512 = AVX2 | {f"avx512_{part}": True for part in ("f", "bw", "vl", "dq")}
BF16 = AVX512 | {"avx512_bf16": True}


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """cpu(capabilities, **variables): a machine without a GPU and with such a CPU."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)

    def make(capabilities: dict[str, bool], **variables: str) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return make


@pytest.mark.parametrize(
    ("capabilities", "kind"),
    [({}, "x86-64 without AVX2"), (AVX2, "AVX2"), (AVX512, "AVX-512"), (BF16, "AVX-512 with bf16")],
)
def test_the_kind_is_what_the_cpu_can(cpu, capabilities: dict[str, bool], kind: str) -> None:  # type: ignore[no-untyped-def]
    cpu(capabilities)
    assert cpu_kind() == kind
    assert default_precision("auto") == ("bf16-mixed" if "bf16" in kind else "32-true")


@pytest.mark.parametrize(
    ("variables", "kind", "bf16"),
    [
        ({"ATEN_CPU_CAPABILITY": "avx2"}, "AVX2 (AVX-512 with bf16 limited by ATEN_CPU_CAPABILITY=avx2)", True),
        ({"ONEDNN_MAX_CPU_ISA": "avx2"}, "AVX2 (AVX-512 with bf16 limited by ONEDNN_MAX_CPU_ISA=avx2)", False),
        (
            {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
            "AVX-512 (AVX-512 with bf16 limited by ONEDNN_MAX_CPU_ISA=AVX512_CORE)",
            False,
        ),
        ({"ONEDNN_MAX_CPU_ISA": "DEFAULT", "ATEN_CPU_CAPABILITY": ""}, "AVX-512 with bf16", True),
    ],
)
def test_variables_that_limit_it_are_named(cpu, variables: dict[str, str], kind: str, bf16: bool) -> None:  # type: ignore[no-untyped-def]
    cpu(BF16, **variables)
    assert cpu_kind() == kind
    assert supports_bf16() == bf16
    assert default_precision("cpu") == ("bf16-mixed" if bf16 else "32-true")


def test_a_limit_above_what_the_cpu_can_is_none(cpu) -> None:  # type: ignore[no-untyped-def]
    cpu(AVX2, ATEN_CPU_CAPABILITY="avx512", ONEDNN_MAX_CPU_ISA="AVX512_CORE")
    assert cpu_kind() == "AVX2"


def test_other_processors_are_called_by_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert machine.cpu_kind() == "aarch64"
