"""Signals: the first is remembered, an echo is nothing, a second Ctrl-C is obeyed, and handlers are given back.

And a checkpoint that cannot be written leaves the old one and nothing else.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path

import pytest
from lightning_fabric import Fabric

from seehear.errors import SeehearError
from seehear.training import checkpoint
from seehear.training.checkpoint import StopSignal, save_checkpoint


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_and_its_echo_are_remembered(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopSignal.listening() as stop:
        assert not stop.requested
        send(number)
        send(number)
        assert stop.requested
        assert stop.number == number
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SECOND_SIGNAL_S", 0.0)
    with StopSignal.listening() as stop:
        send(signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_a_thread_leaves_signals_alone() -> None:
    before, asked = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with StopSignal.listening() as stop:
            asked.append((stop.requested, signal.getsignal(signal.SIGTERM) == before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [(False, True)]


def test_a_full_disk_is_a_sentence_and_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fabric, path = Fabric(accelerator="cpu", devices=1), tmp_path / "checkpoints" / "last.ckpt"
    save_checkpoint(fabric, path, {"step": 1})
    before = path.read_bytes()

    def fill(beside: Path, state: object) -> None:
        beside.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fabric, "save", fill)
    with pytest.raises(SeehearError, match=f"the disk is full: nothing is written to {path}"):
        save_checkpoint(fabric, path, {"step": 2})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
