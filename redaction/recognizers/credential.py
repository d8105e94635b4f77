"""Secrets that open something: passwords, API keys, private keys, connection strings, 暗証番号.

Found by their shape (well-known keys, PEM blocks, URLs that carry a password) or after a word that says
so. What only speaks of passwords, a type in a table definition and a variable's name are left alone.
"""

import re
from collections.abc import Iterable

from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_KEYS = re.compile(
    r"(?<![0-9A-Za-z_-])(?:sk-(?:proj-|ant-|or-|svcacct-)?[0-9A-Za-z_-]{16,200}|(?:sk|rk|whsec)_(?:live|test|prod)?_?[0-9A-Za-z]{16,120}"
    r"|(?:AKIA|ASIA|AGPA|AROA)[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{30,255}|github_pat_[0-9A-Za-z_]{30,255}|glpat-[0-9A-Za-z_-]{16,60}"
    r"|xox[abeoprs]-[0-9A-Za-z-]{10,200}|xapp-[0-9A-Za-z-]{10,200}|AIza[0-9A-Za-z_-]{30,60}|ya29\.[0-9A-Za-z_-]{20,400}"
    r"|eyJ[0-9A-Za-z_-]{8,2000}\.[0-9A-Za-z_-]{8,4000}(?:\.[0-9A-Za-z_-]{0,2000})?|SG\.[0-9A-Za-z_-]{16,40}\.[0-9A-Za-z_-]{16,80}"
    r"|(?:hf|npm|dop_v1|doo_v1|shpat|shpss|lin_api|pypi|dckr_pat|tvly|gsk|nvapi|r8|figd|sq0[a-z]{3}|key)[_-][0-9A-Za-z_-]{20,200}"
    r"|GOCSPX-[0-9A-Za-z_-]{20,60}|AGE-SECRET-KEY-[0-9A-Z]{40,80}|\$2[aby]\$[0-9]{2}\$[0-9A-Za-z./]{40,60}|\$[156y]\$[0-9A-Za-z./$]{8,200})(?![0-9A-Za-z])"
)
_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"[0-9A-Za-z+/=:,\-\s.()>]*")
_PEM_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_LINE = re.compile(r"[0-9A-Za-z+/=]{8,76}")
_URL = re.compile(
    r"(?<![0-9A-Za-z])[A-Za-z][0-9A-Za-z+.\-]{1,30}://[^\s/@:\"'<>、。「」]{0,80}:[^\s/@\"'<>、。「」]{1,120}@[^\s\"'<>、。「」)]{1,300}"
)
_PAIRS = re.compile(
    r"(?:[A-Za-z][A-Za-z ]{1,24}=[^;=\n\"'<>]{0,120}; ?){1,20}(?:[A-Za-z][A-Za-z ]{1,24}=[^;\s\"'<>]{0,120})?"
)
_SECRET_PAIR = re.compile(
    r"(?:^|;) ?(?:Password|Pwd|PWD|password|pwd|AccountKey|SharedAccessKey|Secret|SharedSecret) ?="
)
_SAID = re.compile(
    r"(?P<name>パスワード|パスフレーズ|パスコード|合言葉|暗号化キー|復号キー|事前共有キー|事前共有鍵|セキュリティキー|シークレット(?:キー)?|秘密鍵|秘密の答え"
    r"|暗証番号|APIキー|APIトークン|アクセスキー|アクセストークン|認証キー|認証トークン|トークン|ライセンスキー|プロダクトキー|暗号キー|接続キー"
    r"|(?<![A-Za-z_])(?:PW|PASS|Pass|pass|pw|[Pp]assword|PASSWORD|[Pp]asswd|[Pp]assphrase|[Pp]asscode|[Pp]wd|PWD|[Ss]ecret|SECRET|[Tt]oken"
    r"|[Aa]ccess [Kk]ey|API ?[Kk]ey|api ?key|PSK|Wi-?Fiキー)[\"']?)"
    r"(?:\([^()\n]{1,12}\))?(?: ?(?:は|を|が|:|=|→|->|⇒|/|に|も) ?[「『\"'`]?|[ ]{1,6}[「『\"'`]?|[「『\"'`(])(?P<value>[!-&(-~]{4,128})"
)
_SIGNING = re.compile(
    r"署名用(?:電子証明書)?(?:の?(?:暗証番号|パスワード))?[ :は]{0,6}[「『]?(?P<value>(?=[A-Z0-9]{0,15}[0-9])(?=[A-Z0-9]{0,15}[A-Z])[A-Z0-9]{6,16})(?![0-9A-Za-z.])"
)
"""公的個人認証 署名用: six to sixteen capital letters and digits, both."""
_COMMAND = re.compile(r"(?:mysql|mysqldump|mysqladmin|sshpass) [^\n]{0,60}?-p ?(?P<value>[!-&(-~]{6,40})")
_THIN = re.compile(r"jdbc:oracle:thin:[^\s/@]{1,40}/[^\s/@]{1,60}@[^\s\"'、。]{1,120}")
_ASSIGNED = re.compile(
    r"(?<![0-9A-Za-z_.\-])[0-9A-Za-z_.\-]{0,40}(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?|AUTH_?KEY"
    r"|[Pp]assword|[Pp]asswd|[Pp]assphrase|[Ss]ecret|[Tt]oken|api_?key|[Aa]piKey|access_?key|[Aa]ccessKey|private_?key|[Pp]rivateKey|auth_?key|_PW|_PWD|_pw)"
    r"[0-9A-Za-z_]{0,20}[\"']?[ ]{0,2}(?:=>|:=|[=:])[ ]{0,2}(?P<quote>[\"'`]?)(?P<value>[!-&(-~]{6,256})"
)
_BEARER = re.compile(r"(?:Bearer|Basic|Authorization: ?(?:token)?) (?P<value>[0-9A-Za-z._~+/=-]{12,2000})")
_BESIDE = re.compile(
    r"(?<![0-9A-Za-z_.@\-])[A-Za-z][0-9A-Za-z_.@\-]{1,40} ?/ ?(?P<value>[!-.0-~]{8,64})(?![0-9A-Za-z])"
)
_PIN_NAME = re.compile(
    r"暗証(?:番号|コード)?|利用者証明(?:用)?(?:電子証明書)?|署名用(?:電子証明書)?|PIN(?:コード|番号|ナンバー)?(?![A-Za-z])|ピンコード|ワンタイムパスワード|認証コード|認証番号|確認コード|セキュリティコード|CVV|CVC"
    r"|(?:ロック|解錠|開錠|解除|アラーム|キーボックス|ダイヤル|ドア)(?:の)?(?:番号|コード|暗証)|(?:金庫|キーボックス|ロッカー)の番号"
)
_PIN = re.compile(
    r"(?<![0-9A-Za-z〇零一二三四五六七八九])(?:[0-9]{4,8}|[0-9](?:[ \-][0-9]){3,7}|[〇零一二三四五六七八九]{4,8}|(?:いち|に|さん|よん|ご|ろく|なな|はち|きゅう|ゼロ|れい){4,8})"
    r"(?![0-9A-Za-z〇零一二三四五六七八九])(?! ?(?:桁|けた|文字|番(?!で)|回|年|円|人|件|日|歳|月|時|分|秒|窓口|番窓口|/|[~.\-]))"
)
_PIN_REACH = 26
_PIN_BREAK = re.compile(r"[。\n]|桁|文字|電話|内線|令和|平成|昭和|西暦|番号札")
_EXAMPLE = re.compile(
    r"[」』\"']?(?:など|等|[や、][「『]?[0-9]{4}|や(?:生年月日|誕生日|電話番号|同じ|連番)|のような|といった|は(?:使|避|設定でき|登録でき)|を(?:避|使わ))"
)
_COLUMN = re.compile(
    r"パスワード|^PW$|暗証番号|パスフレーズ|[Pp]assword|^pass$|APIキー|シークレット|トークン|^PIN$"
)
_NOT_VALUES = re.compile(
    r"(?:VARCHAR|CHAR|NVARCHAR|TEXT|STRING|string|str|int|bool|Optional|None|null|nil|undefined|true|false|True|False|required|optional|password|Password|PASSWORD"
    r"|getpass|os\.|env|process\.|settings|config|input|self\.|request|form|secret|changeme|xxx|XXX|\*|\.{3}|-{2,}|_{2,}|={2,}|#+$|https?:|SHA|MD5|AES|RSA|bcrypt|OAuth|JWT"
    r"|Alt|Ctrl|Shift|Cmd|SSO|LDAP|max|min|auto|none|N/A|ID|policy|reset|field|type|length|expired|invalid|error|changed?|hint|manager)"
)
_COUNTED = re.compile(r"暗証|トークン|[Tt]oken")
"""Plain digits after these are another rule's, or a count."""
_CODE = re.compile(r"^[$<%]|[({\[]|\$\{|::|\)$")
_TRAIL = re.compile(r"[\"'`,;.)>\]]+$")
_IS_SAID = re.compile(r"[」』\"']| ?です|に(?:設|変|し)|で(?:ロ|入)")
_LOWEST = 4


