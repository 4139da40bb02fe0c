"""A stage of training that can be stopped at any time: its processor time, what it tells, what it keeps.

In the last part of the hours the rates fall to zero. What there was before they fell is kept (level.pt), and a stage that is given more hours than it had goes on from there: an early end is a branch, not the end.
"""
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch

SHOWN, KEPT = 60, 600
"""Seconds of processor time after which a line is told and a checkpoint is written."""


class Progress:
    def __init__(self, out: Path, hours: float, evaluate_every: float, fall: float = 0.25, tells: bool = True):
        """`fall`: the part of the hours in which rates fall. `tells`: whether this process is the one that tells, keeps and checks."""
        self.out, self.hours, self.fall, self.tells = out, hours, fall, tells
        self.step, self.spent, self.counts, self.falling = 0, 0.0, {}, False
        self.every = {"show": SHOWN, "save": KEPT, "evaluate": 3600 * evaluate_every}
        out.mkdir(parents=True, exist_ok=True)

    def begin(self) -> None:
        """Time counts from here."""
        self.began = time.process_time()
        self.last = dict.fromkeys(self.every, self.used)

    @property
    def used(self) -> float:
        return self.spent + time.process_time() - self.began

    @property
    def share(self) -> float:
        return self.used / 3600 / self.hours

    @property
    def factor(self) -> float:
        """Of learning rates: fifty steps to rise, the last part to fall."""
        return min(1, (self.step + 1) / 50) * max(0, min(1, (1 - self.share) / self.fall))

    def due(self, what: str) -> bool:
        if self.used - self.last[what] < self.every[what]:
            return False
        self.last[what] = self.used
        return True

    def after_step(self, told: dict[str, float], state: Callable[[], dict], check: Callable[[], dict]) -> None:
        """Counts it, and does what is due: a line, a checkpoint, an evaluation."""
        self.step += 1
        if not self.tells:
            return
        if not self.falling and self.share >= 1 - self.fall:
            self.falling = True
            self.save(self.out / "level.pt", state())
        if self.due("show"):
            self.say(f"step {self.step} {self.share:.3f}", " ".join(f"{name} {value:.3f}" for name, value in told.items()), self.rates())
        if self.due("save"):
            self.save(self.out / "last.pt", state())
        if self.due("evaluate"):
            self.say("check", self.step, json.dumps(check()))

    def say(self, *words) -> None:
        if not self.tells:
            return
        line = " ".join(map(str, (time.strftime("%H:%M:%S"), *words)))
        print(line, flush=True)
        with open(self.out / "log.txt", "a", encoding="utf-8") as file:
            print(line, file=file)

    def rates(self) -> str:
        """What was counted, and how much of it in a second of a core."""
        counted = " ".join(f"{name} {count:,} ({count / self.used:.0f} a second of a core)" for name, count in self.counts.items())
        return f"{counted} left {(1 - self.share) * self.hours:.2f} core-hours"

    def count(self, **numbers: int) -> None:
        for name, number in numbers.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def save(self, path: Path, state: dict) -> None:
        torch.save(state | {"spent": self.used, "step": self.step, "counts": self.counts, "hours": self.hours, "falling": self.falling}, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def restored(self) -> dict | None:
        """The state that a stage goes on from that was stopped or is given more hours."""
        last, level = self.out / "last.pt", self.out / "level.pt"
        if not last.exists():
            return None
        state = torch.load(last, weights_only=False)
        if state.get("falling") and self.hours > state["hours"] and level.exists():
            state = torch.load(level, weights_only=False)
        else:
            self.falling = state.get("falling", False)
        self.spent, self.step, self.counts = state["spent"], state["step"], state.get("counts", {})
        self.say("goes on at step", self.step, "after", round(self.spent / 3600, 2), "hours")
        return state
