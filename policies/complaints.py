"""What is wrong with a file of rules, said to the person who has to mend it: where, what, what to do.

Words only: reads no file. Every complaint is plain Japanese first, English second.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Complaint:
    """``city.yaml:14: 「D9」は知らない値です。 / unknown value 'D9'.``; without line: the whole file."""

    file: str
    line: int | None
    ja: str
    en: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.ja} / {self.en}"


class PolicyError(Exception):
    """A file cannot be used as it is. ``complaints`` holds all that was found, in file order, never empty."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(sorted(complaints, key=lambda it: (it.file, it.line or 0)))
        super().__init__("\n".join(str(complaint) for complaint in self.complaints))


class CannotRead(PolicyError):
    """There is no such policy or file, or it cannot be opened: nothing is known of its contents."""


@dataclass(frozen=True, slots=True)
class Words:
    """One complaint without its place."""

    ja: str
    en: str


def unknown(what: Words, value: object, known: Sequence[str], words: Mapping[str, str]) -> Words:
    """Say that a value or key is not known, what would be, and what may have been meant.

    ``words`` gives the Japanese name of known values, so that ``氏名`` leads to ``PERSON``.
    """
    guess = close_to(str(value), known, words)
    listed = "、".join(f"{item}({words[item]})" if item in words else item for item in known)
    ja = f"「{value}」は知らない{what.ja}です。使えるのは: {listed}。"
    en = f"unknown {what.en} '{value}'; known: {', '.join(known)}."
    if guess is None:
        return Words(ja, en)
    return Words(f"{ja}「{guess}」のことですか。", f"{en} Did you mean '{guess}'?")


def close_to(value: str, known: Sequence[str], words: Mapping[str, str]) -> str | None:
    """The known value that was probably meant: by its Japanese name, by case, or by spelling."""
    for item in known:
        if value == words.get(item) or value.casefold() == item.casefold():
            return item
    near = get_close_matches(value.casefold(), [item.casefold() for item in known], n=1, cutoff=0.7)
    return next((item for item in known if near and item.casefold() == near[0]), None)


def missing(key: object) -> Words:
    return Words(
        f"項目「{key}」がありません。「{key}: …」の行を足してください。",
        f"'{key}' is missing; add a line '{key}: …'.",
    )


def unquoted(value: object) -> Words:
    raw = str(value).lower() if isinstance(value, bool) else value
    return Words(
        f"ここは文字で書きます。「{raw}」だけでは数や真偽と読まれます。"
        f'引用符を付けて "{raw}" と書いてください。',
        f'text is expected here, but {raw} is read as a number or true/false; write it in quotes: "{raw}".',
    )


def not_text() -> Words:
    return Words(
        "ここは文字を一つ書きます。一覧や「項目: 値」は書けません。",
        "write one text here, not a list or 'key: value' pairs.",
    )


def not_boolean() -> Words:
    return Words(
        "ここは true(はい)か false(いいえ)を、引用符なしで書きます。",
        "write true or false here, without quotes.",
    )


def not_number() -> Words:
    return Words(
        "ここは 0 以上の整数を、引用符なしで書きます(例: 3)。個数は 1 以上です。",
        "write a whole number here, without quotes (such as 3); a count is 1 or more.",
    )


def not_mapping() -> Words:
    return Words(
        "ここは「項目: 値」の形で書きます(下の行に、字下げして書けます)。",
        "write 'key: value' pairs here (on indented lines below).",
    )


def not_list() -> Words:
    return Words(
        "ここは一覧を書きます。[A, B] と書くか、下の行に「- A」と一つずつ書いてください。",
        "write a list here: [A, B], or '- A' on lines below.",
    )


def empty_list() -> Words:
    return Words(
        "一覧が空です。一つ以上書くか、この項目の行を消してください。",
        "the list is empty; write at least one value or delete this line.",
    )


def empty_text() -> Words:
    return Words(
        "文字がありません。文を書くか、この項目の行を消してください。",
        "the text is empty; write something or delete this line.",
    )


def misread(raw: str, kind: str) -> Words:
    """What to say of a scalar that YAML takes for something people did not mean.

    ``kind`` is what YAML takes it for: ``null``, ``bool``, or any kind of number.
    """
    if kind == "null":
        return Words(
            "値がありません。値を書くか、この行を消してください。",
            "there is no value here; write one or delete this line.",
        )
    if kind == "bool":
        return Words(
            f"「{raw}」は YAML では真偽の値です。真偽なら true か false と、"
            f'文字なら引用符を付けて "{raw}" と書いてください。',
            f'YAML reads {raw} as true or false; write true or false, or "{raw}" if text is meant.',
        )
    return Words(
        f'「{raw}」は YAML では数として読まれます。文字なら引用符を付けて "{raw}" と、'
        "整数なら 0 を前に付けず数字だけで書いてください。",
        f'YAML reads {raw} as a number; write "{raw}" if text is meant, or a plain whole number.',
    )
