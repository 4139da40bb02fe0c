"""Several processes that train one model, a core each: every one takes steps of its own, and now and then all take the mean of what they have (local SGD: Stich 2019, arXiv 1805.09767).

Of a table's row those alone count that changed it: a step touches few, and the mean with a process that did not would halve the change.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed as distributed

RANK, STORE = "CASTOR_RANK", "CASTOR_RANKS_STORE"


class Ranks:
    """The first process starts the others, which run the same command."""

    def __init__(self, count: int):
        self.rank, self.count, self.others = int(os.environ.get(RANK, 0)), count, []
        if count < 2:
            return
        if not self.rank:
            self.folder = tempfile.TemporaryDirectory()
            os.environ[STORE] = str(Path(self.folder.name) / "store")
            for rank in range(1, count):
                self.others.append(subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, RANK: str(rank)}, stdout=subprocess.DEVNULL))
        distributed.init_process_group("gloo", init_method=f"file://{os.environ[STORE]}", rank=self.rank, world_size=count)

    def begin(self, parameters: list[torch.Tensor], tables: list[torch.Tensor]) -> None:
        """All have the same now, and leave from it."""
        self.parameters, self.tables = parameters, tables
        self.before = [table.clone() for table in tables] if self.count > 1 else []

    @torch.no_grad()
    def average(self) -> None:
        if self.count < 2:
            return
        for parameter in self.parameters:
            distributed.all_reduce(parameter.data)
            parameter.data /= self.count
        for table, before in zip(self.tables, self.before):
            change = table - before
            by = change.ne(0).any(1).float()
            distributed.all_reduce(change)
            distributed.all_reduce(by)
            table.copy_(before).add_(change / by.clamp_(min=1)[:, None])
            before.copy_(table)

    def first(self, value: float) -> float:
        """What the first process has."""
        if self.count < 2:
            return value
        shared = torch.tensor(value, dtype=torch.float64)
        distributed.broadcast(shared, 0)
        return shared.item()

    def end(self) -> None:
        if self.count > 1:
            distributed.destroy_process_group()
        for other in self.others:
            if status := other.wait():
                sys.exit(f"process {other.pid} ended with status {status}")
