"""The reporting card: every question of the checklist, what the fit answers, what the user states, and what is missing."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

import forerun as fr
from forerun import cli
from forerun.report.checklist import CHECKLIST
from forerun.schemas import schema

# The checklist after the (Mis)Fitting survey, point by point, with the items of the card that answer each point.
REQUIRED = {
    "the form": ["form"],
    "the variables": ["variables"],
    "which parameters are fitted": ["parameters"],
    "why this form": ["why_this_form"],
    "assumptions between variables": ["assumptions"],
    "how many models": ["models"],
    "sizes": ["sizes"],
    "tokens each": ["tokens", "compute"],
    "which data": ["training_data"],
    "repeated or not": ["repetition"],
    "how N, D and C are counted": ["N_counts", "flop_rule"],
    "which hyperparameters are fixed, swept or transferred": ["hyperparameters"],
    "schedule": ["schedule"],
    "is code or are weights public": ["code_public", "weights_public"],
    "points per fit": ["points"],
    "final or mid-run checkpoints": ["checkpoints"],
    "the schedule there": ["checkpoint_schedule"],
    "which loss": ["loss", "tokenizer"],
    "on which set": ["validation_set"],
    "smoothing, averaging, interpolation": ["smoothing"],
    "objective": ["objective", "row_weights"],
    "optimiser and settings": ["solver"],
    "starts": ["starts"],
    "points dropped or binned and by which rule": ["dropped", "dropped_before"],
    "held-out extrapolation": ["held_out"],
    "intervals": ["uncertainty"],
    "goodness of fit": ["goodness"],
}
GROUPS = ["hypothesis", "training setup", "data", "fitting"]
NEVER_KNOWN = {
    "why_this_form", "training_data", "hyperparameters", "schedule", "code_public", "weights_public", "checkpoint_schedule",
    "validation_set", "smoothing", "dropped_before",
}  # fmt: skip
WIDTH = 118


def values(card):
    return {item.name: item.value for item in card.items}


@pytest.fixture(scope="module")
def runs():
    """Ten runs of six checkpoints each, with everything stated that a table can state."""
    rng = np.random.default_rng(0)
    size, share = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e9, 10), np.linspace(0.2, 1.0, 6), indexing="ij"))
    tokens = 20.0 * size * share
    loss = fr.laws.get("chinchilla")(size, tokens, E=1.8, A=480.0, alpha=0.35, B=2100.0, beta=0.37)
    columns = {
        "N": size, "D": tokens, "U": np.full(60, 5e9), "loss": loss * np.exp(0.003 * rng.standard_normal(60)),
        "run": np.repeat([f"r{i}" for i in range(10)], 6).astype(object),
    }  # fmt: skip
    return fr.read_runs(columns, N_counts="non-embedding", loss_unit="nats/token", tokenizer="gpt-neox")


@pytest.fixture(scope="module")
def fit(runs):
    return fr.fit("chinchilla", runs, draws=60)


@pytest.fixture(scope="module")
def card(fit):
    return fr.report_card(fit, flops=1e22)


@pytest.fixture(scope="module")
def tested():
    """Some back-test: which one does not matter where only the layout of the card is looked at."""
    return fr.backtest("chinchilla", fr.simulate("chinchilla"), draws=0, cuts=2)


@pytest.mark.capability("reporting-checklist")
def test_every_point_of_the_checklist_is_an_item_of_the_card(card):
    assert list(CHECKLIST) == GROUPS
    names = [item.name for item in card.items]
    assert sorted(names) == sorted(name for items in REQUIRED.values() for name in items)
    assert [item.group for item in card.items] == sorted((i.group for i in card.items), key=GROUPS.index)
    assert all(item.question.endswith("?") for item in card.items)


@pytest.mark.capability("reporting-checklist")
@pytest.mark.parametrize("law", fr.laws.names())
def test_every_fit_writes_a_card_and_lists_what_is_missing_by_name(law, tested):
    """Data, form, objective, starts, exclusions, units and uncertainty come from the fit; what no fit knows is missing."""
    table = fr.simulate(law, n=40, seed=1)
    card = fr.report_card(fr.fit(law, table, draws=20), held_out=tested)
    found = values(card)
    for name in (
        "points",
        "form",
        "variables",
        "parameters",
        "objective",
        "starts",
        "dropped",
        "uncertainty",
        "goodness",
    ):
        assert found[name], name
    assert card.missing == [name for name, value in found.items() if value is None]
    assert set(card.missing) >= NEVER_KNOWN - {"schedule", "checkpoint_schedule"}
    text = str(card)
    said = " ".join(text[text.index("given: ") :].split())
    assert (
        said == f"given: {33 - len(card.missing)} of 33 items; missing: {len(card.missing)} ({', '.join(card.missing)})"
    )
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_fit_answers_what_it_knows(runs, fit, card):
    found = values(card)
    assert found["form"].startswith("chinchilla: E + A * N**-alpha + B * D**-beta. Loss of a compute-limited run")
    assert "arXiv:2203.15556" in found["form"]
    assert found["variables"] == "N = model parameters, D = training tokens -> loss = validation loss [nats/token]"
    assert found["parameters"] == "5 fitted: E, A, alpha, B, beta; none fixed, borrowed, tied or shared"
    assert found["assumptions"] == "C derived by C = 6ND and M = D/N; budgets and plans take C = 6ND"
    assert found["models"] == "10 runs"
    assert found["sizes"] == "N = 10M to 1B, 10 different"
    assert found["tokens"] == f"D = 40M to 20B, {len(set(runs['D'].tolist()))} different; 4 to 20 tokens per parameter"
    assert found["repetition"] == "0.008 to 4 passes over the unique tokens"
    assert found["N_counts"] == "non-embedding"
    assert found["flop_rule"] == "6ND: C is no column, it was derived"
    assert found["checkpoints"] == "60 rows of 10 runs"
    assert (found["loss"], found["tokenizer"]) == ("validation loss, nats/token", "gpt-neox")
    assert found["objective"].startswith("huber: sum of Huber (delta 0.001) of log residuals; ")
    assert "exact derivatives" in found["solver"]
    assert "optimum verified" in found["solver"]
    assert found["starts"].startswith(f"{fit.solution.agreeing} of {fit.solution.starts} ")
    assert found["row_weights"] == "every row counts the same"
    assert found["dropped"] == "none"
    assert found["uncertainty"] == "bootstrap by run: 60 draws, seed 0; limits at 90% are percentiles"
    assert found["held_out"] == fr.backtest("chinchilla", runs, unit="run").verdict
    assert {item.name for item in card.items if item.value is None} == NEVER_KNOWN
    assert all(item.given_by == (None if item.value is None else "fit") for item in card.items)


def test_goodness_counts_the_residuals(runs, fit, card):
    left = np.abs(fit.residuals(runs)) * np.sqrt(60 / 55)
    half, most = np.quantile(left, [0.5, 0.9])
    expected = f"half of the log residuals lie within {100 * half:.2g} %, nine in ten within {100 * most:.2g} %"
    assert values(card)["goodness"].startswith(expected)


def test_restrictions_filters_weights_and_other_objectives_are_told():
    table = fr.simulate("chinchilla", n=60, seed=2)
    family = np.tile(["a", "b"], 30).astype(object)
    runs = fr.read_runs(
        {"N": table["N"], "D": table["D"], "loss": table["loss"], "family": family, "error": np.full(60, 0.01)},
        se="error",
    )
    law = fr.laws.get("chinchilla").fix(alpha=0.34).tie(B="A").share("E", across="family")
    fit = fr.fit(law, runs.drop_outliers("highest-loss", 2), objective="squared-log", uncertainty="sandwich")
    found = values(fr.report_card(fit))
    assert found["parameters"].split("; ")[1:] == [
        "alpha fixed at 0.34",
        "B tied to A",
        "E shared across family, the others one for each",
    ]
    assert found["dropped"].startswith("outlier rule highest-loss:2 (rows ")
    assert found["row_weights"] == "the precision that the standard errors in column 'error' give"
    assert found["objective"].startswith("squared-log: half the sum of squared log residuals; ")
    assert found["uncertainty"].startswith("sandwich by row")


def test_a_convention_that_nobody_stated_is_missing_with_what_was_taken_instead():
    runs = fr.simulate("chinchilla")
    items = {item.name: item for item in fr.report_card(fr.fit("chinchilla", runs, draws=20)).items}
    assert runs.conventions.assumed == ("N_counts", "flop_rule", "loss_unit")
    assert items["N_counts"].hint == "taken as total, which nobody stated"
    assert items["loss"].hint == "taken as nats/token, which nobody stated"
    assert items["models"].hint == "taken as 60, one for each row, as no column names the runs"
    assert items["flop_rule"].value == "6ND: C is no column, it was derived"
    assert {items[name].value for name in ("N_counts", "loss", "models", "checkpoints", "tokenizer")} == {None}


@pytest.mark.capability("reporting-checklist")
def test_facts_fill_what_is_missing_and_say_who_said_so(fit, card):
    facts = {"schedule": "cosine to\n  10 %", "training_data": "The Pile"}
    filled = fr.report_card(fit, facts=facts)
    items = {item.name: item for item in filled.items}
    assert items["schedule"].value == "cosine to 10 %"
    assert items["schedule"].given_by == "user"
    assert set(card.missing) - set(filled.missing) == set(facts)
    assert "cosine to 10 %  (as stated by the user)" in str(filled)
    whole = fr.report_card(fit, facts=dict.fromkeys(card.missing, "told"))
    assert whole.missing == []
    assert str(whole).endswith("given: all 33 items")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"shedule": "cosine"}, r"no item 'shedule'. Nearest: schedule"),
        ({"schedule": "  "}, "must be text"),
        ({"code_public": True}, "must be text"),
        ({"objective": "least squares"}, r"objective is known from the fit \(huber"),
    ],
)
def test_facts_that_cannot_stand_are_refused(fit, facts, words):
    with pytest.raises(fr.DataError, match=words):
        fr.report_card(fit, facts=facts)


def test_a_saved_fit_writes_the_same_card_but_for_what_needs_its_runs(runs, fit, card):
    saved = fr.Fit.from_json(fit.to_json())
    alone = fr.report_card(saved)
    assert values(alone) == {**values(card), "held_out": None}
    assert "does not hold its runs" in next(i.hint for i in alone.items if i.name == "held_out")
    assert fr.report_card(saved, runs, flops=1e22).to_dict() == card.to_dict()
    with pytest.raises(fr.DataError, match="not the runs that were fitted"):
        fr.report_card(saved, fr.simulate("chinchilla"))


def test_the_card_says_which_run_decides(fit, card):
    assert card.decisive.verdict == fr.decisive_runs(fit, flops=1e22).verdict
    assert " ".join(card.decisive.verdict.split()) in " ".join(str(card).split())
    assert fr.report_card(fit).decisive is None


def test_a_back_test_that_cannot_be_had_is_missing_with_the_reason():
    few = fr.fit("chinchilla", fr.simulate("chinchilla", n=9), uncertainty="none")
    item = next(i for i in fr.report_card(few).items if i.name == "held_out")
    assert (item.value, item.given_by) == (None, None)
    assert item.hint == "no back-test: no cut along C leaves 10 of 9 runs to fit and some to predict"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("card")
    runs = fr.simulate("chinchilla", n=40, noise=0.005, seed=7)
    rows = zip(runs["N"], runs["D"], runs["loss"])
    (path / "runs.csv").write_text("N,D,loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
    (path / "facts.toml").write_text('schedule = "cosine to 10 %"\nsmoothing = "none"\n')
    return path


@pytest.fixture
def command(folder):
    return ["report", str(folder / "runs.csv"), "--law", "chinchilla", "--draws", "30"]


def test_the_command_prints_the_card_with_facts_from_options_and_a_file(capsys, folder, command):
    facts = ["--fact", "code_public=yes, MIT", "--facts", str(folder / "facts.toml")]
    assert cli.main([*command, "--text", "--flops", "1e22", *facts]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= WIDTH
    assert cli.main([*command, "--json", "--flops", "1e22", *facts]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, schema("report"))
    by_user = {item["name"]: item["value"] for item in data["items"] if item["given_by"] == "user"}
    assert by_user == {"schedule": "cosine to 10 %", "smoothing": "none", "code_public": "yes, MIT"}
    assert data["missing"] == [item["name"] for item in data["items"] if item["value"] is None]
    assert len(data["decisive"]["runs"]) == 40


def test_without_text_the_command_says_that_there_is_no_html_report_yet(capsys, command):
    with pytest.raises(SystemExit) as leaving:
        cli.main(command)
    assert leaving.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == "forerun: error: the HTML report is not there yet; --text prints the reporting card"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fact", "schedule"], "--fact takes NAME=TEXT"),
        (["--fact", "schdule=x"], "no item 'schdule'. Nearest: schedule"),
        (["--fact", "smoothing=yes", "--facts", "facts.toml"], "smoothing is given by --fact and in"),
        (["--facts", "none.toml"], "cannot read"),
        (["--facts", "runs.csv"], "is not TOML"),
        (["--flops", "many"], "--flops"),
    ],
)
def test_wrong_facts_are_one_plain_line(capsys, folder, command, options, words):
    paths = [str(folder / o) if o.endswith((".toml", ".csv")) else o for o in options]
    assert cli.main([*command, "--text", *paths]) == 1
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_a_saved_fit_cannot_say_which_run_decides(capsys, folder):
    saved = folder / "fit.json"
    assert cli.main(["fit", str(folder / "runs.csv"), "--law", "chinchilla", "--draws", "30", "-o", str(saved)]) == 0
    assert cli.main(["report", str(saved), "--text"]) == 0
    capsys.readouterr()
    assert cli.main(["report", str(saved), "--text", "--flops", "1e22"]) == 1
    assert "Give the table instead of the saved fit" in capsys.readouterr().err
