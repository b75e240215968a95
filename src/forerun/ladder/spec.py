"""The file that a ladder is described in: TOML, checked field by field, turned into the list of its runs."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from forerun.ladder.monitor import DEFAULT_WATCH, Watch
from forerun.ladder.rung import Rung, known
from forerun.note import DataError, nearest
from forerun.units import parse_duration, parse_quantity

RATES = {"adamw": {"lr": 0.005, "adam_lr": 0.01}}  # defaults that suit another optimiser than that of Rung
AMOUNTS = ("steps", "tokens", "tokens_per_parameter", "flops", "device_time")


def _quantity(value: Any) -> Any:
    return parse_quantity(value) if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    return int(parse_quantity(value)) if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", value):
        raise ValueError("a size is width x depth, such as 64x4")
    return value


def _budget(value: str) -> str:
    try:
        parse_duration(value)
    except ValueError:
        try:
            parse_quantity(value)
        except ValueError:
            raise ValueError("a budget is device time such as 15m or FLOPs such as 3e13") from None
    return value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, BeforeValidator(_quantity), Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


T = TypeVar("T")
Many = Annotated[list[T], BeforeValidator(_listed), Field(min_length=1)]


class Grid(BaseModel):
    """Runs that are every combination of what is listed; a key takes one value or a list."""

    model_config = ConfigDict(extra="forbid", strict=False)

    size: Many[Annotated[str, AfterValidator(_size)]] | None = None
    width: Many[Count] | None = None
    depth: Many[Count] | None = None
    context: Many[Count] | None = None
    batch: Many[Count] | None = None
    optimizer: Many[Literal["muon", "adamw"]] | None = None
    lr: Many[Positive] | None = None
    adam_lr: Many[Positive] | None = None
    adam_lr_ratio: Many[Positive] | None = None  # adam_lr as a multiple of lr, so that a sweep over lr moves both
    weight_decay: Many[Annotated[float, Field(ge=0)]] | None = None
    schedule: Many[Literal["linear", "cosine", "wsd", "constant"]] | None = None
    warmup: Many[Annotated[int, Field(ge=0)]] | None = None
    cooldown: Many[Share] | None = None
    final_lr: Many[Share] | None = None
    scaling: Many[Literal["standard", "mup", "completep"]] | None = None
    seed: Many[Annotated[int, Field(ge=0)]] | None = None
    mixture: Many[dict[str, Share]] | None = None
    unique: Many[Annotated[int, BeforeValidator(_whole), Field(gt=0)]] | None = None
    steps: Many[Count] | None = None
    tokens: Many[Positive] | None = None
    tokens_per_parameter: Many[Positive] | None = None
    flops: Many[Positive] | None = None
    device_time: Many[Seconds] | None = None
    held_back: bool = False

    @model_validator(mode="after")
    def _one_of_each(self) -> Grid:
        if self.size is not None and (self.width is not None or self.depth is not None):
            raise ValueError("give size, or width and depth, not both")
        if self.adam_lr is not None and self.adam_lr_ratio is not None:
            raise ValueError("give adam_lr or adam_lr_ratio, not both")
        if sum(getattr(self, name) is not None for name in AMOUNTS) > 1:
            raise ValueError(f"give one of {', '.join(AMOUNTS)}")
        return self


class Watching(BaseModel):
    """How the runs are observed."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[int, Field(ge=2)] = Watch.points
    validate_curve: bool = Watch.validate_curve
    validation_bytes: Count = Watch.validation_bytes
    checkpoint_seconds: Annotated[float, Field(gt=0)] = Watch.checkpoint_seconds


class Spec(BaseModel):
    """A ladder as its file describes it."""

    model_config = ConfigDict(extra="forbid")

    corpus: Path | None = None
    budget: Annotated[str, AfterValidator(_budget)] | None = None
    minimum_steps: Count = 200
    run: Grid = Grid()
    watch: Watching = Watching()
    grid: Annotated[list[Grid], Field(min_length=1)]

    @property
    def context(self) -> int:
        """The longest context of all runs."""
        shared = self.run.context or [Rung.context]
        return max(length for grid in self.grid for length in grid.context or shared)


@dataclass(frozen=True)
class Ladder:
    """A ladder whose every run is known: those to fit, those held back, those left out as too short, and how to watch them."""

    rungs: tuple[Rung, ...]
    held_back: tuple[Rung, ...] = ()
    left_out: tuple[Rung, ...] = ()
    corpus: Path | None = None
    watch: Watch = DEFAULT_WATCH

    @property
    def flops(self) -> float:
        """FLOPs of all runs."""
        return sum(rung.flops for rung in (*self.rungs, *self.held_back))

    @property
    def shared_flops(self) -> float:
        """FLOPs that need not be trained again, because ``wsd`` runs of one trunk share their stable phase.

        Each begins its cooldown, or goes on, where the next shorter one began its own (Hägele et al. 2024,
        arXiv:2405.18392, section 4): of ten lengths only the longest stable phase is paid for, and ten cooldowns.
        """
        trunks: dict[str, list[Rung]] = {}
        for rung in (*self.rungs, *self.held_back):
            if rung.trunk is not None:
                trunks.setdefault(rung.trunk, []).append(rung)
        shared = 0.0
        for group in trunks.values():
            ordered = sorted(group, key=lambda rung: rung.stable_steps)
            shared += sum(r.flops * r.stable_steps / r.steps for r in ordered[:-1])
        return shared


