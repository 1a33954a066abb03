"""Signals: the first is remembered, an echo is nothing, a second Ctrl-C is obeyed, and handlers are given back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from seehear.training import checkpoint
from seehear.training.checkpoint import StopSignal


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_and_its_echo_are_remembered(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopSignal.watched() as stop:
        assert not stop.asked
        send(number)
        send(number)
        assert stop.asked
        assert stop.number == number
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "INSISTENCE_S", 0.0)
    with StopSignal.watched() as stop:
        send(signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_a_thread_leaves_signals_alone() -> None:
    before, asked = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with StopSignal.watched() as stop:
            asked.append((stop.asked, signal.getsignal(signal.SIGTERM) == before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [(False, True)]
