"""Settings arrive at a target as the tables of the papers say, as the built-in trainer sets them, and with their doubts."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import jsonschema
import pytest

import forerun as fr
from forerun import cli
from forerun.parametrisation import factor, known_rules
from forerun.parametrisation.rules import AXES, GROUPS, OPTIMIZERS, PARAMETRISATIONS, trained_by
from forerun.schemas import schema

pytestmark = pytest.mark.capability("hyperparameter-transfer-rules")

PROXY = {"width": 256, "depth": 4, "batch": 64, "tokens": 1e9}
SETTINGS = {"lr": 0.01, "weight_decay": 0.1, "init_std": 0.02, "eps": 1e-8, "beta1": 0.9, "beta2": 0.95, "ema": 0.999}


def moved(settings=None, **target):
    how = {k: target.pop(k) for k in ("parametrisation", "optimizer") if k in target}
    return fr.transfer(settings or SETTINGS, proxy=PROXY, target=target, **how)


def codes(found):
    return [note.code for note in found.notes]


@pytest.mark.parametrize(
    ("optimizer", "setting", "power"),  # powers of the width for embedding, hidden, output
    [
        ("adamw", "lr", (0, -1, 0)),
        ("sgd", "lr", (1, 0, 1)),
        ("adamw", "init_std", (0, -0.5, 0)),
        ("sgd", "init_std", (0, -0.5, 0)),
    ],
)
def test_width_scales_settings_as_table_8_of_mup_does(optimizer, setting, power):
    found = moved(width=1024, parametrisation="mup", optimizer=optimizer)
    for group, exponent in zip(("embedding", "hidden", "output"), power):
        assert found.value(setting, group) == pytest.approx(SETTINGS[setting] * 4.0**exponent)
    assert found.value("output_multiplier") == 0.25
    assert found.parametrisation == "mup"


@pytest.mark.parametrize(("parametrisation", "alpha"), [("completep", 1.0), ("depth-mup", 0.5)])
def test_depth_scales_branches_and_rates_as_table_1_of_completep_does(parametrisation, alpha):
    found = moved(width=512, depth=64, parametrisation=parametrisation)
    wide, deep = 2.0, 16.0
    assert found.value("branch_multiplier") == pytest.approx(deep**-alpha)
    assert found.value("lr", "hidden") == pytest.approx(0.01 / wide * deep ** (alpha - 1))
    assert found.value("lr", "vectors") == pytest.approx(0.01 * deep ** (alpha - 1))
    assert found.value("lr", "embedding") == 0.01
    assert found.value("init_std", "hidden") == pytest.approx(0.02 / math.sqrt(wide))
    assert found.value("eps", "hidden") == pytest.approx(1e-8 / wide * deep**-alpha)
    assert found.value("eps", "embedding") == pytest.approx(1e-8 / wide)
    if alpha == 1:
        assert found.value("weight_decay", "hidden") == pytest.approx(0.1 * wide)
        assert found.value("weight_decay", "embedding") == 0.1


def test_batch_scales_adam_by_the_root_and_sgd_linearly():
    found = moved(batch=256)
    assert found.value("lr") == pytest.approx(0.02)
    assert (found.value("beta1"), found.value("beta2")) == pytest.approx((0.6, 0.8))
    assert found.value("eps") == pytest.approx(5e-9)
    assert moved({"lr": 0.01}, batch=256, optimizer="sgd").value("lr") == pytest.approx(0.04)


def test_an_average_of_weights_keeps_its_span_in_tokens():
    found = moved(batch=256)
    assert found.value("ema") == pytest.approx(0.999**4)
    assert math.log(found.value("ema")) / 256 == pytest.approx(math.log(0.999) / 64)


@pytest.mark.parametrize("target", [{"width": 2048}, {"batch": 512}, {"tokens": 3e11}, {"width": 768, "tokens": 5e9}])
def test_adamw_averages_over_the_same_share_of_the_training(target):
    found = moved({"lr": 0.01, "weight_decay": 0.1}, **target)
    for group in GROUPS["weight_decay"]:
        steps = found.target["tokens"] / found.target["batch"]
        share = 1 / (found.value("lr", group) * found.value("weight_decay", group) * steps)
        assert share == pytest.approx(1 / (0.01 * 0.1 * 1e9 / 64))


def test_steps_at_a_batch_are_tokens():
    settings = {"lr": 0.01, "weight_decay": 0.1}
    by_steps = fr.transfer(settings, proxy={"batch": 8, "steps": 100}, target={"batch": 16, "steps": 400})
    by_tokens = fr.transfer(settings, proxy={"batch": 8, "tokens": 10}, target={"batch": 16, "tokens": 80})
    assert by_steps.settings == by_tokens.settings


def test_the_published_rule_of_horizons():
    assert moved({"lr": 0.01}, tokens=1e12).value("lr") == pytest.approx(0.01 * 1000**-0.32)


def test_adapters_are_scaled_by_the_root_of_the_rank():
    found = fr.transfer({"lora_alpha": 16}, proxy={"rank": 8}, target={"rank": 512})
    assert found.value("lora_alpha") == pytest.approx(16 * 8)
    assert found.value("lora_scale") == pytest.approx(2 / 8)
    assert found.value("lora_scale") == pytest.approx(found.value("lora_alpha") / 512)
    (note,) = found.notes
    assert note.code == "rules-disagree"
    assert note.evidence["target_by_rule"] == pytest.approx([16])


def test_a_group_may_have_a_setting_of_its_own():
    found = moved({"lr": 0.02, "lr.embedding": 0.04}, width=1024, optimizer="muon")
    assert found.value("lr", "hidden") == 0.02
    assert found.value("lr", "embedding") == 0.04
    with pytest.raises(fr.DataError, match=r"lr differs between groups of weights\. Name one: embedding, hidden"):
        found.value("lr")
    with pytest.raises(fr.DataError, match="ema was not transferred"):
        found.value("ema")


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_target_like_the_proxy_changes_nothing(parametrisation, optimizer):
    found = moved(parametrisation=parametrisation, optimizer=optimizer, **PROXY)
    assert all(s.target == pytest.approx(s.proxy, rel=1e-12) for s in found.settings)
    assert found.notes == ()


@pytest.mark.parametrize("scaling", ["standard", "mup", "completep"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_rules_are_those_that_the_trainer_sets(scaling, optimizer):
    torch = pytest.importorskip("torch")
    from forerun.ladder.model import Decoder
    from forerun.ladder.optimizers import optimizers
    from forerun.ladder.rung import Rung

    proxy = Rung(width=64, depth=4, scaling=scaling, optimizer=optimizer, lr=0.02, adam_lr=0.04, weight_decay=0.1)
    target = replace(proxy, width=192, depth=6)
    models = [Decoder(rung) for rung in (proxy, target)]
    (outside, inside), (outside_then, inside_then) = (
        [o.param_groups[0] for o in optimizers(model, rung)] for model, rung in zip(models, (proxy, target))
    )
    stds = [
        {"embedding": m.embedding.weight.std().item(), "hidden": m.blocks[0].qkv.weight.std().item()} for m in models
    ]
    settings = {
        "lr": outside["lr"], "lr.hidden": inside["lr"], "weight_decay.hidden": inside["weight_decay"],
        "output_multiplier": models[0].readout, "branch_multiplier": models[0].blocks[0].branch,
        **{f"init_std.{group}": std for group, std in stds[0].items()},
    }  # fmt: skip
    found = fr.transfer(
        settings, proxy={"width": 64, "depth": 4}, target={"width": 192, "depth": 6},
        parametrisation=scaling, optimizer=optimizer,
    )  # fmt: skip
    assert found.value("lr", "hidden") == pytest.approx(inside_then["lr"])
    assert found.value("weight_decay", "hidden") == pytest.approx(inside_then["weight_decay"])
    assert found.value("lr", "embedding") == found.value("lr", "output") == outside_then["lr"]
    assert found.value("output_multiplier") == pytest.approx(models[1].readout)
    assert found.value("branch_multiplier") == pytest.approx(models[1].blocks[0].branch)
    for group, std in stds[1].items():
        assert found.value("init_std", group) == pytest.approx(std, rel=0.03)
    assert not torch.any(models[1].head.weight)


def test_sources_that_say_something_else_are_notes_with_both_values():
    found = moved({"lr": 0.01, "weight_decay": 0.1}, width=1024)
    other = {n.evidence["rule"]: n for n in found.notes}
    assert other["layerwise-decay"].evidence["target"] == pytest.approx([0.4])
    assert other["layerwise-decay"].evidence["target_by_rule"] == pytest.approx([0.2])
    assert "arXiv:2510.15262" in other["layerwise-decay"].message


def test_sources_agree_where_tokens_grow_with_parameters():
    """Averaging times are the same at equal tokens per parameter, by the law of Power Lines too."""
    found = moved({"lr": 0.01, "weight_decay": 0.1}, depth=16, tokens=4e9)
    assert "power-lines" not in [n.evidence.get("rule") for n in found.notes]


def test_beyond_what_a_source_tested_is_a_note():
    assert "beyond-tested" in codes(moved({"lr": 0.01}, width=8192))
    assert "beyond-tested" not in codes(moved({"lr": 0.01}, width=4096))
    assert "beyond-tested" in codes(moved({"ema": 0.999}, batch=64 * 8))


def test_what_no_rule_is_known_for_is_kept_and_named():
    found = moved({"lr": 0.01, "ema": 0.99}, depth=32, tokens=2e9, parametrisation="mup")
    kept = {n.evidence["axis"]: n for n in found.notes if n.code == "no-rule"}
    assert "mup has no rule for lr: kept" in kept["depth"].message
    assert "completep" in kept["depth"].advice
    assert kept["tokens"].evidence["kept"] == ["ema.model"]
    assert {s.how for s in found.settings if s.setting == "lr"} == {"tokens^-0.32"}
    assert [s.no_rule for s in found.settings if s.setting == "branch_multiplier"] == [()]
    muon = moved({"lr": 0.01}, batch=128, optimizer="muon")
    assert muon.value("lr", "hidden") == 0.01
    assert "no rule for lr of hidden: kept" in muon.notes[0].message


@pytest.mark.parametrize(
    ("settings", "proxy", "target", "words"),
    [
        ({"lr": -1}, PROXY, {}, "lr is -1. Give a number above zero"),
        ({"lr": "fast"}, PROXY, {}, "lr is 'fast'"),
        ({"lr": math.inf}, PROXY, {}, "lr is inf"),
        ({"ema": 1.0}, PROXY, {}, "ema is 1.0. Give a number between 0 and 1"),
        ({"learning": 1}, PROXY, {}, "there is no setting 'learning' to transfer"),
        ({"lr.head": 1}, PROXY, {}, "lr has no group of weights 'head'. It has: embedding, hidden, output, vectors"),
        ({}, PROXY, {}, "there is no setting to transfer"),
        ({"lr": 1}, {"width": 0}, {}, "width of the proxy is 0"),
        ({"lr": 1}, {"width": 1}, {"depth": 2}, "the target has depth, which the proxy has not"),
        ({"lr": 1}, {"hight": 1}, {}, "a size of the proxy is 'hight'"),
        ({"lr": 1}, {"steps": 1, "tokens": 2}, {}, "the proxy has steps and tokens"),
        ({"lora_alpha": 1}, PROXY, {}, "the rank of the adapters is not"),
        ({"beta1": 0.9}, PROXY, {"batch": 6400}, "beta1 would be -9 at 100 times the batch"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_line(settings, proxy, target, words):
    with pytest.raises(fr.DataError) as error:
        fr.transfer(settings, proxy=proxy, target=target)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["parametrisation", "optimizer"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(fr.DataError, match=f"{name} is 'nope'. Use one of"):
        moved(width=512, **{name: "nope"})


@pytest.mark.parametrize("rule", known_rules(), ids=lambda r: f"{r.name}-{r.setting}")
def test_a_rule_is_whole(rule):
    assert rule.setting in GROUPS
    assert set(rule.groups) <= set(GROUPS[rule.setting])
    assert rule.exponents
    assert set(rule.exponents) <= {*AXES, "lr"}
    assert set(rule.tested) <= set(rule.exponents)
    assert set(rule.parametrisations) <= set(PARAMETRISATIONS)
    assert set(rule.optimizers) <= set(OPTIMIZERS)
    assert rule.status in ("stated", "recalled", "inferred")
    assert "arXiv:" in rule.source or rule.status == "inferred" or "/" in rule.source


def test_no_two_applied_rules_speak_of_the_same():
    for setting, groups in GROUPS.items():
        for group in groups:
            for parametrisation in PARAMETRISATIONS:
                for optimizer in OPTIMIZERS:
                    axes = [
                        axis
                        for rule in known_rules()
                        if rule.applied and rule.speaks_of(setting, group, parametrisation, optimizer)
                        for axis in rule.exponents
                    ]
                    assert len(axes) == len(set(axes)), (setting, group, parametrisation, optimizer)


def test_rules_apply_one_after_the_other():
    """From small to large in one step or in two is the same, whatever the rules."""
    there = factor("weight_decay", "hidden", {"width": 8, "tokens": 50}, parametrisation="mup")
    half = factor("weight_decay", "hidden", {"width": 2, "tokens": 5}, parametrisation="mup")
    rest = factor("weight_decay", "hidden", {"width": 4, "tokens": 10}, parametrisation="mup")
    assert there == pytest.approx(half * rest)


def test_muon_leaves_what_is_outside_the_blocks_to_adamw():
    assert [trained_by(group, "muon") for group in GROUPS["lr"]] == ["adamw", "muon", "adamw", "adamw"]


def test_the_command_prints_the_table_and_keeps_to_the_schema(capsys):
    asked = ["transfer", "--from", "width=256,depth=4,lr=0.01,tokens=1B", "--to", "width=8192,tokens=1T"]
    assert cli.main([*asked, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, schema("transfer"))
    assert data["parametrisation"] == "completep"
    assert cli.main([*asked, "--parametrisation", "mup"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("mup with adamw: width 256 to 8192, tokens 1B to 1T")
    assert "width^-1 tokens^-0.32" in text
    assert cli.main([*asked[:-1], "width=none"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_loss_at_wide_models_under_mup_needs_no_search_there(table):
    """Mu-scaling: one rate for all widths, a law through seven, three larger ones predicted (arXiv:2304.06875)."""
    ladder = fr.datasets.get("mu_scaling10")
    narrow, wide = (
        fr.read_runs(table(ladder.name), **{**ladder.settings(), "where": [f"is_train == {known}"]}) for known in (1, 0)
    )
    fit = fr.fit(ladder.law, narrow, objective="squared", uncertainty="none")
    assert len(narrow) == 7
    errors = [abs(float(error)) for error in fit.residuals(wide)]
    assert errors == pytest.approx([0.0093, 0.0054, 0.0056], abs=1e-4)
