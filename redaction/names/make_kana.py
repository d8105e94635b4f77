"""Writes ``kana.txt``: how the surnames of this folder are read, in katakana, from SudachiDict (Apache-2.0).

    python -m redaction.names.make_kana

Run it after a change to ``surnames.py`` or ``rare.py``. Nothing imports it.
"""

from pathlib import Path

from redaction.names.rare import RARE
from redaction.names.surnames import FREQUENT

OUT = Path(__file__).with_name("kana.txt")


def main() -> None:
    from sudachipy import Dictionary

    dictionary = Dictionary(dict="core")
    found = {
        entry.reading_form()
        for name in FREQUENT | RARE
        for entry in dictionary.lookup(name)
        if tuple(entry.part_of_speech()[1:4]) == ("固有名詞", "人名", "姓")
    }
    OUT.write_text("\n".join(sorted(reading for reading in found if len(reading) > 1)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
