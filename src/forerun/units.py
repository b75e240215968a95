"""Known columns and quantities: names, units, meanings, synonyms, and how ``70B`` or ``5.76e23`` is read and written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

SCALE = ("N", "D", "C", "M")
LARGEST = 1e60  # no quantity of a run is larger, or above zero and smaller than its inverse
FLOPS_PER_PARAMETER_AND_TOKEN = 6.0  # forward 2, backward 4: Kaplan et al. 2020, arXiv:2001.08361, section 2.1


@dataclass(frozen=True)
class Column:
    """What a column of a runs table, or an input of a law, means.

    ``positive`` columns must be above zero in every row; ``label`` columns hold text. ``typical`` is the range that
    synthetic runs are drawn from. ``index`` names what the column is repeated over (``r[web]``, ``r[code]``), if it is.
    ``most`` is the largest size that a cell can have.
    """

    role: str
    unit: str
    meaning: str
    synonyms: tuple[str, ...] = ()
    positive: bool = True
    label: bool = False
    typical: tuple[float, float] = (1.0, 1e4)
    index: str | None = None
    most: float = LARGEST

    def over(self, index: str) -> Column:
        """The same column once for every member of ``index``: ``WEIGHT.over("domain")``."""
        return replace(self, index=index)


PARAMETERS = Column(
    "N", "parameters", "model parameters",
    ("N", "params", "parameters", "n_params", "num_params", "param_count", "model_size"), typical=(1e7, 1e10),
)  # fmt: skip
TOKENS = Column(
    "D", "tokens", "training tokens",
    ("D", "tokens", "n_tokens", "num_tokens", "train_tokens", "training_tokens"), typical=(1e9, 1e12),
)  # fmt: skip
FLOPS = Column(
    "C", "FLOP", "training compute",
    ("C", "flops", "flop", "compute", "train_flops", "training_flops", "flops_6nd"), typical=(1e18, 1e22),
)  # fmt: skip
TOKENS_PER_PARAMETER = Column(
    "M", "tokens/parameter", "training tokens per parameter",
    ("M", "tokens_per_parameter", "tokens_per_param", "token_multiplier"), typical=(5.0, 640.0),
)  # fmt: skip
UNIQUE_TOKENS = Column(
    "U", "tokens", "unique training tokens",
    ("U", "unique_tokens", "tokens_unique", "n_unique_tokens"), typical=(1e8, 1e11),
)  # fmt: skip
EPOCHS = Column("epochs", "passes", "passes over the unique tokens", ("epochs", "epoch"), typical=(1.0, 40.0))
LOSS = Column(
    "loss", "nats/token", "validation loss",
    ("loss", "val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "final_loss"), typical=(1.5, 6.0),
)  # fmt: skip
X = Column("x", "", "the variable that is scaled", ("x",), typical=(1e3, 1e7))
Y = Column("y", "", "the measured outcome", ("y",), typical=(0.05, 1.0))
SCORE = Column(
    "score", "of 1", "benchmark score", ("score", "accuracy", "acc"), positive=False, typical=(0.05, 0.95), most=1.0
)  # fmt: skip
STEP = Column("step", "steps", "optimiser step", ("step", "steps", "iteration"), positive=False, typical=(1.0, 3e4))
LEARNING_RATE = Column(
    "lr", "", "learning rate", ("lr", "learning_rate"), positive=False, typical=(1e-5, 1e-2)
)  # fmt: skip
WEIGHT = Column("r", "", "share of the training mixture", ("r",), positive=False, typical=(0.0, 1.0))
SUCCESSES = Column("k", "count", "successes", ("k", "n_correct", "successes"), positive=False, typical=(0.0, 1e3))
TRIALS = Column("trials", "count", "independent trials", ("trials", "n_samples", "n_trials"), typical=(1e2, 1e4))
RUN = Column("run", "", "identifier of a run", ("run", "run_id", "run_name"), label=True)
FAMILY = Column("family", "", "group of runs that share a recipe", ("family", "model_family"), label=True)
SEED = Column("seed", "", "random seed of the run", ("seed", "random_seed"), label=True)
TOKENIZER = Column("tokenizer", "", "tokenizer that the loss is counted in", ("tokenizer",), label=True)
ROW_WEIGHT = Column("weight", "", "weight of the row in the objective", ("weight", "row_weight"), positive=False)
STANDARD_ERROR = Column("se", "as the outcome", "standard error of the outcome", ("loss_se", "se", "stderr"))
BATCH = Column("batch", "tokens/step", "tokens in one optimiser step", ("batch", "batch_tokens"), typical=(1e5, 1e7))
AREA = Column(
    "area", "rate x steps", "sum of the learning rates of all steps so far", ("lr_area",), typical=(0.3, 20.0)
)
FALL = Column(
    "fall", "rate", "fall of the learning rate in a piece of the schedule, negative where it rises", ("lr_fall",),
    positive=False, typical=(1e-6, 1e-4),
)  # fmt: skip
AREA_SINCE = Column(
    "area_since", "rate x steps", "sum of the learning rates of the steps since a piece of the schedule",
    ("lr_area_since",), typical=(1e-3, 10.0),
)  # fmt: skip

COLUMNS: Mapping[str, Column] = {
    c.role: c
    for c in (
        PARAMETERS, TOKENS, FLOPS, TOKENS_PER_PARAMETER, UNIQUE_TOKENS, EPOCHS, LOSS, X, Y, SCORE, STEP, LEARNING_RATE,
        WEIGHT, SUCCESSES, TRIALS, RUN, FAMILY, SEED, TOKENIZER, ROW_WEIGHT, STANDARD_ERROR,
        BATCH, AREA, FALL, AREA_SINCE,
    )
}  # fmt: skip

_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12, "p": 1e15}
_QUANTITY = re.compile(r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([kKmMbBgGtTpP]?)")
_DURATIONS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def parse_quantity(text: str) -> float:
    """A number written by a person: ``70B``, ``1.4T``, ``5.76e23``, ``350_000``, ``12k``.

    Suffixes are k, M, B (or G), T and P for 1e3 to 1e15, in either case. Raises ``ValueError`` that says what was
    received for anything else.

    >>> parse_quantity("70B"), parse_quantity("5.76e23")
    (70000000000.0, 5.76e+23)
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected a number such as 7e9, 70B or 1.4T, received {text!r}")
    return float(match[1].replace("_", "")) * _SUFFIXES[match[2].lower()]


