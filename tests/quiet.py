"""A file of alerts in which no rule is enabled: for houses in tests that are about something else.

    read(home=…, alerts=quiet(tmp_path))

What a house raises by itself comes when it comes (by night, on a Saturday, with a new model), and would stand between the
records and the lines that such a test counts.
"""

from pathlib import Path

from audit.alerts.rules import RULES


def quiet(folder: Path) -> Path:
    """The file, in ``folder``."""
    file = folder / "no-alerts.yaml"
    file.write_text("rules:\n" + "".join(f"  {id}: {{enabled: false}}\n" for id in RULES), "utf-8")
    return file
