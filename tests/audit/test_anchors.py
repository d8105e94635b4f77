"""Anchors: every note leaves the house, whatever happens to the way."""

import email
import email.policy
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from audit import notes
from audit.anchors import Anchors, body, destinations
from audit.notes import ChainHead, Note
from audit.outposts import CannotBring, Folder
from audit.signing import KeyFile
from tests.audit.ledgers import Child

Keys = tuple[Path, Path]


class Book:
    """The notes of a ledger, as the house would give them."""

    def __init__(self, key: Path) -> None:
        self.signer = KeyFile.load(key)
        self.notes: list[str] = []
        self.asked: list[int] = []

    def sign(self, day: str = "2026-11-23", digit: str = "a") -> str:
        number = len(self.notes) + 1
        previous = notes.digest(self.notes[-1]) if self.notes else notes.FIRST
        heads = (ChainHead("w20261123T052100Z-4f9c2a", number, digit * 64, "open"),)
        self.notes.append(self.signer.sign(Note(number, f"{day}T05:21:00.123456Z", previous, heads)))
        return self.notes[-1]

    def since(self, number: int) -> list[str]:
        self.asked.append(number)
        return self.notes[number:]

    def few(self, number: int) -> list[str]:
        return self.notes[number : number + 2]


@pytest.fixture
def book(keys: Keys) -> Book:
    return Book(keys[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "csirt").mkdir()
    return tmp_path / "csirt"


@pytest.fixture
def run() -> Iterator[Callable[..., Anchors]]:
    """Start anchors; all are stopped afterwards."""
    started: list[Anchors] = []

    def start(*arguments: Any, **settings: Any) -> Anchors:
        started.append(Anchors(*arguments, **settings))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


def wait_until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


def kept(folder: Path) -> list[str]:
    """All notes in a folder, in the order of its days."""
    text = [file.read_text("utf-8") for file in sorted(folder.glob("*.notes"))]
    return [note for day in text for note in notes.find(day)]


# ── folders ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R43")
def test_every_note_lies_in_the_file_of_its_day(
    book: Book, folder: Path, run: Callable[..., Anchors]
) -> None:
    outside = run(destinations(str(folder)), book.since)
    assert (outside.anchored, outside.trouble) == (0, None)
    for number, day in enumerate(("2026-11-23", "2026-11-23", "2026-11-24"), start=1):
        outside.offer(book.sign(day))
        wait_until(lambda number=number: outside.anchored == number)
    assert sorted(file.name for file in folder.iterdir()) == ["2026-11-23.notes", "2026-11-24.notes"]
    assert kept(folder) == book.notes
    assert outside.trouble is None


@pytest.mark.requirement("R43")
def test_notes_that_were_missed_are_brought_once_the_folder_is_back(
    book: Book, tmp_path: Path, run: Callable[..., Anchors]
) -> None:
    folder = tmp_path / "unplugged"
    outside = run(destinations(str(folder)), book.since, retry=0.02)
    for _ in range(3):
        outside.offer(book.sign())
    wait_until(lambda: outside.trouble)
    assert "No such file" in str(outside.trouble)
    assert outside.anchored == 0
    folder.mkdir()
    wait_until(lambda: outside.anchored == 3)
    assert kept(folder) == book.notes
    assert outside.trouble is None


@pytest.mark.parametrize("few", [True, False])
def test_a_restart_goes_on_where_the_folder_ends(book: Book, folder: Path, few: bool) -> None:
    """Notes that were signed while nobody carried them are fetched, in pages if need be."""
    Folder(folder).bring(book.sign(), book.since)
    for _ in range(6):
        book.sign()
    Folder(folder).bring(book.sign("2026-11-25"), book.few if few else book.since)
    assert kept(folder) == book.notes


def test_a_note_that_directly_follows_needs_no_look_into_the_ledger(book: Book, folder: Path) -> None:
    place = Folder(folder)
    for _ in range(3):
        place.bring(book.sign(), book.since)
    assert book.asked == []
    assert kept(folder) == book.notes


def test_a_note_is_brought_once(book: Book, folder: Path) -> None:
    signed = book.sign()
    for place in (Folder(folder), Folder(folder)):
        for _ in range(2):
            place.bring(signed, book.since)
    assert kept(folder) == [signed]


def test_a_folder_that_knows_a_newer_note_needs_no_older_one(book: Book, folder: Path) -> None:
    """Another process was quicker."""
    old = book.sign()
    book.sign()
    Folder(folder).bring(book.notes[-1], book.since)
    Folder(folder).bring(old, book.since)
    assert kept(folder) == book.notes


def test_a_note_that_was_cut_short_is_written_again(book: Book, folder: Path) -> None:
    Folder(folder).bring(book.sign(), book.since)
    (day,) = folder.iterdir()
    whole = day.read_text("utf-8")
    two = book.sign()
    for cut in range(1, len(two) - 1, 7):
        day.write_text(f"{whole}\n{two[:cut]}", "utf-8")
        Folder(folder).bring(two, book.since)
        assert kept(folder) == book.notes


@pytest.mark.requirement("R43")
def test_a_ledger_that_was_rolled_back_is_noticed_and_still_anchored(
    book: Book, folder: Path, keys: Keys, run: Callable[..., Anchors]
) -> None:
    for _ in range(5):
        Folder(folder).bring(book.sign(), book.since)
    before = list(book.notes)
    del book.notes[2:]
    outside = run(destinations(str(folder)), book.since)
    outside.offer(book.sign(digit="b"))
    wait_until(lambda: outside.anchored == 3)
    assert "holds a note 5 that the ledger does not hold" in str(outside.trouble)
    outside.offer(book.sign(digit="b"))
    wait_until(lambda: outside.anchored == 4)
    assert outside.trouble is not None
    assert kept(folder) == [*before, *book.notes[2:]]


def test_a_folder_that_may_not_be_read_takes_notes_all_the_same(
    book: Book, folder: Path, child: Child
) -> None:
    for _ in range(4):
        book.sign()
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from audit import notes\n"
        "from audit.outposts import Folder\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0: os.setuid(65534)\n"  # to root nothing is forbidden
        "signed, place = notes.find(sys.argv[2]), Folder(Path('.'))\n"
        "for number in (1, 3): place.bring(signed[number], lambda after: signed[after:])\n"
    )
    folder.chmod(0o333)
    process = child(program, folder, "".join(book.notes))
    _, errors = process.communicate(timeout=60)
    folder.chmod(0o755)
    assert process.returncode == 0, errors
    assert kept(folder) == book.notes[1:]


