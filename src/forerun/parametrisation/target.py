"""Settings of a proxy, carried to a target by the rules of a parametrisation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

from forerun.note import DataError, Note, nearest
from forerun.parametrisation.rules import (
    AXES,
    GROUPS,
    OPTIMIZERS,
    PARAMETRISATIONS,
    Rule,
    exponents,
    matching,
    resolved,
)
from forerun.parametrisation.transferred import Transfer, Transferred

SHARES = ("beta1", "beta2", "ema")
ZERO = ("weight_decay", "init_std", "eps", "beta1")


def transfer(
    settings: Mapping[str, float],
    *,
    proxy: Mapping[str, float],
    target: Mapping[str, float],
    parametrisation: str = "completep",
    optimizer: str = "adamw",
) -> Transfer:
    """The settings that a target should be trained with, from those of a smaller proxy, without a search at the target.

    ``settings`` are ``lr``, ``weight_decay`` (of matrices, decoupled: each step takes away lr * weight_decay of a weight),
    ``init_std``, ``eps``, ``beta1``, ``beta2``, ``ema`` (decay a step of an average of the weights), ``lora_alpha`` (of a
    trainer that divides it by the rank), ``output_multiplier`` (of the logits) and ``branch_multiplier`` (of what a block
    adds; both 1 if not given). ``{"lr": 0.02, "lr.embedding": 0.04}`` gives one group of weights its own: embedding,
    hidden (matrices inside the blocks), output, or vectors (gains and biases).

    ``proxy`` and ``target`` say ``width``, ``depth``, ``batch``, ``tokens`` or ``steps`` (at one batch, or with it), and
    the ``rank`` of adapters; what the target does not say stays as in the proxy. ``parametrisation`` is standard, mup,
    depth-mup or completep, and proxy and target must both be trained under it: multipliers and initial scales are part of
    it, and rates alone do not carry over. ``optimizer`` is adamw, adam, sgd or muon (which trains ``hidden``, AdamW the rest).

    Every setting names its rules, their source, and whether they were read, recalled or inferred; each source that says
    something else becomes a note, as does what was kept because no rule is known. Rules of width and depth are limits of
    large models, those of batch hold below a critical batch, that of tokens is a fit of one study: a short run at half and
    twice the rate is still well spent. Raises :class:`DataError` for settings, sizes or names that make no sense.

    >>> moved = transfer({"lr": 0.01, "weight_decay": 0.1}, proxy={"width": 256, "depth": 4}, target={"width": 4096})
    >>> moved.value("lr", "hidden"), moved.value("lr", "embedding"), moved.value("weight_decay", "hidden")
    (0.000625, 0.01, 1.6)
    """
    _one_of("parametrisation", parametrisation, PARAMETRISATIONS)
    _one_of("optimizer", optimizer, OPTIMIZERS)
    before, after = _sizes(proxy, target)
    ratios = {axis: after[axis] / before[axis] for axis in AXES if axis in before and after[axis] != before[axis]}
    moved = tuple(
        _moved(name, group, value, ratios, parametrisation, optimizer)
        for name, group, value in _by_group(settings, before)
    )
    notes = (
        *_kept(moved, ratios, parametrisation),
        *_untested(moved, ratios),
        *_disagreements(moved, ratios, parametrisation, optimizer),
    )
    return Transfer(parametrisation, optimizer, before, after, ratios, moved, notes)


def _moved(
    setting: str, group: str, value: float, ratios: Mapping[str, float], parametrisation: str, optimizer: str
) -> Transferred:
    known = exponents(setting, group, parametrisation=parametrisation, optimizer=optimizer)
    used = {axis: known[axis] for axis in ratios if axis in known}
    rules = tuple(
        rule
        for rule in matching(setting, group, parametrisation=parametrisation, optimizer=optimizer)
        if rule.applied and set(resolved(rule, group, parametrisation=parametrisation, optimizer=optimizer)) & set(used)
    )
    if any("lr" in rule.exponents for rule in rules):
        rules += _moved("lr", group, 1.0, ratios, parametrisation, optimizer).rules
    carried = _carried(setting, value, math.prod(ratios[axis] ** e for axis, e in used.items()))
    no_rule = tuple(axis for axis in ratios if axis not in known and _of_use(setting, group, axis))
    return Transferred(setting, group, value, carried, used, rules, no_rule)


def _carried(setting: str, value: float, factor: float) -> float:
    """The value at the target; the betas are scaled by their distance from one, ``ema`` is raised to a power."""
    if setting == "ema":
        return float(value**factor)
    if setting not in ("beta1", "beta2"):
        return value * factor
    carried = 1 - factor * (1 - value)
    if carried < 0:
        message = f"{setting} would be {carried:.3g} at {factor:g} times the batch of the proxy"
        raise DataError("no-such-target", message, advice="The rule ends here: leave it out, or take a smaller batch")
    return carried


def _by_group(settings: Mapping[str, float], sizes: Mapping[str, float]) -> list[tuple[str, str, float]]:
    """Every setting once for each group of weights that has it, in the order of ``GROUPS``."""
    if not settings:
        message = "there is no setting to transfer"
        raise DataError("no-settings", message, advice="Give for example lr=0.01")
    for key, value in settings.items():
        _check(key, value)
    multipliers = {"width": "output_multiplier", "depth": "branch_multiplier"}
    given = {**{name: 1.0 for axis, name in multipliers.items() if axis in sizes}, **settings}
    if "lora_alpha" in given:
        if "rank" not in sizes:
            message = "lora_alpha is given and the rank of the adapters is not"
            raise DataError("missing-size", message, advice="Give rank for the proxy and the target")
        given["lora_scale"] = given["lora_alpha"] / sizes["rank"]
    found = []
    for name, groups in GROUPS.items():
        for group in groups:
            for key in (f"{name}.{group}", name):
                if key in given:
                    found.append((name, group, float(given[key])))
                    break
    return found


def _check(key: str, value: float) -> None:
    name, _, group = key.partition(".")
    if name not in GROUPS or name == "lora_scale":
        known = [n for n in GROUPS if n != "lora_scale"]
        advice = f"There is: {', '.join(nearest(name, known) or known)}"
        raise DataError("unknown-setting", f"there is no setting {name!r} to transfer", advice=advice)
    if group and group not in GROUPS[name]:
        message = f"{name} has no group of weights {group!r}"
        raise DataError("unknown-group", message, advice=f"It has: {', '.join(GROUPS[name])}")
    if not isinstance(value, Real) or isinstance(value, bool) or not _within(name, float(value)):
        rule = "a number between 0 and 1" if name in SHARES else "a number above zero"
        raise DataError("bad-value", f"{key} is {value!r}", advice=f"Give {rule}")


def _within(name: str, value: float) -> bool:
    return (value > 0 or (value == 0 and name in ZERO)) and value < (1 if name in SHARES else math.inf)


def _sizes(proxy: Mapping[str, float], target: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Proxy and target by axis; what the target leaves out is the proxy's, and steps become tokens."""
    for place, sizes in (("proxy", proxy), ("target", target)):
        for name, size in sizes.items():
            _one_of(f"a size of the {place}", name, (*AXES, "steps"))
            if not isinstance(size, Real) or isinstance(size, bool) or not 0 < size < math.inf:
                raise DataError("bad-value", f"{name} of the {place} is {size!r}", advice="Give a number above zero")
        if {"steps", "tokens"} <= set(sizes):
            message = f"the {place} has steps and tokens, which say the same"
            raise DataError("too-many-sizes", message, advice="Give one of them")
    if missing := [name for name in target if name not in proxy]:
        message = f"the target has {', '.join(missing)}, which the proxy has not"
        raise DataError("missing-size", message, advice="Give it for the proxy too: rules are of ratios")
    before = {name: float(proxy[name]) for name in proxy}
    after = {name: float(target.get(name, proxy[name])) for name in proxy}
    for sizes in (before, after):
        if "steps" in sizes:
            sizes["tokens"] = sizes.pop("steps") * sizes.get("batch", 1.0)
    return before, after


