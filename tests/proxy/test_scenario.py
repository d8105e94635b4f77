"""The file of a drill: what is wrong with it is told all at once, where it is, and what to do; nothing of it is quoted."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.drills.scenario import BadScenario, read_scenario
from tests.proxy.conftest import ROOT

SAMPLE = ROOT / "proxy" / "drills" / "my-number.yaml"


def written(folder: Path, **more: Any) -> Path:
    data = yaml.safe_load(SAMPLE.read_text("utf-8")) | more
    file = folder / "drill.yaml"
    file.write_text(yaml.safe_dump({name: one for name, one in data.items() if one is not None}), "utf-8")
    return file


@pytest.mark.requirement("R59")
def test_the_sample_is_a_scenario() -> None:
    read = read_scenario(SAMPLE)
    assert read.aims == {"detect": 600, "triage": 1_800, "contain": 7_200}
    assert [one.expect for one in read.steps] == ["refused", "refused", "refused", "answered"]
    assert set(read.players) == {"sender", "csirt", "second"} and len(read.digest) == 64
    assert "訓練花子" not in repr(read), "no text stands in what may be logged"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"title": None}, "title: 書かれていません"),
        ({"title": "番号123456789018"}, "title: 個人番号"),
        ({"made_up": False}, "made_up: true にしてください"),
        ({"made_up": None}, "made_up: 書かれていません"),
        ({"kind": "theft"}, "kind: 形が違います"),
        ({"aims": {"detect": "10", "triage": "30m", "contain": "2h"}}, "aims.detect: 10m、90s、2h"),
        ({"aims": {"detect": "2h", "triage": "30m", "contain": "1h"}}, "detect ≦ triage ≦ contain"),
        ({"players": {"sender": "甲", "csirt": "乙"}}, "players.second: 書かれていません"),
        ({"steps": []}, "steps: 形が違います"),
        ({"steps": [{"say": "x", "text": ""}]}, "steps[1].text"),
        ({"steps": [{"say": "x", "text": "y", "expect": "maybe"}]}, "steps[1].expect"),
        ({"weather": "晴れ"}, "weather: その項目はありません"),
    ],
)  # fmt: skip
def test_what_is_wrong_says_where_and_what_to_do(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    file = written(tmp_path, **more)
    with pytest.raises(BadScenario) as fault:
        read_scenario(file)
    assert said in str(fault.value) and str(file) in str(fault.value)
    assert "123456789018" not in str(fault.value)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadScenario) as fault:
        read_scenario(written(tmp_path, title=None, made_up=None, kind="x"))
    assert len(str(fault.value).splitlines()) == 3


@pytest.mark.parametrize("raw", [b"title: [", b"\xff\xfe", b"- a\n- b\n", b"", b"x: 1\n" * 60_000])
def test_a_file_that_is_none_is_told(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "drill.yaml"
    file.write_bytes(raw)
    with pytest.raises(BadScenario, match=r"drill\.yaml"):
        read_scenario(file)
    with pytest.raises(BadScenario, match="読めません"):
        read_scenario(tmp_path / "none.yaml")