def test_a_folder_that_only_takes_appended_lines_is_enough(book: Book, folder: Path) -> None:
    """``chattr +a``: what was written there cannot be changed any more."""
    Folder(folder).bring(book.sign(), book.since)
    (day,) = folder.iterdir()
    if subprocess.run(["chattr", "+a", day, folder], capture_output=True, check=False).returncode:
        pytest.skip("chattr +a needs root and a file system that knows it")
    try:
        Folder(folder).bring(book.sign(), book.since)
        Folder(folder).bring(book.sign("2026-11-24"), book.since)
        with pytest.raises(PermissionError):
            day.write_text("")
    finally:
        subprocess.run(["chattr", "-a", day, folder], check=True)
    assert kept(folder) == book.notes


def test_two_processes_write_one_folder(book: Book, folder: Path, child: Child) -> None:
    for _ in range(40):
        book.sign()
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from audit import notes\n"
        "from audit.outposts import Folder\n"
        "signed = notes.find(sys.argv[2])\n"
        "place = Folder(Path(sys.argv[1]))\n"
        "for note in signed: place.bring(note, lambda after: signed[after:])\n"
    )
    children = [child(program, folder, "".join(book.notes)) for _ in range(3)]
    for process in children:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert kept(folder) == book.notes


def test_a_link_in_the_place_of_a_day_is_not_followed(book: Book, folder: Path, tmp_path: Path) -> None:
    (folder / "2026-11-23.notes").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotBring):
        Folder(folder).bring(book.sign(), lambda number: [])
    assert not (tmp_path / "elsewhere").exists()


def test_a_ledger_that_cannot_be_asked_leaves_its_reason(
    book: Book, folder: Path, run: Callable[..., Anchors]
) -> None:
    def since(number: int) -> list[str]:
        raise RuntimeError("locked by 道路課")

    book.sign()
    outside = run(destinations(str(folder)), since)
    outside.offer(book.sign())
    wait_until(lambda: outside.trouble)
    assert "RuntimeError" in str(outside.trouble)
    assert "道路課" not in str(outside.trouble)


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────