class CredentialRecognizer(Recognizer):
    """パスワード：Tkd#2025-init; sk-proj-…; postgresql://user:pass@host/db; 暗証番号 3390."""

    kind = "CREDENTIAL"
    ja = "認証情報"

    def find(self, page: Page) -> Iterable[Hit]:
        text = page.text
        for pattern in (_KEYS, _URL, _THIN):
            for match in pattern.finditer(text):
                yield Hit(match.start(), match.start() + len(match.group().rstrip(".,;")), 0.95, "pattern")
        for match in _PAIRS.finditer(text):
            if _SECRET_PAIR.search(match.group()):
                yield Hit(*match.span(), 0.95, "pattern")
        yield from _private_keys(text)
        yield from _said(text)
        yield from _beside_a_user(text)
        yield from _pins(text)
        for cell in page.cells:
            if _COLUMN.search(cell.heading) and _a_secret(text[cell.begin : cell.end], said=True):
                yield Hit(cell.begin, cell.end, 0.85, "cue")


def _private_keys(text: str) -> Iterable[Hit]:
    """A block from BEGIN to END; where a window cuts it, as far as its letters go."""
    for match in _PEM.finditer(text):
        body = _PEM_BODY.match(text, match.end())
        stop = body.end() if body else match.end()
        last = _PEM_END.search(text, match.end(), min(len(text), stop + 80))
        yield Hit(match.start(), last.end() if last else stop, 1.0, "pattern")
    first = _PEM_END.search(text)
    if first and "-----BEGIN" not in text[: first.start()]:
        yield Hit(_lines_before(text, first.start()), first.end(), 1.0, "pattern")