def _kept(moved: tuple[Transferred, ...], ratios: Mapping[str, float], parametrisation: str) -> list[Note]:
    """One note for each axis that changed and for which some setting has no rule."""
    notes = []
    for axis, ratio in ratios.items():
        kept = [s for s in moved if axis in s.no_rule]
        if kept:
            names = "; ".join(_named(setting, kept) for setting in dict.fromkeys(s.setting for s in kept))
            pairs = [f"{s.setting}.{s.group}" for s in kept]
            message = f"{axis} changes by {ratio:.4g}, and {parametrisation} has no rule for {names}: kept along it"
            advice = "Compare a few values at the target"
            if axis == "depth" and parametrisation in ("standard", "mup"):
                advice = "Train proxy and target under completep, which has one"
            notes.append(Note("no-rule", "warning", message, {"axis": axis, "kept": pairs}, f"{advice}."))
    return notes


def _named(setting: str, kept: list[Transferred]) -> str:
    groups = tuple(s.group for s in kept if s.setting == setting)
    return setting if groups == GROUPS[setting] else f"{setting} of {', '.join(groups)}"


def _of_use(setting: str, group: str, axis: str) -> bool:
    """Whether anybody would look for a rule: multipliers are only what a rule makes them, and adapters have a rank."""
    if group == "adapter" or axis == "rank":
        return group == "adapter" and axis == "rank"
    if setting in ("output_multiplier", "branch_multiplier"):
        return False
    return axis in ("width", "depth") if setting == "init_std" else group != "model" or axis in ("batch", "tokens")


