"""``sekisho redact``: what would be masked in a text, and why. Reads texts, changes and keeps none."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from redaction.detector import Detector
    from redaction.model import Finding

app = typer.Typer(
    name="redact", no_args_is_help=True,
    help="伏せ字になる個人情報を調べます。 Shows what personal data a text holds, and why it is believed.",
)  # fmt: skip

REASONS: dict[str, str] = {
    "pattern": "形 (shape)",
    "checksum": "検査数字 (check digit)",
    "cue": "手がかりの語 (cue word)",
    "both": "検査数字と手がかり (check digit and cue)",
    "context": "前後の語 (words around it)",
    "dictionary": "辞書 (dictionary)",
    "repeat": "同じ値が他にある (same value elsewhere)",
}
"""Every evidence of ``redaction.model`` in words for a reader."""

_BAD_BYTE = re.compile("[\udc80-\udcff]")

_SOURCE = Annotated[
    str | None, typer.Argument(help="文章かファイル名。省略時は標準入力。 Text or file; default stdin.")
]
_ALLOW = Annotated[Path | None, typer.Option(help="許可リスト。 Allow-list file.")]
_THRESHOLD = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="採用する最低点。 Least score that counts.")
]
_STRICT = Annotated[
    bool, typer.Option("--strict", help="厳しく探す(ポリシーの search: strict)。 A strict search.")
]
_JSONL = Annotated[
    bool, typer.Option("--jsonl", help='{"id","text"} の行を読みます。 Lines of JSON in and out.')
]
_JSON = Annotated[bool, typer.Option("--json", help="機械用の出力。 Machine output.")]


@app.command("find")
def find_command(
    text: _SOURCE = None,
    jsonl: _JSONL = False,
    as_json: _JSON = False,
    allow: _ALLOW = None,
    threshold: _THRESHOLD = 0.35,
    strict: _STRICT = False,
) -> None:
    """文章の中の個人情報の場所を示します。 Prints where personal data stands in a text."""
    if jsonl:
        detector = _detector(allow, threshold)
        with _Lines(text) as lines:
            raise typer.Exit(_answered(detector, lines, strict))
    content = _content(text)
    found = _detector(allow, threshold).find_now([content], strict)[0]
    if as_json:
        typer.echo(json.dumps({"spans": [_span(finding) for finding in found]}))
    else:
        _print_table(content, found)


@app.command("try")
def try_command(
    text: _SOURCE = None,
    allow: _ALLOW = None,
    threshold: _THRESHOLD = 0.35,
    strict: _STRICT = False,
) -> None:
    """伏せる所に色をつけ、理由を示します。 Shows a text with its findings in colour, and why."""
    from rich.console import Console

    content = _content(text)
    found = _detector(allow, threshold).find_now([content], strict)[0]
    console = Console()
    console.print(_coloured(content, found), soft_wrap=True)
    console.print()
    _print_table(content, found)


def _answered(detector: "Detector", lines: Iterable[str], strict: bool) -> int:
    """One answer a line, in order, as soon as it is known. Returns the exit status: 1 after a bad line."""
    from redaction.model import CannotDetect

    status = 0
    for line in lines:
        if not line.strip():
            continue
        name: Any = None
        try:
            name, content = _asked(line)
            found = detector.find_now([content], strict)[0]
            answer: dict[str, Any] = {"id": name, "spans": [_span(finding) for finding in found]}
        except _BadLine as bad:
            answer, status = {"id": bad.name, "error": str(bad)}, 1
        except CannotDetect as error:
            answer, status = {"id": name, "error": error.reason}, 1
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return status


class _BadLine(ValueError):
    """A line that asks nothing; ``name`` is its id where it had one."""

    def __init__(self, why: str, name: Any = None) -> None:
        super().__init__(why)
        self.name = name


def _asked(line: str) -> tuple[Any, str]:
    if _BAD_BYTE.search(line):
        raise _BadLine("not UTF-8")
    try:
        asked = json.loads(line.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise _BadLine("not JSON: one object a line is expected") from error
    if not isinstance(asked, dict):
        raise _BadLine('not an object with "id" and "text"')
    name, content = asked.get("id"), asked.get("text")
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise _BadLine('"id" must be a string or a whole number')
    if not isinstance(content, str):
        raise _BadLine('"text" must be a string', name)
    return name, content


def _span(finding: "Finding") -> dict[str, Any]:
    return {"start": finding.start, "end": finding.end, "type": finding.label, "score": finding.score}


@app.command("measure")
def measure_command(
    folder: Annotated[
        Path, typer.Argument(help="印を付けた文書のフォルダー。 Folder of marked documents.")
    ] = Path("tests/cases/documents/frozen"),
    misses: Annotated[
        bool,
        typer.Option(
            help="見のがした所を表示(調整用の文書だけに)。 Show what was missed; for tuning sets only."
        ),
    ] = False,
    as_json: _JSON = False,
    allow: _ALLOW = None,
    threshold: _THRESHOLD = 0.35,
    strict: _STRICT = False,
) -> None:
    """印を付けた文書で、どれだけ見つけられるかを測ります。 Measures how much is found in marked documents."""
    from time import process_time

    from redaction.measure import as_table, documents, measure

    try:
        read = documents(folder)
    except (OSError, ValueError) as error:
        _give_up(f"{folder} の文書を読めません: {error} Cannot read these documents.")
    detector = _detector(allow, threshold)
    began = process_time()
    result = measure(read, lambda text: detector.find_now([text], strict)[0])
    spent = process_time() - began
    if as_json:
        typer.echo(json.dumps(result.figures() | {"cpu_ms_per_1000": 1e6 * spent / result.characters}))
        return
    typer.echo(as_table(result))
    typer.echo(f"\nCPU {1e6 * spent / result.characters:.1f} ms / 1,000 characters")
    if misses:
        texts = {document.id: document.text for document in read}
        for id, label, start, end in result.misses:
            text = texts[id]
            around = f"{text[max(0, start - 12) : start]}⟪{text[start:end]}⟫{text[end : end + 12]}"
            typer.echo(f"{id} {label} {around!r}")


def _detector(allow: Path | None, threshold: float) -> "Detector":
    from redaction.allowed import DEFAULT, read_allowed
    from redaction.detector import Detector

    path = allow or DEFAULT
    try:
        allowed = read_allowed(path)
    except (OSError, UnicodeDecodeError):
        _give_up(
            f"許可リスト {path} を読めません。名前と権限を確かめてください。"
            f" Cannot read the allow-list {path}; check its name and permissions."
        )
    detector = Detector(allow=allowed, threshold=threshold)
    try:
        detector.load()
    except Exception as error:  # whatever is missing in this installation, the clerk gets one sentence
        kind = type(error).__name__
        _give_up(
            f"検出器を用意できません（{kind}）。make install をやり直してください。"
            f" The detector cannot load ({kind}); run make install again."
        )
    return detector


def _content(text: str | None) -> str:
    if text is not None and text != "-" and not _is_file(text):
        return text
    with _Lines(text) as lines:
        return "".join(lines).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_file(text: str) -> bool:
    try:
        return len(text) < 500 and "\n" not in text and Path(text).is_file()
    except (OSError, ValueError):
        return False


class _Lines:
    """The lines of a file or of standard input, as UTF-8; bad bytes become lone surrogates (PEP 383)."""

    def __init__(self, name: str | None) -> None:
        self._stream: IO[bytes] = sys.stdin.buffer
        self._owned = name is not None and name != "-"
        if self._owned:
            try:
                self._stream = open(str(name), "rb")  # noqa: SIM115 closed in __exit__
            except OSError:
                _give_up(
                    f"{name} を読めません。ファイル名と権限を確かめてください。"
                    f" Cannot read {name}; check its name and permissions."
                )

    def __enter__(self) -> Iterator[str]:
        return (line.decode("utf-8", "surrogateescape") for line in self._stream)

    def __exit__(self, *_: object) -> None:
        if self._owned:
            self._stream.close()


def _give_up(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def _print_table(content: str, found: tuple["Finding", ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        typer.echo("個人情報は見つかりませんでした。 No personal data found.")
        return
    from redaction.recognizers import kinds

    names = kinds()
    table = Table("位置 place", "種別 kind", "値 value", "点 score", "規則 source", "理由 why")
    for f in found:
        value = Text(content[f.start : f.end].replace("\n", "⏎"))
        table.add_row(f"{f.start}-{f.end}", f"{names.get(f.label, '')} {f.label}", value, f"{f.score:.2f}",
                      f.source, REASONS[f.evidence])  # fmt: skip
    Console().print(table)


def _coloured(content: str, found: tuple["Finding", ...]) -> "Text":
    from rich.text import Text

    text = Text(content)
    for f in found:
        text.stylize("black on yellow" if f.label == "PERSON" else "black on cyan", f.start, f.end)
    return text
