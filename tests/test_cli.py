"""The command line: what it prints, what it returns, and that its JSON keeps to the schemas that ship."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import numpy as np
import pytest

import forerun as fr
from forerun import cli
from forerun.schemas import NAMES, schema


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of runs and a fit of it."""
    path = tmp_path_factory.mktemp("runs")
    runs = fr.simulate("chinchilla", n=50, noise=0.005, seed=7)
    rows = zip(runs["N"], runs["D"], runs["loss"])
    (path / "runs.csv").write_text("params,tokens,val_loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
    rows = zip(runs["N"], runs["D"], 1.01 * runs["loss"])
    (path / "second.csv").write_text("params,tokens,val_loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
    n, c = (x.ravel() for x in np.meshgrid(np.geomspace(0.3, 3, 7), [1e18, 1e19, 1e20, 1e21]))
    n = n * 0.1 * c**0.5
    loss = 1.7 + 400 * n**-0.34 + 1000 * (c / 6 / n) ** -0.34
    lines = "".join(f"{a},{b},{y}\n" for a, b, y in zip(n, c, loss))
    (path / "budgets.csv").write_text("params,flops,loss\n" + lines)
    scores = fr.simulate("score-sigmoid", n=40, noise=0.02, seed=1)
    lines = "".join(f"{c},{min(y, 1.0)}\n" for c, y in zip(scores["C"], scores["score"]))
    (path / "scores.csv").write_text("flops,acc\n" + lines)
    (path / "turning.csv").write_text("params,loss,error\n1e8,3.0,0.01\n1e9,2.5,0.01\n1e10,3.1,0.01\n")
    assert cli.main([*FIT, str(path / "runs.csv"), "--draws", "60", "-o", str(path / "fit.json")]) == 0
    assert cli.main([*FIT, str(path / "runs.csv"), "--draws", "60", "--seed", "1", "-o", str(path / "other.json")]) == 0
    return path


COLUMNS = ["--N", "params", "--D", "tokens", "--loss", "val_loss"]
FIT = ["fit", "--law", "chinchilla", *COLUMNS]


def run(capsys, *arguments):
    """Exit code, standard output and standard error of one command."""
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def parsed(name, text):
    """The one JSON object that was printed, checked against its schema; NaN and Infinity are not JSON."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    data = json.loads(text, parse_constant=refuse)
    jsonschema.validate(data, schema(name))
    assert text.count("\n") == 1
    return data


COMMANDS = [
    ("fit", [*FIT, "{table}", "--draws", "40"]),
    ("fit", [*FIT, "{table}", "--uncertainty", "none"]),
    ("fit", [*FIT, "{table}", "--draws", "40", "--sensitivity"]),
    ("fit", ["fit", "--law", "auto", *COLUMNS, "{table}", "--draws", "40"]),
    ("select", ["select", "{table}", *COLUMNS, "--laws", "chinchilla", "kaplan-nd"]),
    ("forecast", ["forecast", "--law", "auto", *COLUMNS, "{table}", "--draws", "40", "--at", "N=70B", "D=1.4T"]),
    ("forecast", ["forecast", "{fit}", "--at", "N=70B", "--at", "D=1.4T"]),
    ("forecast", ["forecast", "{fit}", "--at", "C=1e21", "--at", "M=20", "--target", "new-run"]),
    ("invert", ["invert", "{fit}", "--at", "loss=2.2", "--at", "M=20"]),
    ("plan", ["plan", "{fit}", "--flops", "5.76e23"]),
    ("compare", ["compare", "{fit}", "{other}", "--at", "1e24", "--effective", "N=1B,D=20B"]),
    ("compare", ["compare", "{table}", "{second}", *FIT[1:], "--draws", "40", "--cuts", "2"]),
    ("backtest", ["backtest", *FIT[1:], "{table}", "--draws", "40", "--cuts", "3"]),
    ("trend", ["trend", "{table}", *COLUMNS, "--axis", "D", "--draws", "50"]),
    ("trend", ["trend", "{turning}", "--role", "se=error", "--better", "higher"]),
    ("backtest", ["backtest", "{scores}", "--law", "score-sigmoid", "--fix", "g=0.25", "--role", "score=acc", "--C", "flops",
                  "--objective", "squared", "--hide-from", "1e21", "--draws", "40"]),
    ("report", ["report", "{fit}", "--text"]),
    (
        "report",
        ["report", *FIT[1:], "{table}", "--draws", "40", "--text", "--flops", "1e22", "--fact", "schedule=cosine"],
    ),
    ("isoflop", ["isoflop", "{budgets}", "--C", "flops", "--draws", "50", "--budget", "1e22"]),
    ("isoflop", ["isoflop", "{budgets}", "--C", "flops", "--method", "surface", "--draws", "50"]),
    ("transfer", ["transfer", "--from", "width=256,depth=4,lr=0.01,tokens=1B", "--to", "width=4096,depth=32,tokens=1T"]),
    ("laws", ["laws"]),
    ("laws", ["laws", "show", "chinchilla"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_json_keeps_to_the_schema_and_text_is_not_json(capsys, folder, name, command):
    arguments = [
        a.format(
            table=folder / "runs.csv",
            fit=folder / "fit.json",
            budgets=folder / "budgets.csv",
            other=folder / "other.json",
            turning=folder / "turning.csv",
            scores=folder / "scores.csv",
            second=folder / "second.csv",
        )
        for a in command
    ]
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    assert parsed(name, out)["schema"] == 1
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)


@pytest.mark.parametrize(
    ("plot", "words"),
    [("x.gif", "cannot be saved as 'x.gif'"), ("bogus:x.svg", "no picture 'bogus'"), ("no/such/x.svg", "no folder"),
     ("residuals:", "FILE or KIND:FILE")],
)  # fmt: skip
def test_a_picture_that_cannot_be_drawn_is_refused_before_the_fit(capsys, folder, plot, words):
    saved = folder / "never.json"
    code, out, err = run(capsys, *FIT, folder / "runs.csv", "-o", saved, "--plot", plot)
    assert (code, out) == (1, "")
    assert words in err
    assert not saved.exists()


def test_a_saved_fit_has_no_runs_to_draw(capsys, folder):
    code, out, err = run(capsys, "forecast", folder / "fit.json", "--at", "N=70B", "D=1.4T", "--plot", folder / "f.svg")
    assert (code, out) == (1, "")
    assert "does not hold the runs" in err


def test_every_schema_is_a_valid_schema():
    for name in NAMES:
        jsonschema.Draft202012Validator.check_schema(schema(name))


def test_an_error_is_one_line_and_one_object(capsys, folder):
    code, out, err = run(capsys, "fit", folder / "runs.csv", "--law", "chinchila", "--json")
    assert code == 1
    assert parsed("error", out)["error"]["code"] == "unknown-law"
    assert err.startswith("forerun: there is no law 'chinchila'. Nearest: chinchilla")
    assert err.count("\n") == 1


def test_the_command_line_and_the_library_agree(capsys, folder):
    runs = fr.read_runs(folder / "runs.csv", N="params", D="tokens", loss="val_loss")
    fit = fr.fit("chinchilla", runs, draws=60)
    _, out, _ = run(capsys, "forecast", folder / "fit.json", "--at", "N=1e10", "--at", "D=2e11", "--json")
    assert parsed("forecast", out) == json.loads(json.dumps(fit.forecast(N=1e10, D=2e11).to_dict()))


def test_tables_are_compared_with_back_tests_and_pairs_that_saved_fits_cannot_have(capsys, folder):
    second = ["compare", folder / "runs.csv", folder / "second.csv", *FIT[1:], "--draws", "60", "--level", "0.8"]
    _, out, _ = run(capsys, *second, "--at", "1e21", "--effective", "N=1B,D=20B", "--json")
    found = parsed("compare", out)
    tables = [
        fr.read_runs(folder / f"{name}.csv", N="params", D="tokens", loss="val_loss") for name in ("runs", "second")
    ]
    fits = {name: fr.fit("chinchilla", t, draws=60, level=0.8) for name, t in zip(("runs", "second"), tables)}
    expected = fr.compare(fits, level=0.8)
    asked = {"at": [expected.at(1e21).to_dict()], "effective": [expected.effective(N=1e9, D=2e10).to_dict()]}
    assert found == json.loads(json.dumps(expected.to_dict() | asked))
    assert found["pairing"]["paired"]
    assert found["held_out"]["runs"]["cuts"] > 0
    _, out, _ = run(capsys, "compare", folder / "fit.json", folder / "other.json", "--level", "0.8", "--json")
    saved = parsed("compare", out)
    assert saved["held_out"]["fit"]["reason"] == saved["pairing"]["reason"].replace("a saved", "the saved")
    code, _, err = run(capsys, "compare", folder / "fit.json", folder / "other.json", "--draws", "10")
    assert (code, "--draws belongs to the fit" in err) == (1, True)
    code, _, err = run(capsys, "compare", folder / "fit.json", folder / "other.json", "--effective", "1B")
    assert (code, "N=1B,D=20B" in err) == (1, True)


def test_a_table_is_fitted_on_the_way_where_no_fit_is_saved(capsys, folder):
    table = ["--law", "chinchilla", "--N", "params", "--D", "tokens", "--loss", "val_loss", "--draws", "60"]
    direct = run(capsys, "plan", folder / "runs.csv", *table, "--flops", "1e22", "--json")
    saved = run(capsys, "plan", folder / "fit.json", "--flops", "1e22", "--json")
    assert direct == saved


def test_filters_fixes_and_ties_reach_the_fit(capsys, folder):
    code, out, _ = run(
        capsys, *FIT, folder / "runs.csv", "--where", "params > 2e7", "--drop-outliers", "highest-loss:2", "--fix", "alpha=0.34",
        "--objective", "squared-log", "--uncertainty", "none", "--json",
    )  # fmt: skip
    data = parsed("fit", out)
    assert code == 0
    assert "alpha" not in data["params"]
    assert data["law"] == "chinchilla.fix(alpha=0.34)"
    assert data["objective"] == "squared-log"
    assert len(data["runs"]["audit"]) == 2
    _, out, _ = run(capsys, *FIT, folder / "runs.csv", "--tie", "alpha=beta", "--uncertainty", "none", "--json")
    assert list(parsed("fit", out)["params"]) == ["E", "A", "B", "beta"]


def test_groups_share_what_they_are_told_to_share(capsys, tmp_path):
    rows = []
    for family, factor in (("gpt", 1.0), ("moe", 1.3)):
        runs = fr.simulate("chinchilla", n=30, noise=0.002, seed=len(rows))
        rows += [f"{n},{d * factor},{loss},{family}" for n, d, loss in zip(runs["N"], runs["D"], runs["loss"])]
    (tmp_path / "runs.csv").write_text("N,D,loss,recipe\n" + "\n".join(rows) + "\n")
    share = ["--share", "E", "--share", "alpha", "--share", "A", "--share", "beta", "--across", "recipe"]
    code, out, _ = run(capsys, "fit", tmp_path / "runs.csv", "--law", "chinchilla", *share, "--draws", "50", "--json")
    data = parsed("fit", out)
    assert code == 0
    assert list(data["params"]) == ["E", "alpha", "A", "beta", "B[gpt]", "B[moe]"]
    assert data["params"]["B[moe]"] > 1.05 * data["params"]["B[gpt]"]


def test_strict_turns_an_error_note_into_exit_code_one(capsys, folder):
    far = ["forecast", folder / "fit.json", "--at", "N=1e15", "--at", "D=1e18"]
    code, out, err = run(capsys, *far)
    assert (code, err) == (0, "")
    code, strict_out, err = run(capsys, *far, "--strict")
    assert code == 1
    assert strict_out == out
    assert err.startswith("forerun: far-extrapolation:")
    assert err.count("\n") == 1


def test_a_series_that_turns_fails_under_strict(capsys, folder):
    asked = ["trend", folder / "turning.csv", "--role", "se=error"]
    code, out, _ = run(capsys, *asked)
    assert code == 0
    assert out.startswith("loss over N: U-shaped")
    code, _, err = run(capsys, *asked, "--strict")
    assert code == 1
    assert err.startswith("forerun: non-monotone:")


def test_a_law_of_ones_own_is_fitted_from_its_file(capsys, folder, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nimport forerun as fr\nfrom forerun.units import LOSS, PARAMETERS, TOKENS\n\n"
        "@fr.law('mine', inputs=dict(N=PARAMETERS, D=TOKENS), output=LOSS,\n"
        "        params=dict(E=fr.floor(), A=fr.amplitude(), alpha=fr.exponent(), B=fr.amplitude(), beta=fr.exponent()))\n"
        "def mine(N, D, *, E, A, alpha, B, beta):\n    '''Mine.'''\n    return E + A * np.exp(-alpha * np.log(N)) + B / D**beta\n"
    )
    columns = ["--N", "params", "--D", "tokens", "--loss", "val_loss", "--uncertainty", "none", "--json"]
    _, own, _ = run(capsys, "fit", folder / "runs.csv", "--law", f"{tmp_path}/mine.py:mine", *columns)
    _, shipped, _ = run(capsys, "fit", folder / "runs.csv", "--law", "chinchilla", *columns)
    assert parsed("fit", own)["params"] == pytest.approx(parsed("fit", shipped)["params"], rel=1e-6)


def test_a_saved_fit_is_written_whole_or_not_at_all(folder):
    assert not list(folder.glob("*.part"))
    assert fr.Fit.from_json((folder / "fit.json").read_text()).outcome == "converged"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["fit"], ["plan", "x.json"], ["fit", "x.csv", "--nonsense"], ["laws", "show"]]
)
def test_wrong_usage_leaves_with_two_and_says_how_it_is_used(arguments):
    process = subprocess.run(
        [sys.executable, "-m", "forerun.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("usage: ")


def test_every_command_and_option_has_help(capsys):
    for name in cli.MODULES:
        command = cli.find(name)
        assert command.summary
        with pytest.raises(SystemExit) as leaving:
            cli.main([name, "--help"])
        assert leaving.value.code == 0
        text = capsys.readouterr().out
        for flags, settings in (option for options in command.groups.values() for option in options):
            assert settings.get("help"), flags
            assert flags[0] in text or not flags[0].startswith("-")


def test_without_arguments_the_help_is_shown():
    process = subprocess.run([sys.executable, "-m", "forerun.cli"], capture_output=True, text=True, check=True)
    assert process.stdout.startswith("usage: forerun")


def test_a_table_of_runs_is_never_written_over(capsys, folder):
    before = (folder / "runs.csv").read_bytes()
    code, _, err = run(capsys, *FIT, folder / "runs.csv", "-o", folder / "runs.csv")
    assert code == 1
    assert "is there and is not a saved fit" in err
    assert (folder / "runs.csv").read_bytes() == before
    assert run(capsys, *FIT, folder / "runs.csv", "--draws", "60", "-o", folder / "fit.json")[0] == 0


@pytest.mark.parametrize(
    "options", [["--level", "0.5"], ["--where", "N > 1"], ["--law", "chinchilla"], ["--draws", "10"]]
)
def test_options_that_a_saved_fit_would_ignore_are_refused(capsys, folder, options):
    code, _, err = run(capsys, "forecast", folder / "fit.json", "--at", "N=7B", "D=1T", *options)
    assert code == 1
    assert f"{options[0]} belongs to the fit" in err


def test_a_question_may_be_typed_in_several_ways(capsys, folder):
    ways = [["--at", "N=7B", "--at", "D=140B"], ["--at", "N=7B", "D=140B"], ["--at", "N=7B,D=140B"]]
    answers = {run(capsys, "forecast", folder / "fit.json", *way, "--json") for way in ways}
    assert len(answers) == 1
    assert answers.pop()[0] == 0


def test_a_saved_fit_of_ones_own_law_answers_with_its_file(capsys, folder, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import forerun as fr\nfrom forerun.units import LOSS, PARAMETERS\n\n"
        "@fr.law('mine', inputs=dict(N=PARAMETERS), output=LOSS, params=dict(A=fr.amplitude(), alpha=fr.exponent()))\n"
        "def mine(N, *, A, alpha):\n    return A * N**-alpha\n"
    )
    own = ["--law", f"{tmp_path}/mine.py:mine"]
    columns = ["--N", "params", "--loss", "val_loss", "--draws", "30"]
    assert run(capsys, "fit", folder / "runs.csv", *own, *columns, "-o", tmp_path / "own.json")[0] == 0
    assert run(capsys, "forecast", tmp_path / "own.json", "--at", "N=7B", *own)[0] == 0
    assert run(capsys, "forecast", tmp_path / "own.json", "--at", "N=7B")[0] == 1


def test_a_reader_that_leaves_early_is_no_error():
    pipe = subprocess.Popen(
        [sys.executable, "-m", "forerun.cli", "laws"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    pipe.stdout.close()
    assert pipe.stderr.read() == b""
    pipe.stderr.close()
    assert pipe.wait() == 0


def test_a_saved_ensemble_answers_like_the_one_that_was_fitted(capsys, folder, tmp_path):
    saved = tmp_path / "auto.json"
    asked = ["--law", "auto", *COLUMNS, folder / "runs.csv", "--draws", "40"]
    assert run(capsys, "fit", *asked, "-o", saved)[0] == 0
    at = ["--at", "N=70B", "--at", "D=1.4T"]
    assert run(capsys, "forecast", saved, *at)[1] == run(capsys, "forecast", *asked, *at)[1]
    code, out, _ = run(capsys, "plan", saved, "--flops", "1e22")
    assert code == 0
    assert "as good within" in out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["fit", "--law", "auto", "--objective", "lad"], "--objective belongs to the fit of one law"),
        (["fit", "--law", "auto", "--fix", "alpha=0.3"], "--fix belongs to the fit of one law"),
        (["backtest", "--law", "auto"], "auto back-tests its own forms"),
        (["select", "--laws", "chinchilla"], "at least two laws"),
    ],
)
def test_what_auto_decides_itself_cannot_be_decided_for_it(capsys, folder, command, words):
    code, _, err = run(capsys, *command, *COLUMNS, folder / "runs.csv")
    assert code == 1
    assert words in err
    assert err.count("\n") == 1


def test_weighted_sets_of_fits_are_not_compared(capsys, folder):
    tables = folder / "runs.csv", folder / "second.csv"
    code, _, err = run(capsys, "compare", *tables, "--law", "auto", *COLUMNS, "--draws", "20")
    assert code == 1
    assert "not the fit of one law" in err


def test_strict_makes_do_not_extrapolate_an_exit_code(capsys, tmp_path):
    x = np.geomspace(1e3, 1e7, 30)
    noise = np.random.default_rng(0).normal(0, 0.01, 30)
    y = (1.0 + 0.1 * np.log10(x / 1e5) ** 2) * np.exp(noise)
    table = tmp_path / "turning.csv"
    table.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y)))
    code, out, err = run(capsys, "fit", table, "--law", "auto", "--draws", "40", "--strict")
    assert code == 1
    assert "do not extrapolate" in out
    assert "non-monotone" in err or "do-not-extrapolate" in err
