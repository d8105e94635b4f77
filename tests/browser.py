"""A real Chromium for the tests: npm's @sparticuz/chromium, led by Python's playwright.

The npm package brings the browser, the libraries it needs and a font, so that nothing has to be on the machine, and
nothing is fetched but that package: see tests/clients/chromium. It is unpacked once, beside its node_modules. The
browser finds no host but this machine, whatever a page may ask for.

    with chromium() as browser, window(browser) as seen:
        seen.page.goto(url)
        assert seen.others(url) == [] and seen.complaints_about(url) == []
"""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests import node

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

SOURCE = Path(__file__).parent / "clients" / "chromium"
NEEDED = 22
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""
"""The package's own font and no other, so that a page is as wide on every machine. It shows Japanese as boxes."""
SPREAD = "0.4em"
"""How much narrower such a box is than a Japanese letter."""
CANNOT = ("error while loading shared libraries", "GLIBC_", "No usable sandbox", "cannot execute")
"""What Chromium says, or the system does, where the machine cannot run it."""


@dataclass
class Window:
    """A page somebody looks at, with cookies of its own, and what came of it.

    ``requests``: every address that was asked for, and the host whose page asked; none where somebody went there.
    ``complaints``: what the browser wrote on its console as an error or a warning, and the host of the page. That a
    page came with the status of an error is no complaint.
    """

    page: "Page"
    requests: list[tuple[str, str]] = field(default_factory=list)
    complaints: list[tuple[str, str]] = field(default_factory=list)

    def others(self, url: str) -> list[str]:
        """What the pages of this URL's host fetched from any other host."""
        host = urlsplit(url).netloc
        return [asked for asked, by in self.requests if by == host and urlsplit(asked).netloc != host]

    def complaints_about(self, url: str) -> list[str]:
        """What the browser had to say against the pages of this URL's host."""
        return [said for said, about in self.complaints if about == urlsplit(url).netloc]

    def is_too_wide(self, width: int, letters: int = 100) -> bool:
        """Whether one has to scroll sideways where the window is so wide, and the letters are so many percent great."""
        before = self.page.viewport_size
        assert before
        self.page.set_viewport_size({**before, "width": width})
        self._sets(f"{letters}%", SPREAD)
        too_wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        self._sets("", "")
        self.page.set_viewport_size(before)
        return bool(too_wide)

    def focused(self) -> str:
        """What the keyboard is at: its id, name, address or words, whichever it has first."""
        said = "(one => one.id || one.name || one.getAttribute('href') || one.textContent)(document.activeElement)"
        return str(self.page.evaluate(said))

    def _sets(self, size: str, spread: str) -> None:
        script = "set => { Object.assign(document.documentElement.style, set) }"
        self.page.evaluate(script, {"fontSize": size, "letterSpacing": spread})

    def _asks(self, request: "Request") -> None:
        by = "" if request.is_navigation_request() else urlsplit(request.frame.url).netloc
        self.requests.append((request.url, by))

    def _complains(self, message: "ConsoleMessage") -> None:
        went_there = (message.location["url"], "") in self.requests
        is_status = message.text.startswith("Failed to load resource") and went_there
        if message.type in ("error", "warning") and not is_status:
            self.complaints.append((message.text, urlsplit(self.page.url).netloc))


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A Chromium with an empty profile. Where the machine cannot run it, the test is skipped and says why."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip(f"the Chromium of npm runs on Linux x86-64, not on {sys.platform} {platform.machine()}")
    from playwright.sync_api import Error, sync_playwright

    unpacked = _unpacked()
    with tempfile.TemporaryDirectory(prefix="chromium-home-") as home, sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=unpacked / "chromium",
                chromium_sandbox=os.geteuid() != 0,
                args=FLAGS,
                env={
                    "LD_LIBRARY_PATH": str(unpacked / "al2023" / "lib"),
                    "FONTCONFIG_PATH": str(unpacked / "fonts"),
                    "HOME": home,
                    "XDG_CACHE_HOME": home,
                },
            )
        except Error as error:
            why = next((why for why in CANNOT if why in str(error)), None)
            if why is None:
                raise
            pytest.skip(f"this machine cannot run the Chromium of npm: {why}")
        with browser:
            yield browser


@contextmanager
def window(browser: "Browser", width: int = 1280, script: bool = True) -> Iterator[Window]:
    """A window of the browser, so many CSS pixels wide; without ``script``, JavaScript is switched off."""
    with browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=script, locale="ja-JP"
    ) as context:
        context.set_default_timeout(20_000)
        seen = Window(context.new_page())
        context.on("request", seen._asks)
        context.on("console", seen._complains)
        yield seen


def _unpacked() -> Path:
    """The folder with the browser, made once."""
    installed = node.installed(SOURCE, NEEDED)
    return node.made_once(installed / "chromium", lambda folder: _unpack(installed, folder))


def _unpack(installed: Path, folder: Path) -> None:
    command, _ = node.node_and_npm(NEEDED)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
    done = subprocess.run(
        [*command, str(SOURCE / "unpack.mjs")],
        cwd=installed,
        env=clean | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    (folder / "fonts" / "fonts.conf").write_text(FONTS)
