"""Makes small state dicts, as torch.save writes them, and the pickles in them alone."""

import zipfile
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent


def many() -> dict[str, torch.Tensor]:
    base = torch.arange(12.0).reshape(4, 3)
    return {
        "weight": base, "tied": base, "view": base[1:3], "columns": base.t(), "steps": base[:, 1], "scalar": torch.tensor(3.0),
        "none": torch.zeros(0, 3), "parameter": torch.nn.Parameter(torch.ones(2)), "half": torch.ones(5).half(),
        "brain": torch.ones(2).bfloat16(), "double": torch.ones(2).double(), "long": torch.arange(3), "flag": torch.tensor([True]),
    }


def main() -> None:
    torch.manual_seed(1)
    for name, value in {"many": many(), "module": torch.nn.Linear(3, 2).state_dict(), "nested": {"a": [1, 2.5, None, "x"], "b": {"c": base()}}}.items():
        torch.save(value, HERE / f"{name}.bin")
        with zipfile.ZipFile(HERE / f"{name}.bin") as archive:
            (HERE / f"{name}.pkl").write_bytes(archive.read(f"{name}/data.pkl"))


def base() -> torch.Tensor:
    return torch.ones(2, 2)


if __name__ == "__main__":
    main()
