"""`forerun ladder` as a user meets it: what it prints, its JSON, and one line for whatever is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import jsonschema
import pytest

from forerun.cli import main
from forerun.schemas import schema

FILE = """
corpus = "texts"
minimum_steps = 50
[run]
context = 32
warmup = 10
[watch]
validation_bytes = 2048
[[grid]]
size = ["8x1", "16x1", "24x1"]
steps = [100, 200, 400, 800]
[[grid]]
size = "24x1"
steps = 1600
held_back = true
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, texts):
    """A folder with a small ladder that is through."""
    here = tmp_path_factory.mktemp("ladder")
    (here / "ladder.toml").write_text(FILE.replace('"texts"', f'"{texts}"'))
    assert main(["ladder", "run", str(here / "ladder.toml"), "--into", str(here / "out"), "--json"]) == 0
    return here


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_ladder_that_is_through_is_shown_again_without_training(folder, capsys):
    code, out, err = run(capsys, "ladder", "run", "--into", folder / "out", "--json")
    assert code == 0
    data = json.loads(out)
    jsonschema.validate(data, schema("ladder"))
    assert data["runs"] == 12
    assert data["held_back"][0]["reached"] is not None
    assert "12 runs of 3 sizes (8x1, 16x1, 24x1)" in err


def test_a_ladder_that_varies_no_size_is_trained_to_the_end_and_says_why_it_has_no_law(tmp_path, texts, capsys):
    rates = FILE.replace('["8x1", "16x1", "24x1"]', '"8x1"').replace("[100, 200, 400, 800]", "100\nlr = [0.01, 0.02]")
    rates = rates.replace('size = "24x1"\nsteps = 1600', 'size = "8x1"\nsteps = 100\nlr = [0.04, 0.08]')
    (tmp_path / "ladder.toml").write_text(rates.replace('"texts"', f'"{texts}"'))
    code, out, err = run(capsys, "ladder", "run", tmp_path / "ladder.toml", "--into", tmp_path / "out", "--json")
    assert code == 0
    data = json.loads(out)
    jsonschema.validate(data, schema("ladder"))
    assert data["fit"] is None
    assert data["held_back"] == []
    assert data["status"]["counts"]["done"] == 4
    assert "no-law-of-size" in [note["code"] for note in data["notes"]]
    code, out, err = run(capsys, "ladder", "run", "--into", tmp_path / "out")
    assert code == 0
    first = out.split("\nnotes\n")[1]
    assert first.startswith("  error    no-law-of-size: no law of size was fitted")
    assert "forerun ladder table" in first
    assert "held back: 8x1, 12.8k bytes, 2.6e+08 FLOP (2 runs)" in err
    assert "2 runs of 1 size (8x1)" in err


def test_the_text_says_law_forecast_and_score(folder, capsys):
    code, out, _ = run(capsys, "ladder", "run", folder / "ladder.toml", "--into", folder / "out")
    assert code == 0
    assert "13 of 13 runs finished" in out
    assert "auto on 12 rows" in out
    assert "held-back runs: forecast before they were trained" in out


@pytest.mark.parametrize("command", [["status"], ["table"], ["table", "--curves"], ["status", "--watch"]])
def test_json_keeps_to_the_schema(folder, capsys, command):
    code, out, _ = run(capsys, "ladder", command[0], folder / "out", *command[1:], "--json")
    assert code == 0
    jsonschema.validate(json.loads(out), schema("ladder"))
    code, out, _ = run(capsys, "ladder", command[0], folder / "out", *command[1:])
    assert code == 0
    assert not out.startswith("{")


def test_the_table_can_be_read_as_runs(folder, capsys, tmp_path):
    import forerun as fr

    assert run(capsys, "ladder", "table", folder / "out", "-o", tmp_path / "runs.csv")[0] == 0
    runs = fr.read_runs(tmp_path / "runs.csv", N="parameters", D="tokens", C="flops", flop_rule="exact")
    direct = fr.ladder.read_ladder(folder / "out", held_back=True)
    assert runs["loss"].tolist() == direct["loss"].tolist()


def test_other_commands_take_the_folder_of_a_ladder(folder, capsys):
    code, out, _ = run(capsys, "fit", folder / "out", "--law", "power-law-floor", "--role", "x=tokens", "--role", "y=loss",
                       "--where", "size == 24x1", "--uncertainty", "none")  # fmt: skip
    assert code == 0
    assert "4 of 12 rows left" in out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["status", "{here}"], "holds no ladder"),
        (["table", "{here}/nowhere"], "holds no ladder"),
        (["run", "{here}/none.toml"], "there is no file"),
        (["run", "--budget", "soon"], "--budget: expected a duration"),
        (["run", "--budget", "1s", "--text", "{texts}"], "are too short for a ladder"),
        (["run", "--budget", "1m", "--text", "{here}/nowhere"], "is not a folder of text"),
        (["run", "--budget", "1m", "--on", "moon"], "there is no launcher 'moon'. Use one of: local, ray, slurm"),
        (["run", "--budget", "1m", "--device", "gpu"], "there is no device 'gpu'. Use one of: cpu, cuda, mps"),
        (["run", "--budget", "1m", "--set", "partition"], "--set takes NAME=VALUE, received 'partition'"),
        (["run", "--budget", "1m", "--set", "partition=gpu"], "the launcher local has no settings"),
        (["run", "--budget", "1m", "--workers", "0"], "workers is 0"),
        (["run", "--budget", "1m", "--workers", "-1"], "workers is -1"),
        (["run", "--budget", "1m", "--text", "{texts}", "--into", "{texts}/prose/0.txt"], "cannot make the folder"),
        (["run", "{here}"], "cannot be read"),
    ],
)
def test_what_is_wrong_gets_one_line(tmp_path, texts, capsys, monkeypatch, arguments, part):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "ladder", *[a.format(here=tmp_path, texts=texts) for a in arguments])
    assert code == 1
    assert out == ""
    assert part in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["run"], ["dance"], ["status"], ["run", "a", "b"], ["run", "a.toml", "--budget", "1m"]]
)
def test_wrong_usage_leaves_with_two(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as leaving:
        main(["ladder", *arguments])
    assert leaving.value.code == 2


@pytest.mark.parametrize("package", ["torch", "pydantic"])
def test_without_the_extra_one_line_names_it(tmp_path, package):
    program = (
        f"import sys; sys.modules[{package!r}] = None\nfrom forerun.cli import main\n"
        "sys.exit(main(['ladder', 'run', '--budget', '1m', '--into', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"forerun: to train a ladder needs the package {package}, which is not installed. "
        "Install it with: pip install 'forerun[train]'\n"
    )


def test_a_ladder_that_is_stopped_says_how_to_go_on(tmp_path, texts):
    (tmp_path / "ladder.toml").write_text(FILE.replace('"texts"', f'"{texts}"').replace("100, 200", "100, 90_000"))
    words = [sys.executable, "-m", "forerun.cli", "ladder", "run", "ladder.toml", "--into", "out", "--workers", "1"]
    running = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not [r for r in states(tmp_path / "out") if r == "running"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
    err = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert (
        err.splitlines()[-1]
        == "forerun: stopped; all that was trained is kept in out. Go on with: forerun ladder run --into out"
    )
    assert "running" not in states(tmp_path / "out")


def states(folder):
    from forerun.ladder import Store

    return [row.state for row in Store(folder).rows()] if Store.is_in(folder) else []
