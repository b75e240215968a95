"""The rules that carry settings from one size of training to another, as data, and the exponents that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

AXES = ("width", "depth", "batch", "tokens", "rank")
PARAMETRISATIONS = ("standard", "mup", "depth-mup", "completep")
OPTIMIZERS = ("adamw", "adam", "sgd", "muon")
MATRICES = ("embedding", "hidden", "output")
WEIGHTS = (*MATRICES, "vectors")
GROUPS = {
    "lr": WEIGHTS, "weight_decay": MATRICES, "init_std": MATRICES, "eps": WEIGHTS, "output_multiplier": ("output",),
    "branch_multiplier": ("hidden",), "beta1": ("model",), "beta2": ("model",), "ema": ("model",),
    "lora_alpha": ("adapter",), "lora_scale": ("adapter",),
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One statement on one setting of some groups of weights: it is multiplied by ratio**exponent for each axis.

    ``exponents`` are by axis; ``"lr"`` among them stands for all exponents of the learning rate of the same weights.
    Empty ``parametrisations`` or ``optimizers`` mean all of them. ``applied`` is false for what another source says, which
    is compared and not used. ``tested`` has the largest ratio that the source reports, by axis.
    """

    name: str
    says: str
    setting: str
    groups: tuple[str, ...]
    exponents: Mapping[str, float]
    parametrisations: tuple[str, ...]
    optimizers: tuple[str, ...]
    applied: bool
    tested: Mapping[str, float]
    source: str
    status: str

    def speaks_of(self, setting: str, group: str, parametrisation: str, optimizer: str) -> bool:
        """Whether the rule is about this setting of these weights, under this parametrisation and optimiser."""
        return (
            (self.setting == setting and group in self.groups)
            and (not self.parametrisations or parametrisation in self.parametrisations)
            and (not self.optimizers or trained_by(group, optimizer) in self.optimizers)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for JSON."""
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}
        return {**plain, "exponents": dict(self.exponents), "tested": dict(self.tested)}


def known_rules() -> tuple[Rule, ...]:
    """All rules, those that are applied and those that are only compared.

    >>> [rule.exponents for rule in known_rules() if rule.name == "layerwise-decay"]
    [{'width': 0.5}]
    """
    return _rules()


def exponents(setting: str, group: str, *, parametrisation: str, optimizer: str) -> dict[str, float]:
    """The exponent of each axis for which a rule is known: the sum over all rules that are applied.

    An axis that is missing is one for which no rule is known; 0 means that a rule keeps the setting.

    >>> exponents("weight_decay", "hidden", parametrisation="mup", optimizer="adamw")
    {'width': 1.0, 'batch': 0.5, 'tokens': -0.68}
    """
    total: dict[str, float] = {}
    for rule in matching(setting, group, parametrisation=parametrisation, optimizer=optimizer):
        if rule.applied:
            for axis, exponent in resolved(rule, group, parametrisation=parametrisation, optimizer=optimizer).items():
                total[axis] = round(total.get(axis, 0.0) + exponent, 12)
    return total


def resolved(rule: Rule, group: str, *, parametrisation: str, optimizer: str) -> dict[str, float]:
    """The exponents of a rule by axis, with those of the learning rate put in where it names ``lr``."""
    found: dict[str, float] = {}
    if "lr" in rule.exponents:
        rate = exponents("lr", group, parametrisation=parametrisation, optimizer=optimizer)
        found = {axis: rule.exponents["lr"] * exponent for axis, exponent in rate.items()}
    for axis, exponent in rule.exponents.items():
        if axis != "lr":
            found[axis] = round(found.get(axis, 0.0) + exponent, 12)
    return found


def matching(setting: str, group: str, *, parametrisation: str, optimizer: str) -> Iterator[Rule]:
    """The rules that speak of a setting of some weights, in the order of the file."""
    return (rule for rule in _rules() if rule.speaks_of(setting, group, parametrisation, optimizer))


def factor(
    setting: str, group: str, ratios: Mapping[str, float], *, parametrisation: str, optimizer: str = "adamw"
) -> float:
    """What ``setting`` of the weights ``group`` is multiplied by where each axis grows by ``ratios`` (target over proxy).

    The built-in trainer asks this of every run, relative to the model at which its rules change nothing.

    >>> factor("lr", "hidden", {"width": 16}, parametrisation="mup")
    0.0625
    """
    product = 1.0
    for axis, exponent in exponents(setting, group, parametrisation=parametrisation, optimizer=optimizer).items():
        product *= ratios.get(axis, 1.0) ** exponent
    return product


def trained_by(group: str, optimizer: str) -> str:
    """Muon trains the matrices inside the blocks, AdamW everything else beside it."""
    return "adamw" if optimizer == "muon" and group != "hidden" else optimizer


@cache
def _rules() -> tuple[Rule, ...]:
    import tomllib
    from importlib.resources import files

    text = (files("forerun.parametrisation") / "rules.toml").read_text(encoding="utf-8")
    return tuple(_read(entry) for entry in tomllib.loads(text)["rule"])


def _read(entry: Mapping[str, Any]) -> Rule:
    return Rule(
        entry["name"], entry["says"], entry["setting"], tuple(entry["groups"]), entry["exponents"],
        tuple(entry.get("parametrisations", ())), tuple(entry.get("optimizers", ())), entry.get("applied", True),
        entry.get("tested", {}), entry["source"], entry["status"],
    )  # fmt: skip
