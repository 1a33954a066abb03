"""Checks of the installation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seehear.apps import doctor as doctor_module
from seehear.apps.doctor import Check, DoctorResult, doctor
from seehear.cli import main
from seehear.errors import ModelError


@pytest.fixture(scope="module")
def result() -> DoctorResult:
    return doctor(offline=True)


def by_name(result: DoctorResult) -> dict[str, Check]:
    return {check.name: check for check in result.checks}


def test_this_installation_has_no_problem(result: DoctorResult) -> None:
    assert result.problems == ()
    assert result.ok
    checks = by_name(result)
    assert "network" not in checks
    assert {"processor", "decoder", "face detector", "models", "disk"} <= set(checks)
    assert "sync-small" in checks["models"].finding
    assert all(check.name in str(result) for check in result.checks)


def test_every_note_says_what_to_do(result: DoctorResult) -> None:
    assert all(check.advice for check in result.checks if check.status != "ok")


def test_what_is_printed_as_json_can_be_counted(result: DoctorResult) -> None:
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["ok"] + plain["note"] + plain["problem"] == len(plain["checks"])


def test_a_missing_detector_is_a_problem_with_its_way_out_and_the_other_checks_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SEEHEAR_YUNET", str(tmp_path / "absent.onnx"))

    assert main(["doctor", "--offline", "--json"]) == 2
    printed = capsys.readouterr()
    checks = {check["name"]: check for check in json.loads(printed.out)["checks"]}
    assert checks["face detector"]["status"] == "problem"
    assert "absent.onnx" in printed.err
    assert checks["models"]["status"] == "ok"


def test_a_library_that_raises_anything_is_a_problem_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("libavcodec.so.61\nnot found")

    monkeypatch.setattr("seehear.media.encode.write_video", broken)

    check = doctor_module._checked("decoder", doctor_module._decoder)
    assert check.status == "problem"
    assert check.finding == "RuntimeError: libavcodec.so.61 not found"


def test_a_decoder_that_loses_the_sound_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    from seehear.media.encode import write_video

    def silent(path: Path, frames: Any, audio: Any) -> None:
        write_video(path, frames, audio=audio * 0)

    monkeypatch.setattr("seehear.media.encode.write_video", silent)

    assert doctor_module._decoder().status == "problem"


def test_no_trained_model_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.models.store.packaged_models", list)
    assert doctor_module._models().status == "problem"

    def refuse(name: str) -> None:
        raise ModelError(f"{name} is a Git LFS pointer")

    monkeypatch.setattr("seehear.models.store.packaged_models", lambda: ["sync-small"])
    monkeypatch.setattr("seehear.models.store.load", refuse)
    assert "sync-small" in doctor_module._checked("models", doctor_module._models).finding


def test_limited_kernels_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.machine.cpu_kind", lambda: "AVX2 (AVX-512 limited by ONEDNN_MAX_CPU_ISA=AVX2)")

    check = doctor_module._processor()
    assert check.status == "note"
    assert "ONEDNN_MAX_CPU_ISA" in check.finding


def test_an_unreachable_hub_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")

    check = doctor_module._network()
    assert check.status == "note"
    assert "127.0.0.1" in check.finding


def test_a_full_disk_and_scarce_memory_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_module, "LOW_DISK", 1 << 80)
    monkeypatch.setattr(doctor_module, "LOW_MEMORY", 1 << 80)

    assert doctor_module._disk().status == "note"
    if Path("/proc/meminfo").is_file():
        assert doctor_module._memory().status == "note"