def _lines_before(text: str, at: int) -> int:
    """Where the lines of a key begin whose END stands at ``at``."""
    while at and text[at - 1] == "\n":
        line = text.rfind("\n", 0, at - 1) + 1
        if not _PEM_LINE.fullmatch(text, line, at - 1):
            break
        at = line
    return at


def _said(text: str) -> Iterable[Hit]:
    for pattern, said in (
        (_SAID, True),
        (_SIGNING, True),
        (_ASSIGNED, False),
        (_BEARER, False),
        (_COMMAND, False),
    ):
        for match in pattern.finditer(text):
            begin, value = match.start("value"), match["value"]
            if match.groupdict().get("quote"):
                value = value.partition(match["quote"])[0]
                said_so = True
            else:
                value = re.split(r"[;,\"'`]" if pattern is _ASSIGNED else r"[,\"'`」]", value)[0]
                said_so = said
            value = _TRAIL.sub("", value)
            if value.isdigit() and _COUNTED.search(match.groupdict().get("name") or ""):
                continue
            if _a_secret(value, said_so, text[begin + len(value) : begin + len(value) + 3]):
                yield Hit(begin, begin + len(value), 0.85, "cue")


def _beside_a_user(text: str) -> Iterable[Hit]:
    """Administrator / Jk@2019takatsuki: a user's name, a stroke, and what nobody writes but as a password."""
    for match in _BESIDE.finditer(text):
        value = _TRAIL.sub("", match["value"])
        if (
            _classes(value) == 4
            and not _CODE.search(value)
            and not re.search(r"[/\\=?&%]|://", match.group()[:-1].replace(" / ", "").replace("/", "", 1))
        ):
            yield Hit(match.start("value"), match.start("value") + len(value), 0.7, "pattern")


def _pins(text: str) -> Iterable[Hit]:
    for name in _PIN_NAME.finditer(text):
        match = _PIN.search(text, name.end(), min(len(text), name.end() + _PIN_REACH))
        if match is None or _PIN_BREAK.search(text, name.end(), match.start()):
            continue
        if not _EXAMPLE.match(text, match.end()):
            yield Hit(*match.span(), 0.8, "cue")


def _a_secret(value: str, said: bool, after: str = "") -> bool:
    """Whether a value looks chosen or drawn by lot. After a plain word (``said``) less is asked."""
    if len(value) < _LOWEST or _NOT_VALUES.match(value) or _CODE.search(value) or not value.isascii():
        return False
    if re.match(r" ?(?:文字|桁|回|日|年|件|人|字|以上)", after):
        return False
    classes = _classes(value)
    digit, letter = re.search("[0-9]", value), re.search("[A-Za-z]", value)
    if not said:
        return classes >= 2 and len(value) >= 8 and (digit is not None or classes >= 3)
    if value.isdigit():
        return len(value) <= 12
    if digit and letter:
        return len(value) >= 5
    # パスワードは takatsuki です: the sentence says that the word is the password.
    return classes >= 3 or (len(value) >= 6 and value.islower() and _IS_SAID.match(after) is not None)


def _classes(value: str) -> int:
    """How many of lower case, upper case, digits and signs a value has."""
    sorts = ("[a-z]", "[A-Z]", "[0-9]", "[!-/:-@\\[-`{-~]")
    return sum(1 for sort in sorts if re.search(sort, value))