def parse_duration(text: str) -> float:
    """Seconds from ``90s``, ``15m``, ``6h``, ``3d`` or ``2w``.

    >>> parse_duration("3d")
    259200.0
    """
    match = re.fullmatch(r"(\d+\.?\d*)\s*([smhdw])", text.strip())
    if match is None:
        raise ValueError(f"expected a duration such as 15m, 6h or 3d, received {text!r}")
    return float(match[1]) * _DURATIONS[match[2]]


def parse_devices(text: str) -> tuple[int, str]:
    """Count and name from ``8xH100``.

    >>> parse_devices("8xH100")
    (8, 'H100')
    """
    match = re.fullmatch(r"(\d+)\s*x\s*(\w[\w.-]*)", text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"expected devices such as 8xH100, received {text!r}")
    return int(match[1]), match[2]


def format_quantity(value: float, digits: int = 4) -> str:
    """A count as a person writes it, with ``digits`` significant digits: ``72.3B``, ``1.4T``; others as they are.

    >>> format_quantity(7.23456e10), format_quantity(5.76e23), format_quantity(1.81722)
    ('72.35B', '5.76e+23', '1.817')
    """
    if not math.isfinite(value):
        return str(value)
    for size, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if size <= abs(value) < 1e15:
            return f"{value / size:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"


def derive_scale(known: Mapping[str, Any]) -> dict[str, Any]:
    """``known`` with whatever follows of N, D, C = 6ND and M = D/N, in floating point (integers overflow at 7B).

    Values may be numbers or NumPy arrays; nothing given is overwritten, and without two of the four nothing follows.

    >>> derive_scale({"N": 7e9, "M": 20.0})["C"]
    5.88e+21
    """
    out = {k: v * 1.0 if k in SCALE else v for k, v in known.items()}
    six = FLOPS_PER_PARAMETER_AND_TOKEN
    if "C" in out and "M" in out and "N" not in out and "D" not in out:
        out["N"] = (out["C"] / (six * out["M"])) ** 0.5
    if "N" in out and "D" not in out:
        if "M" in out:
            out["D"] = out["M"] * out["N"]
        elif "C" in out:
            out["D"] = out["C"] / (six * out["N"])
    if "D" in out and "N" not in out:
        if "C" in out:
            out["N"] = out["C"] / (six * out["D"])
        elif "M" in out:
            out["N"] = out["D"] / out["M"]
    if "N" in out and "D" in out:
        out.setdefault("C", six * out["N"] * out["D"])
        out.setdefault("M", out["D"] / out["N"])
    return out
