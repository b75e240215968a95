"""Where a table is looked for, and that nothing but the registered bytes is ever kept."""

from __future__ import annotations

import os

import pytest

from forerun import DataError, datasets

CONTENT = b"params,train_loss,is_train\n1e6,3.5,1\n2e6,3.25,1\n4e6,3.125,0\n"


def kept(machine):
    return sorted(p.name for p in (machine / "cache").rglob("*"))


def refusal(name="toy"):
    with pytest.raises(DataError) as caught:
        datasets.path(name)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_local_folder_comes_before_everything_else(machine, monkeypatch, register):
    register(CONTENT)
    (machine / "toy.csv").write_bytes(CONTENT)
    monkeypatch.setenv("FORERUN_DATA_DIR", str(machine))
    assert datasets.path("toy") == machine / "toy.csv"
    assert kept(machine) == []


def test_a_local_file_with_other_content_is_refused_and_left_alone(machine, monkeypatch, register):
    entry = register(CONTENT)
    (machine / "toy.csv").write_bytes(CONTENT + b"5e6,3.0,0\n")
    monkeypatch.setenv("FORERUN_DATA_DIR", str(machine))
    error = refusal()
    assert error.code == "wrong-hash"
    assert entry.sha256 in str(error)
    assert (machine / "toy.csv").exists()


def test_a_mirror_is_asked_once_and_then_the_cache_is_used(machine, monkeypatch, serve, register):
    register(CONTENT)
    address, stop = serve({"tables/toy.csv": CONTENT})
    monkeypatch.setenv("FORERUN_MIRROR", f"{address}/tables/")
    assert datasets.path("toy").read_bytes() == CONTENT
    stop()
    assert datasets.path("toy").read_bytes() == CONTENT
    assert kept(machine) == ["toy.csv"]


def test_reading_takes_registered_roles_and_conditions_and_lets_keywords_win(monkeypatch, serve, register):
    register(CONTENT)
    monkeypatch.setenv("FORERUN_MIRROR", serve({"toy.csv": CONTENT})[0])
    assert datasets.read("toy")["x"].tolist() == [1e6, 2e6]
    assert datasets.read("toy", where=(), y="params")["y"].tolist() == [1e6, 2e6, 4e6]


def test_a_wrong_hash_says_expected_and_received_and_keeps_nothing(machine, monkeypatch, serve, register):
    entry = register(CONTENT)
    monkeypatch.setenv("FORERUN_MIRROR", serve({"toy.csv": b"something else"})[0])
    error = refusal()
    assert error.code == "wrong-hash"
    assert f"expected SHA-256 {entry.sha256}, received " in str(error)
    assert kept(machine) == []


def test_a_download_that_breaks_off_keeps_nothing(machine, monkeypatch, serve, register):
    register(CONTENT)
    monkeypatch.setenv("FORERUN_MIRROR", serve({"toy.csv": CONTENT[:20]}, claimed=len(CONTENT))[0])
    error = refusal()
    assert error.code == "unreachable"
    assert "broke off after 20 bytes" in str(error)
    assert kept(machine) == []


@pytest.mark.parametrize(
    ("mirror", "reason"),
    [("http://127.0.0.1:9", "refused"), ("no address", "unknown url type"), ("file:///nowhere", "No such file")],
)
def test_a_mirror_that_cannot_be_reached_is_one_plain_line(machine, monkeypatch, register, mirror, reason):
    register(CONTENT)
    monkeypatch.setenv("FORERUN_MIRROR", mirror)
    error = refusal()
    assert (error.code, kept(machine)) == ("unreachable", [])
    assert reason in str(error)
    assert "Set FORERUN_DATA_DIR" in str(error)


def test_a_mirror_without_the_file_is_one_plain_line(monkeypatch, serve, register):
    register(CONTENT)
    monkeypatch.setenv("FORERUN_MIRROR", serve({})[0])
    assert "the server answered 404 Not Found" in str(refusal())


def test_where_nothing_can_be_had_the_error_says_what_to_set(register):
    register(CONTENT)
    error = refusal()
    assert error.code == "no-data"
    assert "FORERUN_DATA_DIR" in str(error)
    assert "FORERUN_MIRROR" in str(error)


def test_the_published_file_is_used_when_the_mirror_fails(machine, monkeypatch, serve, register):
    entry = register(CONTENT, published=CONTENT, converter="as_published")
    address, _ = serve({f"{entry.repository}/{entry.commit}/a%20file.csv": CONTENT})
    monkeypatch.setenv("FORERUN_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setenv("FORERUN_UPSTREAM", address)
    assert datasets.path("toy").read_bytes() == CONTENT
    assert kept(machine) == ["toy.csv"]


def test_a_failing_mirror_and_a_failing_source_are_both_named(monkeypatch, serve, register):
    register(CONTENT, published=CONTENT, converter="as_published")
    monkeypatch.setenv("FORERUN_MIRROR", serve({})[0])
    assert "404" in str(refusal())
    assert "http://127.0.0.1:9/" in str(refusal())


@pytest.mark.parametrize("published", [b"another file", CONTENT])
def test_a_published_file_or_a_conversion_that_differs_is_refused(machine, monkeypatch, serve, register, published):
    """The first is not the registered file; the second is, and its conversion is not the registered table."""
    entry = register(b"the table", published=CONTENT, converter="as_published")
    monkeypatch.setenv("FORERUN_UPSTREAM", serve({f"{entry.repository}/{entry.commit}/a%20file.csv": published})[0])
    error = refusal()
    assert (error.code, kept(machine)) == ("wrong-hash", [])
    assert ("converter as_published" in str(error)) is (published == CONTENT)


def test_a_published_file_that_its_converter_cannot_read_is_one_plain_line(machine, monkeypatch, serve, register):
    entry = register(b"the table", published=CONTENT, converter="isoflop_points")
    monkeypatch.setenv("FORERUN_UPSTREAM", serve({f"{entry.repository}/{entry.commit}/a%20file.csv": CONTENT})[0])
    error = refusal()
    assert (error.code, kept(machine)) == ("not-converted", [])
    assert "KeyError 'condition'" in str(error)


def test_a_cached_file_that_has_changed_is_refused_and_removed(machine, register):
    register(CONTENT)
    (machine / "cache").mkdir()
    (machine / "cache" / "toy.csv").write_bytes(CONTENT[:-1])
    assert refusal().code == "wrong-hash"
    assert kept(machine) == []


def test_a_cache_that_cannot_be_written_is_one_plain_line(machine, monkeypatch, serve, register):
    register(CONTENT)
    (machine / "cache").write_text("a file, not a folder")
    monkeypatch.setenv("FORERUN_MIRROR", serve({"toy.csv": CONTENT})[0])
    error = refusal()
    assert error.code == "cannot-write"
    assert "FORERUN_CACHE_DIR" in str(error)


def test_no_cache_setting_means_the_cache_folder_of_the_user(monkeypatch, machine):
    from forerun.datasets.files import cache_folder

    monkeypatch.delenv("FORERUN_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == machine / "forerun"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder().is_relative_to(os.path.expanduser("~"))


def test_an_unknown_name_gets_the_nearest_ones():
    error = refusal("mu_scaling")
    assert error.code == "unknown-dataset"
    assert "Nearest: mu_scaling10" in str(error)
