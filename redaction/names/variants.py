"""Old and rare forms of kanji in names, one character for one. Data only.

A dictionary knows 高崎 and not 髙﨑; the searched copy of a text is read in the known form. The text
itself keeps its own characters.
"""

_FORMS: dict[str, str] = {
    "髙": "高", "﨑": "崎", "嵜": "崎", "嶋": "島", "嶌": "島", "濵": "浜", "濱": "浜", "𠮷": "吉",
    "邊": "辺", "邉": "辺", "齋": "斎", "齊": "斉", "眞": "真", "櫻": "桜", "澤": "沢", "廣": "広",
    "德": "徳", "惠": "恵", "榮": "栄", "國": "国", "龍": "竜", "瀨": "瀬", "彌": "弥", "瀧": "滝",
    "萬": "万", "淺": "浅", "豐": "豊", "將": "将", "壽": "寿", "應": "応", "靜": "静", "黑": "黒",
    "圓": "円", "學": "学", "實": "実", "寬": "寛", "條": "条", "曉": "暁", "來": "来", "凛": "凜",
    "槇": "槙", "增": "増", "橫": "横", "冨": "富", "桒": "桑", "𣘺": "橋", "槗": "橋", "藪": "薮",
    "籔": "薮", "苅": "刈", "逹": "達",
}  # fmt: skip

MODERN: dict[int, str] = {ord(old): new for old, new in _FORMS.items()}
"""For ``str.translate``; keeps the length and every offset."""
