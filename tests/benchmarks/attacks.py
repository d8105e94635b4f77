"""How many prompt attacks the city's two lists catch, how many harmless texts they catch, and what that costs.

    python tests/benchmarks/attacks.py [--city takatsuki] [--texts FILE ...] [--write docs/prompt-attacks.md]

Tuning set and frozen set side by side, by kind and language, with 95 % intervals (Wilson). ``--texts`` are public
texts that lie outside the repository (.jsonl and .json with a field ``text``, .bio, .txt); of them, and of the
documents in tests/cases/documents, only alarms are counted, over pieces of 2,000 characters. ``--write`` puts the
figures between the markers of the page and leaves the rest of it alone. Cost is CPU time of one process.
"""

import argparse
import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from policies import files  # noqa: E402
from policies.words import WordMatcher  # noqa: E402
from tests.attack_cases import DAY, KINDS, LANGUAGES, LISTS, Count, counted, matcher, read, total  # noqa: E402

PIECE = 2_000
ROWS = {
    "lift": ("制限を外そうとする", "lifting limits"),
    "peek": ("隠れたものを読もうとする", "reading what is hidden"),
    "about": ("攻撃について書いた文", "texts about attacks"),
    "harmless": ("ふつうの文", "harmless texts"),
}
OWN = ("tuning", "training", "frozen")


def main() -> None:
    """Measure, print, and write where asked to."""
    arguments = _arguments()
    policy = files.load(arguments.city)
    lists = matcher(policy)
    figures = "\n\n".join([_caught_table(lists), _ways_table(lists)])
    volume = _volume_table(lists, arguments.texts)
    cost = _cost_table(lists, WordMatcher(policy.word_lists))
    print("\n\n".join([_conditions(), figures, volume, cost]))
    if arguments.write:
        _put(arguments.write, "conditions", _conditions())
        _put(arguments.write, "caught", figures)
        _put(arguments.write, "cost", cost)
        if arguments.texts:  # without the public texts the rows of the last run stay
            _put(arguments.write, "volume", volume)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--city", default="takatsuki")
    parser.add_argument("--texts", nargs="*", type=Path, default=[])
    parser.add_argument("--write", type=Path)
    return parser.parse_args()


def _conditions() -> str:
    load = os.getloadavg()[0]
    return (
        f"{date.today().isoformat()}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores shared with other work, load {load:.1f}."
    )


def _caught_table(lists: WordMatcher) -> str:
    sets = {name: counted(lists, read(name)) for name in ("tuning", "frozen")}
    lines = [
        "| | | 調整用 tuning | 凍結 frozen |",
        "|---|---|---|---|",
    ]
    for kind in KINDS:
        for language in LANGUAGES:
            cells = (_said(tally.get((kind, language))) for tally in sets.values())
            lines.append(f"| {' '.join(ROWS[kind])} | {language} | {' | '.join(cells)} |")
    for words, kinds in (
        ("攻撃の計 all attacks", tuple(LISTS)),
        ("ふつうの文の計 all harmless", ("harmless",)),
    ):
        cells = (_said(total(tally, kinds)) for tally in sets.values())  # type: ignore[arg-type]
        lines.append(f"| **{words}** | | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ways_table(lists: WordMatcher) -> str:
    """Of the frozen set, where it is there: caught by the way the attack goes about it."""
    name = "frozen" if read("frozen") else "tuning"
    by_way: dict[str, Count] = {}
    for case in read(name):
        if case.kind in LISTS:
            before = by_way.get(case.how, Count(0, 0))
            caught = bool(lists.found([case.text], DAY))
            by_way[case.how] = Count(before.caught + caught, before.of + 1)
    lines = [f"| 手口 way ({name}) | 見つけた caught |", "|---|---|"]
    few = [
        f"| {how} | {count.caught} / {count.of} |" for how, count in sorted(by_way.items()) if count.of >= 3
    ]
    rest = [count for count in by_way.values() if count.of < 3]
    if rest:
        few.append(f"| その他 others | {sum(c.caught for c in rest)} / {sum(c.of for c in rest)} |")
    return "\n".join(lines + few)


def _said(count: Count | None) -> str:
    if count is None or not count.of:
        return "—"
    low, high = count.interval
    return f"{count.caught} / {count.of} = {100 * count.caught / count.of:.0f} % ({100 * low:.0f}–{100 * high:.0f})"


def _volume_table(lists: WordMatcher, texts: Sequence[Path]) -> str:
    sources = [(f"tests/cases/documents/{name}", list(_own(name))) for name in OWN]
    sources += [(file.name if file.stem not in ("train", "dev", "test") else f"{file.parent.name}/{file.name}",
                 list(_public(file))) for file in texts]  # fmt: skip
    lines = [
        "| 文書 texts | 文字 characters | 知らせた数 alarms | 100万字あたり per million |",
        "|---|---|---|---|",
    ]
    for name, units in sources:
        joined = "\n".join(units)
        alarms = sum(bool(lists.found([piece], DAY)) for piece in _pieces(joined))
        if joined:
            lines.append(f"| {name} | {len(joined):,} | {alarms} | {1e6 * alarms / len(joined):.1f} |")
    return "\n".join(lines)


def _pieces(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def _own(name: str) -> Iterator[str]:
    for file in sorted((ROOT / "tests/cases/documents" / name).rglob("*.yaml")):
        yield file.read_text(encoding="utf-8")


def _public(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".jsonl":
        yield from (json.loads(line)["text"] for line in text.splitlines() if line.strip())
    elif file.suffix == ".json":
        yield from (row["text"] for row in json.loads(text))
    elif file.suffix == ".bio":
        for sentence in text.split("\n\n"):
            yield "".join(line.split("\t")[0] for line in sentence.splitlines())
    else:
        yield text


def _cost_table(lists: WordMatcher, all_lists: WordMatcher) -> str:
    ordinary = "\n".join(_own("tuning"))[:100_000]
    near = "\n".join(case.text for case in read("tuning") if case.kind == "harmless") * 10
    lines = [
        "| | 攻撃の一覧だけ these two lists | 方針の全部の一覧 all lists of the policy |",
        "|---|---|---|",
    ]
    for name, texts in (
        ("文書、一行ずつ documents, line by line", [line for line in ordinary.splitlines() if line.strip()]),
        ("文書、2,000字ずつ documents, 2,000 characters", _pieces(ordinary)),
        ("文書、100,000字 documents, 100,000 characters", [ordinary]),
        ("似た言葉ばかりの文、100,000字 near misses, 100,000 characters", [near[:100_000]]),
    ):
        cells = (f"{_microseconds(one, texts):,.0f} µs" for one in (lists, all_lists))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _microseconds(lists: WordMatcher, texts: Sequence[str]) -> float:
    """CPU time for 1,000 characters, the best of five."""

    took = []
    for _ in range(5):
        began = time.thread_time()
        for text in texts:
            lists.found([text], DAY)
        took.append(time.thread_time() - began)
    return 1e9 * min(took) / sum(map(len, texts))


def _put(page: Path, name: str, figures: str) -> None:
    """Replace what stands between the markers of one block."""
    text = page.read_text(encoding="utf-8")
    block = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not block.search(text):
        raise SystemExit(f"{page}: the markers of {name} are missing")
    page.write_text(block.sub(lambda found: f"{found[1]}{figures}\n{found[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
