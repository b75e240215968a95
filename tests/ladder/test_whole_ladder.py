"""The ladder of `ci.toml`, from its file to the scored forecast: real models, trained for about a minute on two cores."""

from __future__ import annotations

import json
from pathlib import Path

from forerun.cli import main


def test_a_ladder_of_a_minute_forecasts_its_held_back_run_within_3_percent(tmp_path, capsys):
    file = Path(__file__).with_name("ci.toml")
    assert main(["ladder", "run", str(file), "--into", str(tmp_path / "ladder"), "--workers", "2", "--json"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    (held,) = data["held_back"]
    assert data["runs"] == 15
    assert held["C"] > 3 * 1.3e11
    assert abs(held["error"]) < 0.03
    lines = err.splitlines()
    told = next(i for i, line in enumerate(lines) if line.startswith("forecast for 24x2"))
    assert told < next(i for i, line in enumerate(lines) if line.startswith("  16 of 16"))
