"""IP addresses, version 4 and 6. Not version numbers, where a word says so, nor netmasks and loopback."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from redaction import cues
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_V4 = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z])(?!\.[0-9])")
# The look-behind lets a run be tried once, from its first letter.
_V6 = re.compile(
    r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]+(?::(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![0-9A-Za-z:])(?!\.[0-9])"
)
_VERSION = re.compile(r"(?:[Vv]er(?:sion)?\.?|バージョン|版|リリース|ファームウェア|Build|v|第|V) ?$")


class IpAddressRecognizer(Recognizer):
    """192.168.10.5, 2001:db8::1."""

    kind = "IP_ADDRESS"
    ja = "IPアドレス"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _V4.finditer(page.text):
            if _a_host(match.group()) and not cues.before(page.text, match.start(), _VERSION, 8):
                yield Hit(*match.span(), 0.9, "pattern")
        for match in _V6.finditer(page.text):
            if re.search("[0-9]", match.group()) and _a_host(match.group()):
                yield Hit(*match.span(), 0.9, "pattern")


def _a_host(text: str) -> bool:
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or text.startswith("255."))
