"""Settings: read once, strict, secrets starred."""

from pathlib import Path

import pytest

from proxy.settings import BadSettings, known_names, read, shown


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.env").write_text("SEKISHO_PORT=9000\nSEKISHO_LEASE=20\n")
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path))
    monkeypatch.setenv("SEKISHO_PORT", "9001")
    settings = read()
    origins = {one.name: (one.value, one.origin) for one in shown(settings)}
    assert origins["SEKISHO_PORT"] == ("9001", "environment")
    assert origins["SEKISHO_LEASE"] == ("20.0", "file")
    assert origins["SEKISHO_POLICY"] == ("", "default")


def test_a_secret_is_starred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_UPSTREAM_KEY", "canary-secret")
    settings = read()
    assert "canary" not in repr(settings) and "canary" not in str(shown(settings))
    assert next(one.value for one in shown(settings) if one.name == "SEKISHO_UPSTREAM_KEY") == "**********"


def test_no_password_and_no_token_of_an_address_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_LEDGER", "postgresql://sekisho:canary@db.example/ledger")
    monkeypatch.setenv(
        "SEKISHO_ANCHORS", "/media/csirt https://soc.example/hook/canary?t=canary mailto:c@example.jp"
    )
    listed = {one.name: one.value for one in shown(read())}
    assert "canary" not in str(listed)
    assert listed["SEKISHO_ANCHORS"] == "/media/csirt https://soc.example/*** mailto:c@example.jp"


@pytest.mark.parametrize(
    ("name", "value"), [("SEKISHO_PORT", "many"), ("SEKISHO_LEASE", "0"), ("SEKISHO_NOISE", "1")]
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings, match=name):
        read()


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("SEKISHO_UPSTREEM=x\n")
    with pytest.raises(BadSettings, match="UPSTREEM"):
        read(home=tmp_path)


def test_every_setting_has_a_sentence_in_japanese_and_english() -> None:
    for one in shown(read()):
        japanese, _, english = one.meaning.partition(" / ")
        assert any("\u3040" <= letter <= "\u9fff" for letter in japanese) and english, one.name
    assert len(known_names()) == len(shown(read()))
