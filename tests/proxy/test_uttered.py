"""What the model says of its own accord, searched while it runs: with the real detector, at the real speed."""

import asyncio
from typing import Any

import pytest

from proxy.kinds import PIECE, SCRIPT, Kind
from proxy.uttered import Uttered
from redaction.detector import Detector

TEXT = (
    "ご連絡先は090-1234-5678、メールはsato.jiro@example.jpへ。口座番号 1234567。担当は佐藤次郎です。\n"
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "".join(f"MIIEpAIBAAKCAQEA3Tz2mr7SZiAMfQyuvBjM9Oi8sZ4s6u4mrqMUzQ5xK5S3l2a{c}\n" for c in "ABC")
    + "-----END RSA PRIVATE KEY-----\n以上。"
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    loaded = Detector()
    loaded.load()
    return loaded


def heard(uttered: Uttered, text: str, kind: Kind = PIECE, step: int = 1) -> str:
    async def run() -> str:
        sieve = uttered.sieve(kind)
        said = [await sieve.feed(text[at : at + step]) for at in range(0, len(text), step)]
        return "".join([*said, await sieve.flush()])

    return asyncio.run(run())


@pytest.mark.requirement("R39")
@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_numbers_mail_and_keys_are_masked_and_names_let_through(detector: Detector, step: int) -> None:
    said = heard(Uttered(detector, "連絡先を教えて"), TEXT, step=step)
    assert said.startswith(
        "ご連絡先は[PHONE_NUMBER]、メールは[EMAIL_ADDRESS]へ。口座番号 [JP_BANK_ACCOUNT]。担当は佐藤次郎です。"
    )
    assert "MIIE" not in said and "K5S3l2a" not in said and said.endswith("以上。")


def test_with_names_too_nobody_is_named(detector: Detector) -> None:
    said = heard(Uttered(detector, "連絡先を教えて", names_too=True), TEXT)
    assert "佐藤次郎" not in said and "担当は[PERSON]です。" in said


def test_placeholders_of_the_question_pass_in_every_way_of_searching(detector: Detector) -> None:
    text = "パスワードは[CREDENTIAL_1_ab3d]、担当は[PERSON_1_k7q2]様、口座[JP_BANK_ACCOUNT_2_zz7a]です。"
    for names_too in (False, True):
        assert heard(Uttered(detector, "x", names_too=names_too), text) == text


def test_in_json_a_number_becomes_a_string_and_the_json_stays_json(detector: Detector) -> None:
    said = heard(Uttered(detector, "x"), '{"to":"090-1234-5678","card":4111111111111111,"n":5}', kind=SCRIPT)
    assert said == '{"to":"[PHONE_NUMBER]","card":"[CREDIT_CARD]","n":5}'


def test_what_stood_in_the_question_is_left_alone_however_it_is_written(detector: Detector) -> None:
    uttered = Uttered(detector, "代表は ０９０（１２３４）５６７８ です")
    assert heard(uttered, "電話は090-1234-5678です") == "電話は090-1234-5678です"
    assert heard(uttered, "番号は123456789018です") == "番号は[JP_MY_NUMBER]です"


def test_the_ledger_keeps_even_names_masked_and_counts_each_datum_once(detector: Detector) -> None:
    async def run() -> tuple[Any, Any]:
        uttered = Uttered(detector, "x")
        kept = await uttered.reread({(0, "content"): "担当は佐藤次郎様、佐藤次郎様です。"})
        return kept, uttered.facts

    kept, facts = asyncio.run(run())
    assert kept == {(0, "content"): "担当は[PERSON]様、[PERSON]様です。"}
    assert facts == {
        "output_pii": {"PERSON": 1},
        "output_masked": {},
        "output_links": 0,
        "output_searched": True,
    }
