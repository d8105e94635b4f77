"""Names before what they wrote: "[09:03] だいち: 了解" and "たかちほ 14:22" over the lines of a chat. Pure functions.

Whoever writes in a chat is somebody, however odd the name. Only a name that stands so at least twice on a
page is believed: one line with a time is anything.
"""

import re
from collections import Counter
from collections.abc import Iterator

from redaction.names.belief import is_no_part
from redaction.names.rare import RARE
from redaction.names.roles import WORK
from redaction.names.surnames import FREQUENT
from redaction.names.words import NOT_NAMES
from redaction.page import Hit, Page

_TIME = r"(?:[0-9]{1,4}[/\-][0-9]{1,2}(?:[/\-][0-9]{1,2})?(?:\([月火水木金土日]\))? )?(?:午[前後] ?)?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
_NAME = r"[^\s0-9:|<>\[\]()「」、。・/→=]{1,10}(?: [^\s0-9:|<>\[\]()「」、。・/→=]{1,8})?"
_LINE = re.compile(
    rf"^[ \t]*(?:\[?{_TIME}\]?[ \t]{{0,3}}(?P<after>{_NAME})(?:\([^()\n]{{1,10}}\))?(?: ?[:|>「『])"
    rf"|(?P<before>{_NAME})(?:\([^()\n]{{1,10}}\))?[ \t]{{1,3}}[\[(]?{_TIME}[\])]?[ \t]*\n(?![ \t]*$|[^\n]{{1,24}}[0-9]{{1,2}}:[0-9]{{2}}[ \t]*$))",
    re.MULTILINE,
)
_NOBODY = re.compile(
    r"(?i:AI|bot|system|admin|user|assistant|info|error|warn|debug|zoom|teams|github|slack|gitlab|jira|outlook)|[A-Z]さん|話者.*|発言者.*|.*[係課室部班局]"
)
_HONORIFIC = re.compile(r"(?:さん|様|氏|先生|係長|課長|主任|主査|部長)$")
_SHORT = re.compile("[ぁ-ゖァ-ヺー]{0,2}")
_LEAST = 2


def writers(page: Page) -> Iterator[Hit]:
    """Who writes in a chat, wherever a line begins with the name or with the time and the name."""
    lines = list(_LINE.finditer(page.text))
    met = Counter(match["after"] or match["before"] for match in lines)
    for match in lines:
        written = match["after"] or match["before"]
        name = _HONORIFIC.sub("", written)
        name = written if _SHORT.fullmatch(name) else name  # やっさん is called so
        known = name in FREQUENT or name in RARE
        nobody = _NOBODY.fullmatch(name) or name in NOT_NAMES or name in WORK or is_no_part(name)
        if met[written] >= _LEAST and name and (known or not nobody):
            begin = match.start("after" if match["after"] else "before")
            yield Hit(begin, begin + len(name), 0.6, "context")
