"""A package outside of this one adds a loss, an encoder, a model, a task and a data set; each is used by its name.

The package is the module of docs/plugins.md, laid out as pip leaves it, with an entry point.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seehear.media.encode import write_video

PAGE = Path(__file__).resolve().parents[1] / "docs" / "plugins.md"

SMALL = "data: {batch: 2, frames: 25, min_frames: 25}\noptim: {steps: 2, warmup: 1}\n"
CPU = "engine: {accelerator: cpu, precision: 32-true}\n"
LIPS = "{size: 16, stem_channels: 4, channels: [8], strides: [2], temporal: [], dim: 8}"
SOUND = "{bands: 8, channels: [4, 8, 8, 8], temporal: [2], dim: 8}"

PLAN = """
title: Loudness
about: Is it there?
seeds: 1
corpora:
  people: {wants: Some clips.}
pretexts:
  loudness:
    preset: loudness
    corpora: [people]
    set: {optim.steps: 2, data.batch: 2, data.frames: 25, data.min_frames: 25}
tasks:
  read:
    task: loudness
    title: Loudness
    data: [people]
    options: {first: 1}
    rows: [loudness]
claims: []
"""

DRIVER = """
import sys

from seehear.cli import main

if __name__ == "__main__":
    for line in sys.stdin.read().splitlines():
        print("#", main(line.split(" ")), flush=True)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed package, and files of its data set."""
    folder = tmp_path_factory.mktemp("package")
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (folder / "my_seehear.py").write_text("\n\n".join(blocks), encoding="utf-8")
    entries = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    info = folder / "my_seehear-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_seehear\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        entries[0].replace('project.entry-points."seehear.plugins"', "seehear.plugins")
    )
    (info / "entry_points.txt").write_text("[seehear.plugins]\n" + entries[0].splitlines()[1].replace('"', "") + "\n")

    rng = np.random.default_rng(0)
    (folder / "files").mkdir()
    for speaker in ("anna", "ben"):
        for number in (1, 2):
            frames = rng.integers(0, 255, (50, 128, 128, 3), np.uint8)
            level = np.repeat(rng.uniform(0.05, 0.9, 50), 640)
            audio = (rng.uniform(-1, 1, 50 * 640) * level).astype(np.float32)
            write_video(folder / "files" / f"{speaker}_{number}.mp4", frames, audio=audio)
    (folder / "loss.yaml").write_text(
        f"model: {{pretext: sync, loss: tempered, loss_options: {{temperature: 0.2}}, lips: {LIPS}, sound: {SOUND}}}\n"
        + SMALL
        + CPU
    )
    (folder / "encoder.yaml").write_text("model: {pretext: animate, encoder: frames, sound: {dim: 4}}\n" + SMALL + CPU)
    (folder / "model.yaml").write_text("model: {pretext: loudness, dim: 4}\n" + SMALL + CPU)
    (folder / "plan.yaml").write_text(PLAN)
    (folder / "driver.py").write_text(DRIVER)
    return folder


def seehear(package: Path, *lines: str) -> tuple[list[int], str]:
    """Exit codes of command lines, one after the other in a process that has the package; all that was printed."""
    path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "driver.py"],
        input="\n".join(lines),
        env=os.environ | {"PYTHONPATH": path},
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    printed = done.stdout + done.stderr
    return [int(code) for code in re.findall(r"^# (\d+)$", done.stdout, re.MULTILINE)], printed


def test_help_lists_the_task_without_torch(package: Path) -> None:
    codes, printed = seehear(package, "--help")
    assert codes == [0]
    assert "evaluate loudness" in printed


def test_names_of_the_package_work_like_built_in_ones(package: Path) -> None:
    """Two workers prepare and measure: they load the package too."""
    codes, printed = seehear(
        package,
        "prepare files -o corpus --dataset tones --faces whole-frame --workers 2",
        "pretrain corpus -o with-loss --preset loss.yaml",
        "pretrain corpus -o with-encoder --preset encoder.yaml",
        "pretrain corpus -o with-model --preset model.yaml",
        "evaluate loudness with-encoder corpus --out encoder.json",
        "evaluate loudness with-model corpus --first 1 --out model.json",
        "embed with-model files/anna_1.mp4 -o features.npz",
        "benchmark plan.yaml -o table --data people=corpus --workers 2",
    )
    assert codes == [0] * 8, printed
    config = json.loads((package / "with-loss" / "config.json").read_text())["model"]
    assert (config["loss"], config["loss_options"]) == ("tempered", {"temperature": 0.2})
    assert json.loads((package / "with-encoder" / "config.json").read_text())["model"]["sound"] == {"dim": 4}
    for name in ("encoder", "model"):
        result = json.loads((package / f"{name}.json").read_text())
        assert result["clips"] == 4
        assert -1 <= result["correlation"] <= 1
    written = np.load(package / "features.npz")
    assert [written[name].shape[1] for name in written if written[name].ndim == 2] == [4]
    outcomes = [json.loads(path.read_text()) for path in (package / "table" / "outcomes").glob("*.json")]
    assert [outcome["scores"].keys() for outcome in outcomes if outcome.get("scores")] == [{"correlation": 0}.keys()]


def test_without_the_package_its_names_are_a_sentence(package: Path, tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    codes, printed = seehear(
        tmp_path,
        f"embed {package / 'with-model'} {package / 'files' / 'anna_1.mp4'} -o features.npz",
        "evaluate loudness run corpus",
        f"prepare {package / 'files'} -o corpus --dataset tones",
    )
    assert "Traceback" not in printed
    assert all(name in printed for name in ("loudness", "tones"))
    assert codes == [2, 2]  # a choice that does not exist ends the process
