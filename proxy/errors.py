"""What a caller is told when an exchange does not pass: one error object in the dialect's own format.

    Problem            something is wrong with the request: say what, where, and what to do next
    ├── Stopped        the policy refused it or wants it confirmed (already recorded)
    ├── Halted         `sekisho stop` holds for it
    ├── OverQuota      nothing but a limit of the office is in its way: 429 (already recorded)
    ├── UpstreamFailed the model's server did not answer properly (already recorded)
    ├── Unavailable    we cannot find, decide or record: fail closed, 503
    └── Unfinished     the model was asked and something broke on our side: 500, not to be repeated

Messages are plain Japanese first, English second. They never quote what a person wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from policies.days import JST
from policies.house_rules import UNKNOWN_MODEL
from policies.model import Bilingual, Confirm, Refuse, RuleHit, Verdict
from policies.vocabulary import ENTITY_WORDS

NO_RETRY = {"x-should-retry": "false"}
"""Official clients repeat some failed requests by themselves; a refusal must be asked once only."""


Again = Literal["nobody", "elsewhere", "here"]


class Problem(Exception):
    """Ends an exchange. ``code`` is stable, is what the ledger keeps as the reason, and holds no text."""

    def __init__(
        self,
        status: int,
        code: str,
        says: Bilingual,
        *,
        param: str | None = None,
        headers: Mapping[str, str] = NO_RETRY,
        rules: Sequence[str] = (),
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.says = says
        self.param = param
        self.headers = dict(headers)
        self.rules = list(rules)

    def body(self, request_id: str) -> dict[str, Any]:
        """The OpenAI error object, with the rules and the request id beside the usual four fields."""
        return {
            "error": {
                "message": f"{self.says.ja} / {self.says.en} [{request_id}]",
                "type": _TYPES.get(
                    self.status, "api_error" if self.status >= 500 else "invalid_request_error"
                ),
                "param": self.param,
                "code": self.code,
                "rules": self.rules,
                "request_id": request_id,
            }
        }


@dataclass(frozen=True, slots=True)
class Link:
    """Where a person confirms what was stopped: the page of this id, until then. ``needed``: as what they consent."""

    id: str
    expires_at: datetime
    needed: tuple[str, ...] = ("self",)

    def url(self, origin: str) -> str:
        """The page's address. ``origin``: ``https://sekisho.example.lg.jp``, as the caller's browser reaches us."""
        return f"{origin.rstrip('/')}/confirm/{self.id}"


class Waiting(Protocol):
    """Whom a request waits for. ``link``: where it can be confirmed; ``by_robot``: nobody can confirm it."""

    @property
    def link(self) -> Link | None: ...

    @property
    def by_robot(self) -> bool: ...


class Stopped(Problem):
    """The verdict is not a permit. The record of it exists already."""

    def __init__(
        self,
        verdict: Verdict,
        found: Sequence[str],
        usable: Sequence[str] = (),
        waits: Waiting | None = None,
    ) -> None:
        """``found`` are the entity types that were found, ``usable`` the models that may be asked for by name."""
        rules = verdict.decisive
        super().__init__(
            403,
            _code_of(verdict),
            _explained(verdict, found, usable),
            param="model" if UNKNOWN_MODEL in rules else None,
            rules=[rule.id for rule in rules],
        )
        self.link = waits.link if waits else None
        self.origin = ""
        self._next = _NO_ROBOT if waits and waits.by_robot else None

    def body(self, request_id: str) -> dict[str, Any]:
        """With the page where it can be confirmed, in the sentence and as a field of its own."""
        told = super().body(request_id)
        if self.link is not None:
            url = self.link.url(self.origin)
            told["error"]["confirmation"] = {
                "id": self.link.id,
                "url": url,
                "expires_at": self.link.expires_at.isoformat(timespec="seconds"),
            }
        if (more := _to_confirm(self.link, url) if self.link else self._next) is not None:
            told["error"]["message"] = f"{self.says.ja}{more.ja} / {self.says.en} {more.en} [{request_id}]"
        return told


class Halted(Problem):
    """`sekisho stop` holds for it: for the whole house, its model, its section or its tool (``kind``).

    ``whom``: the officer who answers for it, as the policy names one.
    """

    def __init__(self, kind: str, whom: str | None = None) -> None:
        ja, en = _HALTED[kind]
        to = f"{whom}、または情報システム担当" if whom else "情報システム担当"
        ask = f"Ask {whom} or the system team" if whom else "Ask the system team"
        super().__init__(
            503,
            "stopped",
            Bilingual(
                f"{ja}いま止められています。いつ再開するかは、{to}へ問い合わせてください。",
                f"{en} stopped for now. {ask} when it will go on.",
            ),
        )


class OverQuota(Problem):
    """The policy refused it for nothing but a limit. ``wait``: seconds after which it fits again; None: it is no use to
    repeat it."""

    def __init__(self, says: Bilingual, rules: Sequence[str], wait: int | None) -> None:
        super().__init__(
            429,
            "insufficient_quota" if wait is None else "rate_limit_exceeded",
            says,
            headers=NO_RETRY if wait is None else {"retry-after": str(wait)},
            rules=rules,
        )


class UpstreamFailed(Problem):
    """The model's server failed. ``sent`` is False when certainly not one byte of the request left.

    ``again``: who may do better, if it is asked before the first byte of a reply: nobody, another model
    ("elsewhere"), or the same one too ("here").
    """

    def __init__(
        self,
        code: str,
        says: Bilingual,
        *,
        sent: bool,
        status: int = 502,
        retry_after: str | None = None,
        again: Again = "nobody",
    ) -> None:
        headers = {"retry-after": retry_after} if retry_after else {}
        super().__init__(status, code, says, headers=headers if status in _CLIENT_MAY_RETRY else NO_RETRY)
        self.sent = sent
        self.again = again


class Unavailable(Problem):
    """Finding, deciding or recording is down: nothing was sent and nothing will be (promise 1 and 2)."""

    def __init__(self, code: str, says: Bilingual | None = None) -> None:
        super().__init__(503, code, says or _UNAVAILABLE.get(code, _DOWN), headers={"retry-after": "5"})


class Unfinished(Problem):
    """The model was asked, masked, but the answer cannot be given. Repeating it would ask twice."""

    def __init__(self, code: str) -> None:
        super().__init__(
            500,
            code,
            Bilingual(
                "AIへは伏せ字にして送信しましたが、返事の処理か記録を終えられなかったため、返事をお渡しできません。情報システム担当へ連絡してください。",
                "The masked request was sent, but its answer could not be handled or recorded. Tell the system team.",
            ),
        )


_HALTED = {
    "house": ("AIの利用は、市の全体で", "All use of AI is"),
    "model": ("このモデルの利用は、", "The use of this model is"),
    "section": ("あなたの課のAIの利用は、", "Your section's use of AI is"),
    "tool": ("このツールからのAIの利用は、", "The use of AI from this tool is"),
}

_CLIENT_MAY_RETRY = frozenset({429, 503})
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}

_DOWN = Bilingual(
    "検査または記録ができないため、いまはAIを使えません。しばらくしてからもう一度お試しください。続くときは情報システム担当へ連絡してください。",
    "Checking or recording is not available, so nothing was sent. Try again later; tell the system team if it goes on.",
)
_UNAVAILABLE = {
    "detector_loading": Bilingual(
        "起動の準備中です。数秒後にもう一度お試しください。", "Starting up; try again in a few seconds."
    ),
    "detector_busy": Bilingual(
        "混み合っているため受け付けられませんでした。少し待ってからもう一度お試しください。",
        "Too many requests are waiting to be checked. Try again shortly.",
    ),
    "detector_timeout": Bilingual(
        "文章の検査に時間がかかりすぎたため送信しませんでした。文章を短く分けてお試しください。",
        "Checking the text took too long, so nothing was sent. Try shorter texts.",
    ),
}


def no_such_model(known: Sequence[str]) -> Problem:
    """Asked for a model that is not here; ``known`` are those that are."""
    return Problem(
        404,
        "model_not_found",
        Bilingual(
            f"そのモデルは使えません。使えるのは: {', '.join(known)}",
            f"No such model here. Known: {', '.join(known)}",
        ),
        param="model",
    )


def rate_limited(retry_after: str | None) -> UpstreamFailed:
    """The model's server asks to wait; ``retry_after`` is passed on when it is a number of seconds."""
    return UpstreamFailed(
        "upstream_rate_limited",
        Bilingual(
            "AIサーバーが混み合っています。少し待ってからお試しください。",
            "The model server is busy. Wait a little.",
        ),
        sent=True,
        status=429,
        again="elsewhere",
        retry_after=retry_after if retry_after and retry_after.isdigit() else None,
    )