class Web(HTTPServer):
    """A real server that keeps what was posted and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Posted)
        self.got: list[tuple[str, str, str]] = []
        self.answer = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/t-secret?key=k-secret"


class Posted(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Web)
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.path, self.headers["Content-Type"], text))
        self.send_response(self.server.answer)
        self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_webhook_gets_the_newest_note_at_once_and_the_last_at_the_stop(
    book: Book, web: Web, run: Callable[..., Anchors]
) -> None:
    outside = run(destinations(web.url), book.since, every=3600)
    outside.offer(book.sign())
    wait_until(lambda: outside.anchored == 1)
    for _ in range(5):
        outside.offer(book.sign())
    outside.stop()
    assert outside.anchored == 6
    assert [notes.find(text) for _, _, text in web.got] == [[book.notes[0]], [book.notes[5]]]
    path, kind, text = web.got[0]
    assert (path, kind) == ("/hook/t-secret?key=k-secret", "text/plain; charset=utf-8")
    assert text == body(book.notes[0])
    outside.stop()
    assert len(web.got) == 2


@pytest.mark.parametrize("answer", [301, 302, 307, 400, 403, 500])
def test_what_a_webhook_refuses_is_not_called_anchored_and_tells_no_secret(
    book: Book, web: Web, run: Callable[..., Anchors], answer: int
) -> None:
    web.answer = answer
    outside = run(destinations(web.url), book.since, retry=3600)
    outside.offer(book.sign())
    wait_until(lambda: outside.trouble)
    assert outside.anchored == 0
    assert str(outside.trouble) == f"webhook at 127.0.0.1: it answered {answer}"
    assert len(web.got) == 1  # no redirect was followed
    _tells_nothing(outside)


def test_a_webhook_that_is_away_is_tried_again(book: Book, web: Web, run: Callable[..., Anchors]) -> None:
    web.answer = 503
    outside = run(destinations(web.url), book.since, retry=0.02)
    outside.offer(book.sign())
    wait_until(lambda: len(web.got) >= 2)
    web.answer = 200
    wait_until(lambda: outside.anchored == 1)
    assert outside.trouble is None


def test_no_proxy_of_the_environment_is_asked(
    book: Book, web: Web, run: Callable[..., Anchors], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.delenv("no_proxy", raising=False)
    outside = run(destinations(web.url), book.since)
    outside.offer(book.sign())
    wait_until(lambda: outside.anchored == 1)


def test_nobody_there_is_said_without_the_url(book: Book, run: Callable[..., Anchors]) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        port = server.server_address[1]
    outside = run(destinations(f"https://127.0.0.1:{port}/t-secret?key=k-secret"), book.since)
    outside.offer(book.sign())
    wait_until(lambda: outside.trouble)
    assert "Connection refused" in str(outside.trouble)
    _tells_nothing(outside)


def _tells_nothing(outside: Anchors) -> None:
    trouble: BaseException | None = outside.trouble
    while trouble is not None:
        assert "secret" not in f"{trouble!r} {trouble} {trouble.args}"
        trouble = trouble.__cause__ or trouble.__context__
    assert "secret" not in repr(outside)


# ── mail ─────────────────────────────────────────────────────────────────────────────────────────


class Post(socketserver.ThreadingTCPServer):
    """A real, small SMTP server that keeps what it takes."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *extensions: str) -> None:
        super().__init__(("127.0.0.1", 0), Taken)
        self.extensions = extensions
        self.refusal = ""
        self.got: list[tuple[str, bytes]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Taken(socketserver.StreamRequestHandler):
    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        post = self.server
        assert isinstance(post, Post)
        envelope = ""
        self.say("220 ready")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-mail.example")
                for extension in post.extensions:
                    self.say(f"250-{extension}")
                self.say("250 HELP")
            elif verb == b"RCPT" and post.refusal:
                self.say(post.refusal)
            elif verb == b"DATA":
                self.say("354 go on")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                post.got.append((envelope, mail))
                self.say("250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                envelope += line.decode()
                self.say("250 ok")


@pytest.fixture(params=[("8BITMIME",), ()], ids=["8bit", "7bit"])
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    with Post(*request.param) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_mail_carries_the_note_in_plain_words(book: Book, post: Post, run: Callable[..., Anchors]) -> None:
    outside = run(destinations("mailto:csirt@city.example.lg.jp", post.address), book.since)
    outside.offer(book.sign())
    wait_until(lambda: outside.anchored == 1)
    ((envelope, raw),) = post.got
    assert "from:<sekisho@city.example.lg.jp>" in envelope.lower()
    assert "<csirt@city.example.lg.jp>" in envelope
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["Subject"] == "関所 台帳の控え 第1号 / Sekisho ledger, note 1"
    assert mail["To"] == "csirt@city.example.lg.jp"
    text = mail.get_content().replace("\r\n", "\n")
    assert text == body(book.notes[0])
    assert notes.find(text) == book.notes
    if post.extensions:  # the mail itself, as it arrived, can be given to the verifier
        assert notes.find(raw.decode()) == book.notes


def test_a_mail_that_is_refused_is_said_without_the_address(
    book: Book, post: Post, run: Callable[..., Anchors]
) -> None:
    post.refusal = "550 no such user csirt"
    outside = run(destinations("mailto:csirt@city.example.lg.jp", post.address), book.since)
    outside.offer(book.sign())
    wait_until(lambda: outside.trouble)
    assert outside.anchored == 0
    assert "csirt" not in str(outside.trouble)
    assert "mail through 127.0.0.1" in str(outside.trouble)


# ── together ─────────────────────────────────────────────────────────────────────────────────────


def test_one_place_that_hangs_holds_up_nobody(book: Book, folder: Path, run: Callable[..., Anchors]) -> None:
    """Neither recording, nor the other places, nor the stop."""

    class Stuck:
        every_note = True
        warning = None
        release = threading.Event()

        def bring(self, signed: str, since: object) -> None:
            self.release.wait()

    try:
        outside = run((Stuck(), *destinations(str(folder))), book.since)
        outside.offer(book.sign())
        wait_until(lambda: outside.anchored == 1)
        outside.offer(book.sign())
        wait_until(lambda: outside.anchored == 2)
        outside.stop(0.05)
        assert kept(folder) == book.notes
    finally:
        Stuck.release.set()


def test_nowhere_to_go_is_no_trouble(book: Book, run: Callable[..., Anchors]) -> None:
    outside = run(destinations("  "), book.since)
    outside.offer(book.sign())
    outside.stop()
    assert (outside.trouble, outside.anchored) == (None, 0)


# ── the setting and the letter ───────────────────────────────────────────────────────────────────


def test_the_setting_names_places_by_spaces(tmp_path: Path) -> None:
    places = destinations(
        f"{tmp_path}/証拠 https://soc.example/t-secret?k-secret  mailto:csirt@city.example.lg.jp",
        "[::1]:2525",
    )
    assert [str(place) for place in places] == [
        f"folder {tmp_path}/証拠",
        "webhook at soc.example",
        "mail through ::1",
    ]
    assert "secret" not in repr(places)


@pytest.mark.parametrize(
    "text, smtp",
    [
        ("ftp://soc.example/x-secret", "127.0.0.1:25"),
        ("file:///tmp/x-secret", "127.0.0.1:25"),
        ("https:///x-secret", "127.0.0.1:25"),
        ("https://", "127.0.0.1:25"),
        ("https://soc.example:99999/x-secret", "127.0.0.1:25"),
        ("https://user:x-secret@soc.example/", "127.0.0.1:25"),
        ("https://soc.example/隠x-secret", "127.0.0.1:25"),
        ("mailto:", "127.0.0.1:25"),
        ("mailto:csirt", "127.0.0.1:25"),
        ("mailto:a@b,c@d", "127.0.0.1:25"),
        ("mailto:csirt@city.example?subject=x-secret", "127.0.0.1:25"),
        ("mailto:csirt@city.example", "127.0.0.1"),
        ("mailto:csirt@city.example", "mail.example:0"),
        ("mailto:csirt@city.example", "mail example:25"),
        ("mailto:csirt@city.example", ":25"),
    ],
)
def test_nonsense_in_the_setting_is_said_in_both_languages(text: str, smtp: str) -> None:
    with pytest.raises(ValueError) as caught:
        destinations(text, smtp)
    japanese, _, english = str(caught.value).partition(" / ")
    assert japanese and english and not japanese.isascii() and english.isascii()
    assert "secret" not in str(caught.value)


def test_the_letter_says_what_it_is_and_can_be_checked_as_it_is(book: Book) -> None:
    signed = book.sign()
    text = body(signed)
    japanese, english = text.index("控え"), text.index("This signed note")
    assert japanese < english < text.index(signed)
    assert "令和8年11月23日 14:21" in text
    assert "--anchor" in text
    assert notes.find(text) == notes.find(text.replace("\n", "\r\n")) == [signed]
    assert all(len(line) <= 998 for line in text.splitlines())
    with pytest.raises(ValueError):
        body("no note")
