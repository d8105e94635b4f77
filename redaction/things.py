"""Things: whether the words right beside a number say that it is a thing's, not somebody's. Pure functions.

For numbers that are believed by their shape alone: 品番 912-78-3456, 945-70-1234 は品番です, 第123-45-6789号.
"""

import re

_NAMED = (
    r"(?:品番|型番|図番|型式|[Pp]art [Nn]o\.?|[Pp]art [Nn]umber|[Oo]rder [Nn]o\.?|[Oo]rder [Nn]umber|SKU|ISBN|JAN"
    r"|(?:注文|発注|受注|伝票|見積書?|請求書?|納品書?|文書|議案|簿冊|製造|製品|商品|部品|備品|資産|機種|型|工事|路線|橋梁|図面|様式|カタログ|在庫|管理|契約"
    r"|法人|企業|事業[所者])(?:番号|コード|[Nn][Oo]\.?|ナンバー|ID))"
)
_BEFORE = re.compile(rf"(?:{_NAMED}[\"']? ?(?:[はがを:=#(「])? ?|第 ?)\Z")
_AFTER = re.compile(rf" ?(?:[)」] ?)?(?:(?:は|が|の|という) ?(?:{_NAMED}|部品|商品|製品|備品)|号)")
_REACH = 24


def of_a_thing(text: str, start: int, end: int) -> bool:
    """Whether characters ``start`` to ``end`` of a folded text stand right beside what a thing's number is called."""
    before = _BEFORE.search(text[max(0, start - _REACH) : start])
    return before is not None or _AFTER.match(text, end, min(len(text), end + _REACH)) is not None
