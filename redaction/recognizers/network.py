"""The inside of a network: internal host names, subnets, shares, MAC addresses, internal URLs.

A public site's name is public. Single IP addresses are another recogniser's.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_network

from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_LABEL = r"[0-9A-Za-z](?:[0-9A-Za-z_\-]{0,61}[0-9A-Za-z])?"
_HOST = re.compile(
    rf"(?<![0-9A-Za-z@._\-]){_LABEL}(?:\.{_LABEL}){{1,7}}(?![0-9A-Za-z_@])(?!\.[0-9A-Za-z])(?!\((?:\)|[a-z_]))"
)
_INNER_TOP = re.compile(
    r"(?:^|\.)(?:local|localdomain|lan|internal|intra|intranet|corp|home|private|priv|ad|naibu|domain)$", re.I
)
_INNER = re.compile(
    r"\.(?:local|lan|internal|intra|intranet|corp|naibu|shanai|chonai|core|ad|dmz|mgmt|mng|infra|inside|lgwan|cam|ops|dev|stg|staging|prod|db|svc|cluster|vpn|test|office)\.",
    re.I,
)
_TOP = re.compile(r"\.(?:jp|com|net|org|example|io|cloud|info|biz|asia|tokyo|osaka)$", re.I)
_ROLE = re.compile(
    r"^(?:[a-z0-9]{0,12}-)?(?:db|app|ap|web|sv|srv|svr|server|fs|dc|ad|dns|dhcp|mail|smtp|nvr|proxy|rpa|juki|vpn|gw|fw|sw|nas|jump|bastion|win|linux|host|file|backup|bk|log|ntp|esx|vm|k8s|redis|mysql|pg|ora|print|prn|wsus|radius|ldap|cam|switch|router|ap|node)"
    r"-?[0-9]{1,4}(?:-[a-z0-9]{1,8})?\.",
    re.I,
)
_CUE = re.compile(
    r"(?:[Hh]ost(?:name)?|HOST(?:NAME)?|upstream|server|SERVER|サーバ(?:ー)?(?:名|機)?|ホスト名?|コンピュータ(?:ー)?名|マシン名|端末名|接続先|踏み台|ドメイン(?:コントローラ(?:ー)?)?|DC|NAS|プロキシ|proxy|PROXY|FQDN|NVR|ゲートウェイ|gateway|node)"
    r"[ :=は(「\"']{1,3}$"
)
_PUBLIC = re.compile(
    r"^www\.|\.(?:lg\.jp|go\.jp|com|org|net|io|co\.jp|or\.jp|ac\.jp|ne\.jp|ed\.jp|osaka\.jp)$", re.I
)
_FILE = re.compile(
    r"\.(?:py|js|ts|md|txt|csv|xlsx?|docx?|pptx?|pdf|html?|json|ya?ml|xml|log|png|jpe?g|zip|exe|dll|bat|ps1|sh|sql|ini|conf|cfg|toml|java|class|css|php|rb|go|rs|sys|tmp|bak|dat)$",
    re.I,
)
_BARE = re.compile(
    r"(?:ホスト名|コンピュータ(?:ー)?名|マシン名|サーバ(?:ー)?名|hostname|HOSTNAME|SSID|NetBIOS名|ドメイン名(?=[ :]))[ :=は「\"']{1,3}(?P<name>[0-9A-Za-z][0-9A-Za-z_\-]{3,40})"
)
# What logs say first: the time, the machine, the program.
_LOGGED = re.compile(
    r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,+Z\-]{8,24}|[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) "
    r"(?P<name>(?=[A-Za-z_.\-]{0,60}[0-9_.\-])[A-Za-z][0-9A-Za-z_.\-]{2,60}) [0-9A-Za-z_./\-]{1,40}(?:\[[0-9]{1,8}\])?: ",
    re.M,
)
_CIDR4 = re.compile(
    r"(?<![0-9A-Za-z./])((?:[0-9]{1,3}\.){3}[0-9]{1,3}) ?/ ?([0-9]{1,2}|255(?:\.[0-9]{1,3}){3})(?![0-9A-Za-z.])"
)
_CIDR6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{1,40}/[0-9]{1,3}(?![0-9A-Za-z])")
_UNC = re.compile(
    r"(?<![0-9A-Za-z\\¥:])(?:\\\\|¥¥)[0-9A-Za-z][0-9A-Za-z._\-]{1,62}(?:[\\¥][^\\¥\s\"'<>|*?:、。,()「」]{1,80}){0,20}[\\¥]?"
)
_MAC = re.compile(
    r"(?<![0-9A-Za-z])(?<![:\-.][0-9A-Fa-f]{2}[:\-.])(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z:\-])"
)
_URL = re.compile(
    r"(?<![0-9A-Za-z])(?:https?|ftp|sftp|ssh|smb|ldaps?|rdp|file|jdbc:[a-z]{2,12})://(?:[^\s/@\"'<>、。]{1,60}@)?(?P<host>[0-9A-Za-z][0-9A-Za-z._\-]{0,120})(?::[0-9]{1,5})?(?:/[^\s\"'<>、。「」()]{0,300})?"
)
_PRIVATE = re.compile(
    r"(?:10|192\.168|172\.(?:1[6-9]|2[0-9]|3[01])|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])|169\.254)\.[0-9.]+$"
)


class NetworkRecognizer(Recognizer):
    """juki-db02.lan.takatsuki.example, 10.61.32.0/22, \\\\fs01\\share, 00:1A:2B:3C:4D:5E."""

    kind = "NETWORK"
    ja = "内部ネットワーク情報"

    def find(self, page: Page) -> Iterable[Hit]:
        text = page.text
        for match in _URL.finditer(text):
            host = match["host"]
            if (
                _PRIVATE.match(host)
                or _inner(host)
                or ("." not in host.rstrip(".") and host not in ("localhost",))
            ):
                yield Hit(match.start(), match.start() + len(match.group().rstrip(".,;")), 0.9, "pattern")
        for match in _HOST.finditer(text):
            host = match.group()
            if not _FILE.search(host) and not host.replace(".", "").isdigit():
                if _inner(host):
                    yield Hit(*match.span(), 0.9, "pattern")
                elif (
                    _CUE.search(text, max(0, match.start() - 24), match.start())
                    and not _PUBLIC.search(host)
                    and re.search("[A-Za-z]{2}", host)
                ):
                    yield Hit(*match.span(), 0.8, "cue")
        for match in _CIDR4.finditer(text):
            if _a_network(match.group(1), match.group(2)):
                yield Hit(*match.span(), 0.9, "pattern")
        for match in _CIDR6.finditer(text):
            address, _, prefix = match.group().partition("/")
            if _a_network(address, prefix):
                yield Hit(*match.span(), 0.9, "pattern")
        for match in _UNC.finditer(text):
            yield Hit(*match.span(), 0.9, "pattern")
        for match in _MAC.finditer(text):
            if len(set(match.group())) > 3:
                yield Hit(*match.span(), 0.85, "pattern")
        for match in _LOGGED.finditer(text):
            yield Hit(*match.span("name"), 0.8, "cue")
        for match in _BARE.finditer(text):
            if re.search("[0-9_-]", match["name"]):
                yield Hit(*match.span("name"), 0.75, "cue")


def _inner(host: str) -> bool:
    """Whether a host name says by itself that it is inside."""
    if host.startswith("www."):
        return False
    return bool(
        _INNER_TOP.search(host)
        or (((_INNER.search(host) and _TOP.search(host)) or _ROLE.match(host)) and not _public_site(host))
    )


def _public_site(host: str) -> bool:
    """Names such as dev.example.com are public; db01.lan.example.com is not."""
    return host.count(".") < 3 and _PUBLIC.search(host) is not None and not _ROLE.match(host)


def _a_network(address: str, prefix: str) -> bool:
    try:
        network = ip_network(f"{address}/{prefix}", strict=False)
    except ValueError:
        return False
    return network.prefixlen >= 4