def _untested(moved: tuple[Transferred, ...], ratios: Mapping[str, float]) -> list[Note]:
    """One note for each rule and axis along which the target is further away than its source went."""
    notes: dict[tuple[str, str], Note] = {}
    for rule in (rule for setting in moved for rule in setting.rules):
        for axis, most in rule.tested.items():
            ratio = ratios.get(axis, 1.0)
            if max(ratio, 1 / ratio) > most:
                message = f"{axis} changes by {ratio:.4g}, and {rule.name} was tested up to a ratio of {most:g}"
                evidence = {"rule": rule.name, "axis": axis, "ratio": ratio, "tested": most}
                advice = "Check the rate at a size in between."
                notes[rule.name, axis] = Note("beyond-tested", "warning", message, evidence, advice)
    return list(notes.values())


def _disagreements(
    moved: tuple[Transferred, ...], ratios: Mapping[str, float], parametrisation: str, optimizer: str
) -> list[Note]:
    """One note for each source that would set something else at this target."""
    found: dict[tuple[str, str, float], tuple[Rule, list[Transferred], dict[str, float]]] = {}
    for of in moved:
        for rule in matching(of.setting, of.group, parametrisation=parametrisation, optimizer=optimizer):
            if rule.applied or of.proxy == 0:
                continue
            said = resolved(rule, of.group, parametrisation=parametrisation, optimizer=optimizer)
            differs = {axis: said[axis] - of.exponents.get(axis, 0.0) for axis in rule.exponents if axis in ratios}
            times = math.prod(ratios[axis] ** e for axis, e in differs.items())
            if not math.isclose(times, 1.0, rel_tol=1e-6):
                spoken = {axis: said[axis] for axis in differs}
                found.setdefault((rule.name, rule.setting, round(times, 9)), (rule, [], spoken))[1].append(of)
    return [_disagreement(rule, times, of, said) for (_, _, times), (rule, of, said) in found.items()]


def _disagreement(rule: Rule, times: float, of: list[Transferred], said: Mapping[str, float]) -> Note:
    groups = ", ".join(s.group for s in of)
    scaled = " ".join(f"{axis}^{exponent:.3g}" for axis, exponent in said.items())
    message = f"{rule.setting} of {groups} would be {times:.3g} times as large by {rule.name} ({scaled}): {rule.source}"
    evidence = {
        "rule": rule.name, "setting": rule.setting, "groups": [s.group for s in of], "times": times,
        "target": [s.target for s in of], "target_by_rule": [s.target * times for s in of], "status": rule.status,
    }  # fmt: skip
    return Note("rules-disagree", "warning", message, evidence, "Compare both at a size in between.")


def _one_of(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        near = nearest(str(name), known) or known
        raise DataError("unknown-name", f"{what} is {name!r}", advice=f"Use one of: {', '.join(near)}")