def _code_of(verdict: Verdict) -> str:
    match verdict:
        case Confirm():
            return "confirmation_required"
        case Refuse(error=error) if error:
            return "policy_error"
        case Refuse():
            return "policy_denied"
        case _:
            return "verdict_unknown"


def _to_confirm(link: Link, url: str) -> Bilingual:
    """How a person confirms it."""
    until = f"{link.expires_at.astimezone(JST):%m月%d日 %H:%M}"
    if link.needed == ("self",):
        return Bilingual(
            f"確かめるには、次のページを開いてください({until}まで): {url}",
            f"To confirm it, open this page (until {until} JST): {url}",
        )
    ja = "と".join(_CONSENTERS[role].ja for role in link.needed)
    en = " and ".join(_CONSENTERS[role].en for role in link.needed)
    return Bilingual(
        f"{ja}の同意が要ります。{ja}に、次のページを開いてもらってください({until}まで): {url}",
        f"{en} must consent: have them open this page (until {until} JST): {url}",
    )


_CONSENTERS = {
    "self": Bilingual("本人", "you"),
    "section_head": Bilingual("所属長", "your section head"),
    "csirt": Bilingual("CSIRT", "the CSIRT"),
}
_NO_ROBOT = Bilingual(
    "ロボットの要求は、だれも確認できません。担当の職員が、自分のツールから送ってください。",
    "What a robot asks cannot be confirmed. Have the member of staff who answers for it send it from their own tool.",
)

