"""The file of outlets: every mistake is told with its line, and no secret stands in it or in what is said of it."""

from pathlib import Path

import pytest

from audit.address import Address
from policies.complaints import PolicyError
from proxy.house import inspect
from proxy.outlets.duties import sinks_of
from proxy.outlets.terms import OtlpForm, SyslogForm, parse
from proxy.settings import BadSettings, Settings
from tests.proxy.outlets.certificates import papers

GOOD = """\
outlets:
  - name: siem
    kind: syslog
    host: siem.example.lg.jp
    ca: CA
    certificate: CERTIFICATE
    key: KEY
    content: cef
    facility: local4
    begin: first
    records: [asked, refused]
  - name: collector
    kind: otlp
    url: https://otel.example.lg.jp:4318/v1/logs
    headers:
      authorization: {file: TOKEN}
      x-tenant: {env: OTLP_TENANT}
    semconv: "1.36.0"
    signals: [logs]
"""


def filled(folder: Path) -> str:
    own = papers(folder / "papers")
    (folder / "token").write_text("Bearer secret-word\n")
    said = (
        GOOD.replace("CERTIFICATE", str(own.client))
        .replace("CA", str(own.ca))
        .replace("KEY", str(own.client_key))
    )
    return said.replace("TOKEN", str(folder / "token"))


def test_a_good_file_is_read_as_it_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTLP_TENANT", "takatsuki")
    listed = parse(filled(tmp_path).replace("OTLP_TENANT", "OTLP_TENANT"))
    siem, collector = listed.forms
    assert isinstance(siem, SyslogForm) and (siem.port, siem.confirm, siem.begin) == (6514, "closed", "first")
    assert isinstance(collector, OtlpForm) and collector.url == "https://otel.example.lg.jp:4318"
    assert dict(collector.told()) == {"authorization": "Bearer secret-word", "x-tenant": "takatsuki"}
    assert len(sinks_of(listed, Address(tmp_path / "ledger.sqlite"))) == 2
    assert "secret-word" not in repr(listed) + str(sinks_of(listed, Address(tmp_path / "l")))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("kind: syslog", "kind: sislog", 3, "syslog"),
        ("host: siem.example.lg.jp", "host: siem.example.lg.jp/x", 4, "サーバーの名前"),
        ("content: cef", "content: leef", 8, "json"),
        ("facility: local4", "facility: local9", 9, "local7"),
        ("begin: first", "begin: yesterday", 10, "now"),
        ("[asked, refused]", "[asked, told]", 11, "abandoned"),
        ("name: collector", "name: siem", 12, "二度"),
        ("name: collector", "name: Collector", 12, "英小文字"),
        ("https://otel.example.lg.jp:4318/v1/logs", "http://otel.example.lg.jp", 14, "https://"),
        ("https://otel.example.lg.jp:4318/v1/logs", "https://user:pw@otel.example.lg.jp", 14, "url は"),
        ("{file: TOKEN}", "Bearer secret-word", 16, ""),
        ("{file: TOKEN}", "{}", 16, "どちらか一つ"),
        ("{env: OTLP_TENANT}", "{env: SEKISHO_KEY}", 17, "SEKISHO_"),
        ("x-tenant:", "host:", 17, "host"),
        ('"1.36.0"', '"1.35.0"', 18, "1.41.0"),
        ("[logs]", "[metrics]", 19, "traces"),
        ("[logs]", "[]", 19, ""),
        ("    certificate: CERTIFICATE\n", "", 2, "certificate"),
        ("    host: siem.example.lg.jp\n", "", 2, "host"),
        ("content: cef", "nobody_knows: 1", 8, "nobody_knows"),
        ("outlets:", "exits:", 1, "outlets"),
    ],
)
def test_every_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    broken = GOOD.replace(old, new)
    assert broken != GOOD
    with pytest.raises(PolicyError) as error:
        parse(broken, "outlets.yaml")
    complaints = [one for one in error.value.complaints if said in str(one)]
    assert complaints and line in {one.line for one in complaints}, str(error.value)
    assert "secret-word" not in str(error.value) or "Bearer" not in new


def test_what_a_file_names_is_tried_at_the_start(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "outlets.yaml"
    own = papers(tmp_path / "papers")
    (tmp_path / "empty").write_text("")
    for old, said in (
        (f"ca: {tmp_path}/none.pem", "none.pem"),
        (f"ca: {own.client_key}", "PEM"),
        (f"certificate: {own.client}\n    key: {own.server_key}", "組になる"),
    ):
        file.write_text(f"outlets:\n  - name: siem\n    kind: syslog\n    host: siem\n    {old}\n")
        with pytest.raises(BadSettings, match=said):
            inspect(settings.model_copy(update={"outlets": file}))
    url = "https://otel.example.lg.jp"
    for secret, said in (("none", "読めません"), ("empty", "空か")):
        head = f"outlets:\n  - name: o\n    kind: otlp\n    url: {url}\n"
        file.write_text(f"{head}    headers: {{authorization: {{file: {tmp_path}/{secret}}}}}\n")
        with pytest.raises(BadSettings, match=said) as error:
            inspect(settings.model_copy(update={"outlets": file}))
        assert "outlets.yaml:2" in str(error.value)
    with pytest.raises(BadSettings, match=r"nowhere\.yaml"):
        inspect(settings.model_copy(update={"outlets": tmp_path / "nowhere.yaml"}))
