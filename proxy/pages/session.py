"""Who is signed in on our pages: a cookie that says so, sealed under the house's secret; no table, no memory of visits.

    sekisho_session = eyJwZXJzb24i….9f2c…     what it says, and its seal; a quarter of an hour

A form carries a token bound to the cookie, so that no other site can press a button for the person. Pure but for the
clock that is passed in.
"""

import base64
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Literal

COOKIE = "sekisho_session"
SECONDS = 15 * 60
"""How long a session lasts. Whoever needs longer signs in again."""
_SESSION = b"sekisho.page.session.v1\0"
_FORM = b"sekisho.page.form.v1\0"


@dataclass(frozen=True, slots=True)
class Session:
    """A person at our pages. ``by``: with what they signed in. ``department``, ``section`` and ``role`` are what the city's directory
    says of them, where it does; the book of people says the rest."""

    person: str
    by: Literal["key", "directory"]
    until: float
    department: str | None = None
    section: str | None = None
    role: str | None = None
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(12))


class Sessions:
    """Seals and reads sessions. ``secret`` is the house's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sealed(self, session: Session) -> str:
        """The value of the cookie."""
        said = base64.urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode().rstrip("=")
        return f"{said}.{self._seal(_SESSION, said)}"

    def read(self, cookie: str, now: float) -> Session | None:
        """The session of a cookie; None where it is none of ours, or over. ``now``: seconds since 1970."""
        said, _, seal = cookie.partition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(_SESSION, said).encode()):
            return None
        session = Session(**json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))))
        return session if now < session.until else None

    def form_token(self, session: Session) -> str:
        """What a form of this session carries."""
        return self._seal(_FORM, f"{session.person}\0{session.nonce}")

    def is_form_of(self, session: Session, token: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(token.encode(), self.form_token(session).encode())

    def _seal(self, use: bytes, said: str) -> str:
        return hmac.digest(self._secret, use + said.encode("utf-8", "surrogatepass"), "sha256").hex()