_SPELLED_OUT = 3
_NAMED = 12
"""Rules that a refusal spells out, and those, like models, that it names besides: nobody reads more."""


def _explained(verdict: Verdict, found: Sequence[str], usable: Sequence[str]) -> Bilingual:
    """What was found, which rules, and what to do now."""
    if isinstance(verdict, Refuse) and verdict.error:
        return _undecided(verdict.error)
    if not verdict.decisive:
        return _NOTHING_ALLOWS
    ja, en = [], []
    if found:
        ja.append(
            f"文章に「{'・'.join(ENTITY_WORDS.get(label, label) for label in found)}」が見つかりました。"
        )
        en.append(f"Found in the text: {', '.join(found)}.")
    waits = isinstance(verdict, Confirm)
    ja.append("人の確認が必要なため、まだ送信していません。" if waits else "送信しませんでした。")
    en.append("It needs a person's confirmation and was not sent yet." if waits else "It was not sent.")
    spelled = _first(verdict.decisive)
    for rule in spelled:
        ja.append(f"規則 {rule.id}「{rule.title.ja}」{rule.remedy.ja if rule.remedy else ''}")
        en.append(f"Rule {rule.id}: {rule.title.en} {rule.remedy.en if rule.remedy else ''}".rstrip())
        if rule.id == UNKNOWN_MODEL.id:
            ja.append(_models(usable).ja)
            en.append(_models(usable).en)
    if rest := [rule.id for rule in verdict.decisive if rule not in spelled]:
        more = len(rest) - _NAMED
        ja.append(
            f"ほかに当てはまる規則: {'、'.join(rest[:_NAMED])}{f'、ほか{more}件' if more > 0 else ''}。"
        )
        en.append(f"Also: {', '.join(rest[:_NAMED])}{f' and {more} more' if more > 0 else ''}.")
    return Bilingual("".join(ja), " ".join(en))


def _first(rules: Sequence[RuleHit]) -> list[RuleHit]:
    """The rules that are spelled out: the first ones that each ask for something else."""
    by_remedy = {rule.remedy: rule for rule in reversed(rules)}
    return [rule for rule in rules if by_remedy[rule.remedy] is rule][:_SPELLED_OUT]


def _models(usable: Sequence[str]) -> Bilingual:
    """Which models may be asked for, and, for the system team, how one more comes to be among them."""
    more = len(usable) - _NAMED
    names = ", ".join(usable[:_NAMED])
    return Bilingual(
        f"使えるモデル: {names or 'なし'}{f'、ほか{more}件' if more > 0 else ''}。"
        "(システム担当へ: 使うモデルは、方針のファイルの models: に name・title・service・destination・no_training・"
        "recorded・regions・contract を書いて登録します。書き方は policies/README.md)",
        f"Approved: {names or 'none'}{f' and {more} more' if more > 0 else ''}. (System team: a model is registered "
        "under models: in the policy file, with name, title, service, destination, no_training, recorded, regions and "
        "contract; see policies/README.md.)",
    )


def _undecided(error: str) -> Bilingual:
    return Bilingual(
        f"利用の規則に照らして判定できなかったため、送信しませんでした。情報システム担当へ連絡してください({error})。",
        f"The rules could not be applied to this request, so nothing was sent. Tell the system team ({error}).",
    )


_NOTHING_ALLOWS = Bilingual(
    "この使い方を認める規則がないため送信しませんでした。所属長か情報システム担当へ相談してください。",
    "No rule allows this use, so nothing was sent. Ask your section head or the system team.",
)