def read_spec(path: str | Path) -> Spec:
    """The ladder that a TOML file describes. Raises ``DataError`` with the key, what was received, and what is allowed."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError("no-file", f"there is no file {path}", advice="Name a ladder file (.toml)") from None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise DataError("unreadable", message, advice="Name a ladder file (.toml)") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError("bad-ladder", f"{path} is not TOML: {error}") from None
    spec = parse_spec(data, name=str(path))
    if spec.corpus is not None and not spec.corpus.is_absolute():
        return spec.model_copy(update={"corpus": path.parent / spec.corpus})
    return spec


def parse_spec(data: dict[str, Any], *, name: str = "the ladder") -> Spec:
    """A ladder from a mapping, as :func:`read_spec` checks it."""
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        raise _plain(error, name) from None


def _plain(error: ValidationError, name: str) -> DataError:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
    if first["type"] == "extra_forbidden":
        group = Grid if first["loc"][0] in ("run", "grid") else Watching if first["loc"][0] == "watch" else Spec
        close = nearest(str(first["loc"][-1]), group.model_fields, 1)
        advice = f"Did you mean {close[0]}?" if close and len(first["loc"]) else ""
        return DataError("unknown-key", f"{name}: {where} is not a key of a ladder", advice=advice or _keys(group))
    if first["type"] == "missing":
        return DataError("missing-key", f"{name}: {where} is missing", advice="Add at least one table [[grid]]")
    message = first["msg"].removeprefix("Value error, ")
    received = "" if isinstance(first["input"], dict | Grid) else f", received {first['input']!r}"
    return DataError("bad-value", f"{name}: {where}: {message[0].lower()}{message[1:]}{received}")


def _keys(group: type[BaseModel]) -> str:
    return f"Use one of: {', '.join(group.model_fields)}"


def expand(spec: Spec, throughput: Callable[[Rung], float] | None = None) -> Ladder:
    """Every run of ``spec``. ``throughput(rung)`` gives tokens per second, and is asked where runs are set by device time.

    Runs of fewer than ``minimum_steps`` steps are left out: they end on the plateau before a law shows. Raises
    ``DataError`` if none is left to fit, or if all together need more than the budget.
    """
    rungs: dict[str, tuple[Rung, bool]] = {}
    left_out = {}
    for grid in spec.grid:
        for rung in _combinations(spec.run, grid, throughput):
            if rung.steps < spec.minimum_steps:
                left_out[rung.digest] = rung
            else:
                rungs.setdefault(rung.digest, (rung, grid.held_back))
    if not rungs:
        message = f"all {len(left_out)} runs would have fewer than minimum_steps = {spec.minimum_steps} steps"
        raise DataError("no-runs", message, advice="Train longer, choose smaller models, or lower minimum_steps")
    kept = tuple(r for r, held in rungs.values() if not held)
    held = tuple(r for r, held in rungs.values() if held)
    if not kept:
        message = f"every run is held back ({len(held)}), and none is left to forecast them from"
        raise DataError("no-runs", message, advice="Add a table [[grid]] without held_back")
    _check_budget(spec, (*kept, *held), throughput)
    return Ladder(kept, held, tuple(left_out.values()), spec.corpus, Watch(**spec.watch.model_dump()))


def _check_budget(spec: Spec, rungs: tuple[Rung, ...], throughput: Callable[[Rung], float] | None) -> None:
    """Refuse runs that together need more than the budget of the ladder."""
    if spec.budget is None:
        return
    try:
        allowed, unit = parse_duration(spec.budget), "seconds of one device"
    except ValueError:
        allowed, unit = parse_quantity(spec.budget), "FLOP"
    if unit == "FLOP":
        needed = sum(rung.flops for rung in rungs)
    else:
        needed = sum(rung.tokens / known(throughput)(rung) for rung in rungs)
    if needed > allowed:
        message = f"the runs need {needed:.3g} {unit}, more than the budget of {spec.budget}"
        raise DataError("over-budget", message, advice="Leave runs out, shorten them, or raise the budget")


def _combinations(shared: Grid, grid: Grid, throughput: Callable[[Rung], float] | None) -> list[Rung]:
    """All runs of one grid, with what the grid does not say taken from ``shared``."""
    own = grid.model_dump(exclude_none=True, exclude={"held_back"})
    common = shared.model_dump(exclude_none=True, exclude={"held_back"})
    for alternatives in (AMOUNTS, ("adam_lr", "adam_lr_ratio"), ("size", "width"), ("size", "depth")):
        if set(alternatives) & set(own):
            common = {key: value for key, value in common.items() if key not in alternatives}
    axes = common | own
    return [_rung(dict(zip(axes, values)), throughput) for values in itertools.product(*axes.values())]


def _rung(values: dict[str, Any], throughput: Callable[[Rung], float] | None) -> Rung:
    """The run that one combination means: its size split, its amount of training turned into steps."""
    if "size" in values:
        values["width"], values["depth"] = map(int, values["size"].split("x"))
    values = RATES.get(values.get("optimizer", Rung.optimizer), {}) | values
    if "adam_lr_ratio" in values:
        values["adam_lr"] = values["adam_lr_ratio"] * values.get("lr", Rung.lr)
    rung = Rung(**{f.name: values[f.name] for f in fields(Rung) if f.name in values and f.name != "steps"})
    return rung.trained(**{name: values[name] for name in AMOUNTS if name in values}, throughput=throughput)
