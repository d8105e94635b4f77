"""What goes wrong at a model's server, each in one place: code, sentence, status, and who may do better.

A failure that another model may not share is ``elsewhere``; one that was most likely over in a moment is
``here``; one that says the request itself is wrong is ``nobody``.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil

from policies.model import Bilingual
from proxy.errors import Again, UpstreamFailed, rate_limited

_PASSING = (502, 503, 504)
"""A server that was not there for a moment: the request was most likely not worked on."""

_REFUSED = (400, 404, 413, 422)
"""The server says that the request is wrong: no other try will be better."""

_LONGEST_WAIT = 3600


def unreachable() -> UpstreamFailed:
    """No connection came about: certainly not one byte left."""
    return _failed(
        "upstream_unreachable",
        "AIサーバーに接続できません。情報システム担当へ連絡してください。",
        "The model server cannot be reached. Tell the system team.",
        sent=False,
        again="here",
    )


def silent() -> UpstreamFailed:
    """The server said nothing for too long, or took too long in all."""
    return _failed(
        "upstream_timeout",
        "AIサーバーが時間内に答えませんでした。",
        "The model server did not answer in time.",
        status=504,
    )


def broken(before_reply: bool) -> UpstreamFailed:
    """The connection broke. Before any reply, the server was most likely just being started anew."""
    return _failed(
        "upstream_broken",
        "AIサーバーとの通信が途切れました。",
        "The connection to the model server broke.",
        again="here" if before_reply else "elsewhere",
    )


def incomplete() -> UpstreamFailed:
    """A stream ended without its end mark."""
    return _failed(
        "upstream_incomplete",
        "AIサーバーの応答が途中で終わりました。",
        "The model's reply ended without its end mark.",
    )


def malformed() -> UpstreamFailed:
    """The reply is not of the dialect's shape."""
    return _failed(
        "upstream_malformed", "AIサーバーの応答を読めません。", "The model server's reply cannot be read."
    )


def compressed() -> UpstreamFailed:
    """The reply is packed although we asked for it as it is: a small one may unpack to gigabytes."""
    return _failed(
        "upstream_compressed",
        "AIサーバーの応答が圧縮されているため受け取りません。情報システム担当へ連絡してください。",
        "The model server's reply is compressed, which this checkpoint does not accept. Tell the system team.",
    )


def too_large() -> UpstreamFailed:
    """The reply is larger than the setting allows."""
    return _failed(
        "upstream_too_large", "AIサーバーの応答が大きすぎます。", "The model server's reply is too large."
    )


def reported() -> UpstreamFailed:
    """The server reports a fault inside a reply of status 200."""
    return _failed(
        "upstream_error", "AIサーバーがエラーを返しました。", "The model server reported an error."
    )


def of_status(status: int, retry_after: str | None) -> UpstreamFailed:
    """Any status but 200. A server that says when to come back is not asked again before."""
    wait = seconds(retry_after)
    if status == 429:
        return rate_limited(wait)
    code = f"upstream_status_{status}"
    if status in _REFUSED:
        return _failed(
            code,
            f"AIサーバーが要求を受け付けませんでした({status})。モデル名や設定値を確かめてください。",
            f"The model server refused the request ({status}). Check the model name and parameters.",
            status=status,
            again="nobody",
        )
    if status == 503 and wait is not None:
        return _failed(
            code,
            "AIサーバーが休止しています。少し待ってからお試しください。",
            "The model server is away for a while. Wait a little.",
            status=503,
            retry_after=wait,
        )
    return _failed(
        code,
        f"AIサーバーがエラーを返しました({status})。情報システム担当へ連絡してください。",
        f"The model server answered with status {status}. Tell the system team.",
        again="here" if status in _PASSING else "elsewhere",
    )


def cannot(what: Bilingual) -> UpstreamFailed:
    """The model has no way to do what is asked, which is known before a byte leaves."""
    return UpstreamFailed("model_cannot", what, sent=False, status=400, again="elsewhere")


def not_asked(why: str) -> UpstreamFailed:
    """The library that asks could not: a key that is missing, a name that it does not know."""
    return _failed(
        "upstream_error",
        "AIサーバーに要求を送れませんでした。モデル一覧の設定を確かめてください。情報システム担当へ連絡してください。",
        f"The request could not be sent to the model server ({why}). Check the model list; tell the system team.",
        sent=False,
    )


def seconds(retry_after: str | None) -> str | None:
    """A `Retry-After` as whole seconds: it may come as seconds, with a fraction too, or as a date."""
    if retry_after is None:
        return None
    try:
        wait = float(retry_after)
    except ValueError:
        wait = _until(retry_after)
    return str(ceil(wait)) if 0 <= wait <= _LONGEST_WAIT else None


def _until(date: str) -> float:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return -1
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _failed(
    code: str,
    ja: str,
    en: str,
    *,
    sent: bool = True,
    status: int = 502,
    again: Again = "elsewhere",
    retry_after: str | None = None,
) -> UpstreamFailed:
    return UpstreamFailed(
        code, Bilingual(ja, en), sent=sent, status=status, again=again, retry_after=retry_after
    )
