"""How weights move: tables by the rows that were touched, matrices by Muon."""
import math

import torch
from layers import Products


class RowTable:
    """A table of which a step touches few rows: Adam (Kingma and Ba 2015) on those alone."""

    def __init__(self, value: torch.Tensor):
        self.value, self.first, self.second = value, torch.zeros_like(value), torch.zeros_like(value)
        self.steps, self.kept = 0, []

    def gather(self, ids: torch.Tensor, keep: bool) -> torch.Tensor:
        rows = self.value[ids]
        if keep:
            self.kept.append((ids, rows.requires_grad_()))
        return rows

    def step(self, rate: float) -> None:
        """Of all that was gathered since the last step."""
        self.steps += 1
        ids, gradients = torch.cat([ids for ids, _ in self.kept]), torch.cat([rows.grad for _, rows in self.kept])
        self.kept = []
        rows, place = ids.unique(return_inverse=True)
        gradient = torch.zeros(len(rows), self.value.shape[1]).index_add_(0, place, gradients)
        first = self.first[rows].lerp_(gradient, 0.1)
        second = self.second[rows].lerp_(gradient.square_(), 0.02)
        self.first[rows], self.second[rows] = first, second
        change = first.div_(second.sqrt_().add_(1e-10)) * (math.sqrt(1 - 0.98**self.steps) / (1 - 0.9**self.steps))
        self.value.index_add_(0, rows, change, alpha=-rate)

    def state(self):
        return {"value": self.value, "first": self.first, "second": self.second, "steps": self.steps}

    def load(self, state):
        self.value, self.first, self.second, self.steps = state["value"], state["first"], state["second"], state["steps"]


class Muon:
    """Jordan et al. 2024: momentum, made orthogonal by five Newton-Schulz steps."""

    def __init__(self, parameters):
        self.parameters = list(parameters)
        self.momentum = [torch.zeros_like(p) for p in self.parameters]

    def load(self, momentum) -> None:
        for mine, saved in zip(self.momentum, momentum):
            mine.copy_(saved)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for parameter, momentum in zip(self.parameters, self.momentum):
            if parameter.grad is None:
                # Of a kind of content that this step had none of.
                continue
            momentum.mul_(0.9).add_(parameter.grad)
            x = parameter.grad + 0.9 * momentum
            x = (x / (x.norm() + 1e-7)).to(Products.type)
            tall = x.shape[0] > x.shape[1]
            x = x.T if tall else x
            for _ in range(5):
                a = x @ x.T
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            parameter.sub_(x.T if tall else x, alpha=rate * 0.2 * max(parameter.shape) ** 0.5)
