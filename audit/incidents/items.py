"""The nine items of 漏えい等報告 (個人情報保護法施行規則44条1項1号〜9号), in the order of the form. Pure."""

from collections.abc import Mapping
from typing import Literal, get_args

Item = Literal[
    "overview", "data", "persons", "cause", "secondary_harm", "response", "publication", "prevention", "other"
]
ITEMS: tuple[Item, ...] = get_args(Item)
ITEM_WORDS: Mapping[Item, str] = {
    "overview": "概要",
    "data": "漏えい等が発生し、又は発生したおそれがある個人情報の項目",
    "persons": "本人の数",
    "cause": "原因",
    "secondary_harm": "二次被害又はそのおそれの有無及びその内容",
    "response": "本人への対応の実施状況",
    "publication": "公表の実施状況",
    "prevention": "再発防止のための措置",
    "other": "その他参考となる事項",
}
SHORT: Mapping[Item, str] = {
    **ITEM_WORDS, "data": "項目", "secondary_harm": "二次被害", "response": "本人への対応", "publication": "公表",
    "prevention": "再発防止", "other": "その他",
}  # fmt: skip
"""As staff call them."""
