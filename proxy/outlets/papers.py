"""The certificates that an outlet or a channel names: read once, before anything is connected."""

import ssl
from pathlib import Path

from policies.complaints import Words
from proxy.outlets.tls_line import context_of


class Unusable(Exception):
    """What is named cannot be used; ``words`` say why."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


def context_for(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """What a server must show, and what we show it. Raises `Unusable`."""
    files = [None if one is None else Path(one) for one in (ca, certificate, key)]
    for file in filter(None, files):
        try:
            file.read_bytes()
        except OSError as error:
            raise Unusable(
                Words(f"{file} を読めません({error.strerror})。", f"cannot read {file}: {error.strerror}.")
            ) from None
    try:
        return context_of(*files)
    except (ssl.SSLError, ValueError, OSError):
        raise Unusable(
            Words(
                "ca・certificate・key のどれかが、PEMの証明書か、組になる鍵(パスワードなし)ではありません。",
                "one of ca, certificate and key is no certificate in PEM, or no key to it, or has a password.",
            )
        ) from None
