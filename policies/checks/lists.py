"""What a policy lists: words, models, networks and use cases, and what is odd about them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from policies.checks.remarks import Checked, Remark
from policies.checks.rules import every
from policies.checks.tables import named
from policies.conditions import Condition
from policies.document import Place
from policies.names import is_pattern
from policies.proofs import spellable
from policies.registry import Model, UseCase
from policies.words import Together, WordList, fold


def of_lists(checked: Checked) -> Iterator[Remark]:
    """Everything that can be said of lists without a date."""
    for i, words in enumerate(checked.policy.word_lists):
        yield from _words(checked, ("words", i), words)
    yield from _models(checked)
    yield from _networks(checked)
    for i, case in enumerate(checked.policy.use_cases.values()):
        yield from _use_case(checked, ("use_cases", i), case)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────


def _words(checked: Checked, place: Place, words: WordList) -> Iterator[Remark]:
    if words.id not in _asked_for(checked):
        yield checked.remark(
            place,
            "warning",
            "unused-words",
            (f"言葉の一覧 {words.id} を使う規則がありません。", f"no rule asks for the word list {words.id}."),
            (f"規則の when に「words: [{words.id}]」を書くか、一覧を消してください。",
             f"Write 'words: [{words.id}]' into a rule, or delete the list."),
        )  # fmt: skip
    for part, spoken in _spoken(words):
        yield from _word(checked, (*place, *part), words.id, spoken)
    yield from _twice(checked, place, words)
    for n, together in enumerate(words.together):
        yield from _together(checked, (*place, "together", n), together)


def _asked_for(checked: Checked) -> set[str]:
    conditions = (it for _, ruled in every(checked) for it in _flat(ruled.conditions))
    return {name for it in conditions if it.name == "words" for name in it.wanted}


def _flat(conditions: Iterable[Condition]) -> Iterator[Condition]:
    for condition in conditions:
        yield condition
        yield from _flat(condition.parts)


def _spoken(words: WordList) -> Iterator[tuple[Place, str]]:
    yield from ((("terms", i), word) for i, word in enumerate(words.terms))
    yield from ((("unless", i), word) for i, word in enumerate(words.unless))
    for n, together in enumerate(words.together):
        for g, group in enumerate(together.groups):
            yield from ((("together", n, "groups", g, i), word) for i, word in enumerate(group))


def _word(checked: Checked, place: Place, id: str, word: str) -> Iterator[Remark]:
    length = len(fold(word))
    if length == 0:
        yield checked.remark(
            place,
            "error",
            "empty-word",
            (
                f"{id} に、空白や見えない文字だけの言葉があります。どの文にも当てはまってしまいます。",
                f"{id} holds a word of spaces or unseen characters alone; it would be found in every text.",
            ),
            ("この言葉を消してください。", "Delete it."),
        )
    elif length == 1 and place[-2] == "terms":  # beside another word, or as an excuse, one character may do
        yield checked.remark(
            place,
            "warning",
            "short-word",
            (
                f"{id} の「{word}」は一文字なので、関わりのない文にも当てはまります。",
                f"'{word}' in {id} is a single character and will be found in unrelated texts.",
            ),
            ("二文字以上の言葉にしてください。", "Use a word of two characters or more."),
        )


def _twice(checked: Checked, place: Place, words: WordList) -> Iterator[Remark]:
    folded = list(map(fold, words.terms))
    excused = [one for one in map(fold, words.unless) if one]
    counted = Counter(folded)
    seen: set[str] = set()
    for i, (word, term) in enumerate(zip(folded, words.terms, strict=True)):
        if counted[word] > 1 and word in seen:
            yield checked.remark(
                (*place, "terms", i),
                "warning",
                "word-twice",
                (
                    f"「{term}」は、幅・かな・空白をそろえると、すでにある言葉と同じです。",
                    f"'{term}' is the same word as another one, once width, kana and spaces are made alike.",
                ),
                ("この行を消してください。", "Delete this line."),
            )
        seen.add(word)
        if any(one in word for one in excused):
            yield checked.remark(
                (*place, "terms", i),
                "warning",
                "excused-word",
                (
                    f"「{term}」は、unless の言葉を含むので、見つかることがありません。",
                    f"'{term}' holds a phrase of 'unless', so it is never found.",
                ),
                ("unless の言葉を、もっと長くしてください。", "Make the phrase of 'unless' longer."),
            )


def _together(checked: Checked, place: Place, together: Together) -> Iterator[Remark]:
    groups = [set(map(fold, group)) for group in together.groups]
    counted = Counter(word for group in groups for word in group)
    both = sorted(word for word, count in counted.items() if count > 1)
    if both and not together.in_order:  # in order, one must end before the next begins
        alone = len(groups) == 2
        yield checked.remark(
            (*place, "groups"),
            "warning" if alone else "note",
            "same-word",
            (
                f"二つの組にある言葉は、一度出れば両方の組に当てはまります: {named(both, '、')}。",
                f"words in two groups count for both when they occur once: {named(both, ', ')}.",
            ),
            (
                "そのつもりでなければ、どちらかの組から消してください。",
                "Delete them from one, unless that is meant.",
            ),
        )
    needed = max(min(map(len, group)) for group in groups)
    if together.within < needed:
        yield checked.remark(
            (*place, "within"),
            "warning",
            "too-near",
            (
                f"within: {together.within} では、言葉が入りきらず、見つかることがありません。",
                f"within: {together.within} is shorter than the words themselves, so nothing is ever found.",
            ),
            (f"{needed * 2} くらいに増やしてください。", f"Raise it to about {needed * 2}."),
        )


# ── models and networks ───────────────────────────────────────────────────────────────────────────


def _models(checked: Checked) -> Iterator[Remark]:
    if not checked.policy.registered:
        yield checked.remark(
            (),
            "warning",
            "no-registry",
            (
                "承認されたモデルの一覧(models)がないので、どのモデルも未承認として止めることができません。",
                "there is no list of approved models, so that unknown ones are not refused.",
            ),
            ("models を書いてください。", "Write 'models'."),
        )
    listed = checked.policy.models.listed
    for i, model in enumerate(listed):
        earlier = next((one for one in listed[:i] if _shadows(one, model)), None)
        if earlier is not None:
            yield checked.remark(
                ("models", i, "name"),
                "warning",
                "hidden-model",
                (
                    f"{model.name} は、前にある {earlier.name} がすべて引き受けるので、使われません。",
                    f"{model.name} is never looked at: {earlier.name} comes first and takes all of it.",
                ),
                ("細かいほうを前に書いてください。", "Write the narrower one first."),
            )


def _shadows(earlier: Model, model: Model) -> bool:
    """Whether every name of a pattern, to the letter, belongs to an earlier pattern; exact names come before both."""
    if not (is_pattern(earlier.name) and is_pattern(model.name)):
        return False
    return not spellable(model.name, earlier.name)


def _networks(checked: Checked) -> Iterator[Remark]:
    first: dict[str, str] = {}
    for i, zone in enumerate(checked.form.zones or ()):
        for network in map(str, zone.networks):
            other = first.setdefault(network, zone.zone)
            if other != zone.zone:
                yield checked.remark(
                    ("zones", i),
                    "error",
                    "network-twice",
                    (
                        f"{network} は、区域 {other} にも {zone.zone} にも書いてあります。",
                        f"{network} belongs to the zones {other} and {zone.zone}.",
                    ),
                    ("どちらか一つにしてください。", "Leave it in one of them."),
                )


# ── use cases ─────────────────────────────────────────────────────────────────────────────────────


def _use_case(checked: Checked, place: Place, case: UseCase) -> Iterator[Remark]:
    risky = [
        ja
        for ja, so in (
            ("市民が使う", case.audience == "public"),
            ("権利や義務に関わる", case.nature == "rights"),
            ("要機密情報・個人情報を扱う", case.confidential),
            ("職員が判断しない", not case.human_judgement),
        )
        if so
    ]
    alone = case.nature == "rights" and not case.human_judgement
    if not case.high_risk and case.assessment is None and (len(risky) >= 3 or alone):
        yield checked.remark(
            (*place, "high_risk"),
            "warning",
            "high-risk",
            (
                f"{case.id} は high_risk: false ですが、四つの答えのうち「{'」「'.join(risky)}」は高リスクの側です。",
                f"{case.id} says high_risk: false, but {len(risky)} of its four answers point to high risk.",
            ),
            (
                "もう一度判定し、high_risk: true にするか、評価の番号を assessment に書いてください。",
                "Judge it again: write high_risk: true, or the number of its assessment.",
            ),
        )
    if case.high_risk and case.approval is not None and case.assessment is None:
        yield checked.remark(
            (*place, "assessment"),
            "warning",
            "not-assessed",
            (
                f"{case.id} は高リスクで承認済みですが、評価の番号(assessment)がありません。",
                f"{case.id} is of high risk and approved, but names no assessment.",
            ),
            ("評価の番号を書いてください。", "Write its number."),
        )
