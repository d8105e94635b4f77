"""What people write into the ledger by hand holds no My Number and no 住民票コード, and little else is taken for one."""

import pytest

from audit.names import exchange_id, now
from audit.numbers import may_be_somebodys

GROUPED = [f"1234{mark}5678{mark}9018" for mark in " -._,、:=~;/()・－"]


@pytest.mark.requirement("R45")
@pytest.mark.parametrize(
    "written",
    [
        *GROUPED,
        "123456789018",
        "個人番号 123456789018 の照会",
        "１２３４５６７８９０１８",
        "一二三四五六七八九〇一八",
        "12-34-56-78-90-18",
        "123456-789018",
        "c12345678.9018",
        "u123456789018@city",
        "2026-01-15-123456789018",
        "①②③④⑤⑥⑦⑧⑨⓪①⑧",
        "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0668",
        "12345678901",
        "1234-5678-901",
    ],
)
def test_a_number_of_somebody_is_seen_however_it_is_written(written: str) -> None:
    assert may_be_somebodys(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "訴訟第1号 令和8年(ワ)第1234号",
        "2026-11-23〜2026-12-31",
        "2026-11-1から2026-1-31、毎月",
        "2026-11-23 10:30:45",
        "平成30年10月23日から31年12月31日まで",
        "20261123001",
        "2026-01-15-123456",
        "H20261123-4f9c2a",
        "090-1234-5678",
        "072-674-7111",
        "123456789012",  # the check digit is another one's
        "4242-4242-4242-4242",
        "0123456789018ABCDEFGHJKMNP",
    ],
)
def test_what_is_nobodys_number_may_be_written(written: str) -> None:
    assert not may_be_somebodys(written)


def test_an_exchange_can_always_be_looked_for() -> None:
    assert not any(may_be_somebodys(exchange_id(now())) for _ in range(1000))
