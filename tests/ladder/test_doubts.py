"""What is doubtful about a ladder is said, with the numbers behind it, and nothing is said where nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

import forerun as fr
from forerun.ladder.doubts import doubts
from forerun.ladder.rung import Rung
from forerun.ladder.store import Store

BASE = Rung(width=16, depth=1, steps=200)


@pytest.fixture
def told(tmp_path):
    """The codes of the notes on runs that ended with these losses."""

    def tell(losses, *, bigram=2.4, size=10_000_000):
        store = Store(tmp_path, create=True)
        store.set_fact("corpus", {"bigram_loss": bigram, "bytes": size})
        store.add(losses)
        while (row := store.claim("w")) is not None:
            store.finish(row, "done", {"loss": losses[row.rung]}, [])
        return {note.code: note for note in doubts(store)}

    return tell


def test_a_good_ladder_has_no_doubts(told):
    assert told({replace(BASE, width=w, steps=s): 2.0 - w / 100 for w in (16, 32) for s in (200, 400)}) == {}


def test_runs_at_the_loss_of_byte_pairs_are_counted(told):
    notes = told({replace(BASE, steps=s): loss for s, loss in ((200, 2.39), (400, 2.34), (800, 1.9))})
    assert set(notes) == {"bigram-plateau"}
    assert "2 of 3 runs" in notes["bigram-plateau"].message


@pytest.mark.parametrize(("best", "said"), [(0.01, True), (0.02, False), (0.04, True)])
def test_the_edge_of_a_search_is_said(told, best, said):
    notes = told({replace(BASE, lr=lr): 2.0 + abs(lr - best) for lr in (0.01, 0.02, 0.04)})
    assert ("edge-of-search" in notes) == said
    assert "mixed-recipes" in notes


def test_batches_are_compared_at_equal_text(told):
    notes = told({replace(BASE, batch=b, steps=800 // b): 2.0 + 1 / b for b in (2, 4, 8)})
    assert "the best batch is the first or last" in notes["edge-of-search"].message


def test_text_that_was_read_too_often_is_said(told):
    notes = told({BASE: 2.0}, size=20_000)
    assert "up to 5.1" in notes["repeated-text"].message


def test_text_that_is_kept_short_is_counted_by_itself(told):
    notes = told({replace(BASE, unique=20_000): 2.0, replace(BASE, unique=80_000): 1.9})
    assert "1 runs" in notes["repeated-text"].message
    assert "unique among its inputs" in notes["mixed-recipes"].advice


def test_mixtures_are_inputs_of_a_law_and_said_so(told):
    notes = told({replace(BASE, mixture={"a": share, "b": 1 - share}): 2.0 + share / 9 for share in (0.2, 0.8)})
    assert notes["mixed-recipes"].evidence["settings"] == ["mixture"]
    assert "mixture among its inputs" in notes["mixed-recipes"].advice


def test_a_law_that_takes_what_the_runs_differ_in_has_no_doubt_about_it(told):
    notes = told({replace(BASE, mixture={"a": share, "b": 1 - share}): 2.0 + share / 9 for share in (0.2, 0.8)})
    for law, said in (("data-mixing", False), ("chinchilla", True)):
        runs = replace(fr.simulate(law, n=40, noise=0.01, seed=0), notes=(notes["mixed-recipes"],))
        fit = fr.fit(law, runs, uncertainty="none")
        assert ("mixed-recipes" in [note.code for note in fit.notes]) == said


def test_two_recipes_in_one_ladder_are_said(told):
    notes = told({BASE: 2.0, replace(BASE, optimizer="adamw", lr=0.005): 2.1})
    assert notes["mixed-recipes"].evidence["settings"] == ["lr", "optimizer"]
