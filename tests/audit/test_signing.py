"""Who signs: a key file, a second owner's program, and the one that comes with the house (countersign.py)."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit import countersign, notes, verify
from audit.clock import Clock
from audit.names import moment, now
from audit.notes import ChainHead, Note
from audit.signing import CannotSign, Hook, KeyFile, create_keys
from tests.audit.ledgers import ROOT

AT = moment(now())
"""countersign.py asks its own clock, too."""
NOTE = Note(1, AT, notes.FIRST, (ChainHead("w-a", 4, "a" * 64, "open"),))

Keys = tuple[Path, Path]
WriteHook = Callable[[str], list[str]]


@pytest.fixture
def hook(tmp_path: Path) -> WriteHook:
    """A Python program as a hook; it finds what it is asked in ``asked`` and the house in ``audit``."""

    def write(body: str) -> list[str]:
        file = tmp_path / "hook.py"
        head = f"import sys, os, time\nsys.path.insert(0, {str(ROOT)!r})\nasked = sys.stdin.read()\n"
        file.write_text(head + body, "utf-8")
        return [sys.executable, str(file)]

    return write


SIGN = """
from pathlib import Path
from audit import notes
from audit.signing import KeyFile
note = notes.read_text(asked)
"""


# ── key files ────────────────────────────────────────────────────────────────────────────────────


def test_the_private_key_is_for_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    private, public = create_keys(tmp_path)
    assert private.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        create_keys(tmp_path)
    assert "PRIVATE" not in public.read_text()
    assert "PRIVATE" not in repr(KeyFile.load(private))


def test_a_file_that_is_no_key_says_so(tmp_path: Path, keys: Keys) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a key")
    for path in (wrong, keys[1]):
        with pytest.raises(ValueError, match="Ed25519"):
            KeyFile.load(path)
    for path in (wrong, keys[0]):
        with pytest.raises(ValueError, match="Ed25519"):
            Hook("true", path)
    with pytest.raises(FileNotFoundError):
        KeyFile.load(tmp_path / "none.pem")


def test_nothing_is_signed_that_could_not_be_read_again(keys: Keys) -> None:
    signer = KeyFile.load(keys[0])
    for heads in (NOTE.heads * 2, (ChainHead("a name", 4, "a" * 64, "open"),)):
        with pytest.raises(CannotSign):
            signer.sign(replace(NOTE, heads=heads))


# ── hooks ────────────────────────────────────────────────────────────────────────────────────────


def test_a_hook_signs_with_a_key_that_we_do_not_hold(hook: WriteHook, keys: Keys) -> None:
    command = hook(SIGN + f"print(KeyFile.load(Path({str(keys[0])!r})).sign(note), end='')")
    signed = Hook(command, keys[1], 20).sign(NOTE)
    assert signed == KeyFile.load(keys[0]).sign(NOTE)
    assert Hook(" ".join(command), None, 20).sign(NOTE) == signed


def test_another_note_of_this_number_that_was_signed_before_comes_back(hook: WriteHook, keys: Keys) -> None:
    """We stopped before entering it; the hook will never sign a second one of its number."""
    before = KeyFile.load(keys[0]).sign(replace(NOTE, at="2026-11-23T05:20:00.000000Z"))
    command = hook(f"sys.stdout.write({before!r})")
    assert Hook(command, keys[1], 20).sign(NOTE) == before


@pytest.mark.parametrize(
    "body, why",
    [
        ("", "something else"),
        ("print('Password:')", "something else"),
        ("sys.stdout.buffer.write(b'\\xff\\xfe')", "something else"),
        ("print(asked, end='')", "no signature"),
        ("print(asked + '\\n— sekisho/ledger Zm9v')", "did not sign with the key"),
        ("print(asked + '\\n— someone/else Zm9v')", "did not sign with the key"),
        ("print(asked.replace('\\n1\\n', '\\n2\\n', 1) + '\\n— sekisho/ledger Zm9v')", "signed 2"),
        ("print(asked.replace('0' * 64, 'e' * 64) + '\\n— sekisho/ledger Zm9v')", "another past"),
        ("sys.stderr.write('the chain w-a became shorter\\n'); sys.exit(1)", "status 1.*: the chain w-a"),
        ("os.kill(os.getpid(), 9)", "failed"),
        ("while True: sys.stdout.write('x' * 100_000)", "did not stop printing"),
    ],
)
def test_a_hook_that_does_not_sign_says_why_in_one_sentence(
    hook: WriteHook, keys: Keys, body: str, why: str
) -> None:
    with pytest.raises(CannotSign, match=why) as caught:
        Hook(hook(body), keys[1], 30).sign(NOTE)
    assert "\n" not in str(caught.value)


def test_a_good_signature_of_another_key_is_not_believed(hook: WriteHook, keys: Keys, tmp_path: Path) -> None:
    other, public = create_keys(tmp_path / "other")
    command = hook(SIGN + f"print(KeyFile.load(Path({str(other)!r})).sign(note), end='')")
    with pytest.raises(CannotSign, match="key"):
        Hook(command, keys[1], 20).sign(NOTE)
    assert Hook(command, public, 20).sign(NOTE)


@pytest.mark.parametrize(
    "body", ["time.sleep(600)", "os.close(1); os.close(2); time.sleep(600)", "os.fork(); time.sleep(600)"]
)
def test_a_hook_that_hangs_is_ended_with_all_it_started(hook: WriteHook, tmp_path: Path, body: str) -> None:
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    command = hook(f"fd = os.open({str(alive)!r}, os.O_WRONLY); os.write(fd, b'x')\n{body}")
    with pytest.raises(CannotSign, match="longer than 1 second"):
        Hook(command, None, 1).sign(NOTE)
    os.set_blocking(reader, True)
    while os.read(reader, 10):  # ends only when nobody holds the other end any more
        pass
    os.close(reader)


def test_a_hook_that_cannot_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotSign, match="No such file"):
        Hook(str(tmp_path / "none"), None).sign(NOTE)
    with pytest.raises(ValueError):
        Hook("  ", None)


def test_a_hook_does_not_see_our_settings(
    hook: WriteHook, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_UPSTREAM_KEY", "k-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "k-secret")
    command = hook("sys.stderr.write(str('k-secret' in os.environ.values())); sys.exit(1)")
    with pytest.raises(CannotSign, match="False"):
        Hook(command, None, 20).sign(NOTE)


# ── the second owner's program ───────────────────────────────────────────────────────────────────


class Owner:
    """A second owner with a folder of their own, asked through real processes."""

    def __init__(self, folder: Path) -> None:
        self.key, self.public = create_keys(folder)
        self.last = folder / "last.note"
        self.program = folder / "countersign.py"
        shutil.copy(ROOT / "audit" / "countersign.py", self.program)

    def command(self, *more: str) -> list[str]:
        return [sys.executable, str(self.program), "--key", str(self.key), "--last", str(self.last), *more]

    def ask(self, text: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*more), input=text, capture_output=True, text=True, timeout=60, check=False
        )

    def sign(self, note: Note, *more: str) -> str:
        done = self.ask(note.text(), *more)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def refuse(self, note: Note, *more: str) -> str:
        before = self.last.read_bytes() if self.last.exists() else None
        done = self.ask(note.text(), *more)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert (self.last.read_bytes() if self.last.exists() else None) == before
        return done.stderr


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path / "csirt")


def next_note(signed: str, *heads: ChainHead) -> Note:
    return Note(notes.read(signed).number + 1, AT, notes.digest(signed), heads)


def head(writer: str, size: int, state: notes.State = "open", digit: str = "a") -> ChainHead:
    return ChainHead(writer, size, digit * 64, state)


def test_the_program_is_a_hook_ready_to_use(owner: Owner) -> None:
    signer = Hook(owner.command(), owner.public, 30)
    one = signer.sign(replace(NOTE, clock=Clock("synchronized", -0.000012, 0.0015)))
    two = signer.sign(next_note(one, head("w-a", 5, "closed"), head("w-b", 1)))
    assert notes.read(two).number == 2
    assert notes.find(owner.last.read_text("utf-8")) == [two]


def test_a_ledger_that_was_rolled_back_gets_no_signature(owner: Owner) -> None:
    one = owner.sign(NOTE)
    two = owner.sign(next_note(one, head("w-a", 5)))
    three = owner.sign(next_note(two, head("w-a", 6)))
    assert "last one signed is 3" in owner.refuse(next_note(one, head("w-a", 5, digit="b")))
    assert "last one signed is 3" in owner.refuse(NOTE)
    assert "last one signed is 3" in owner.refuse(replace(next_note(three), number=5))
    fork = KeyFile.load(create_keys(owner.last.parent / "stolen")[0]).sign(next_note(two, head("w-a", 7)))
    assert "does not follow" in owner.refuse(next_note(fork, head("w-a", 8)))
    assert owner.sign(next_note(three, head("w-a", 6)))


def test_one_number_is_signed_once_and_then_given_back(owner: Owner) -> None:
    """Whoever asked may have stopped before entering it, and has gone on since."""
    one = owner.sign(NOTE)
    assert owner.sign(replace(NOTE, heads=(head("w-a", 9), head("w-b", 2)))) == one
    two = owner.sign(next_note(one, head("w-a", 5)))
    assert owner.sign(next_note(one, head("w-a", 6))) == two
    other_past = replace(next_note(one, head("w-a", 6)), previous="e" * 64)
    assert "last one signed is 2" in owner.refuse(other_past)


@pytest.mark.parametrize(
    "heads, why",
    [
        ((head("w-a", 3),), "shorter"),
        ((head("w-a", 4, digit="b"),), "shorter, or another"),
        ((head("w-a", 4, "closed", "b"),), "another"),
        ((), "left out"),
        ((head("w-b", 4),), "left out"),
        ((head("w-a", 4, "purged"),), "never closed"),
        ((head("w-a", 4), head("w-z", 1, "purged")), "never closed"),
    ],
)
def test_chains_only_grow_and_are_never_left_out(
    owner: Owner, heads: tuple[ChainHead, ...], why: str
) -> None:
    one = owner.sign(NOTE)
    assert why in owner.refuse(next_note(one, *heads))
    assert owner.sign(next_note(one, head("w-a", 4), head("w-b", 1)))


def test_a_closed_chain_comes_back_once_and_only_as_it_was(owner: Owner) -> None:
    """Also long after: last.note remembers how every chain ended."""
    one = owner.sign(NOTE)
    two = owner.sign(next_note(one, head("w-a", 5, "closed"), head("w-b", 1)))
    three = owner.sign(next_note(two, head("w-b", 1)))
    for again in (head("w-a", 5), head("w-a", 6), head("w-a", 5, "closed")):
        assert "had ended" in owner.refuse(next_note(three, again, head("w-b", 1)))
    for other in (head("w-a", 4, "purged"), head("w-a", 5, "purged", "b")):
        assert "not the one that was closed" in owner.refuse(next_note(three, other, head("w-b", 1)))
    purging = next_note(three, head("w-a", 5, "purged"), head("w-b", 1))
    assert "may not be purged yet" in owner.refuse(purging)
    four = owner.sign(purging, "--keep", "0")
    five = owner.sign(next_note(four, head("w-b", 2)))
    for again in (head("w-a", 5, "purged"), head("w-a", 5, "closed"), head("w-a", 6)):
        assert "had ended as purged" in owner.refuse(next_note(five, again, head("w-b", 2)))


DAY = datetime(2026, 11, 23, 5, 21, tzinfo=UTC)


def asked_at(at: datetime, signed: str | None, *heads: ChainHead) -> str:
    number, previous = (notes.read(signed).number + 1, notes.digest(signed)) if signed else (1, notes.FIRST)
    return Note(number, moment(at), previous, heads).text()


def test_a_chain_is_not_called_purged_before_its_year_is_over(tmp_path: Path) -> None:
    """By the second owner's own clock: what the note says of the time is the gateway's word."""
    key = countersign.load_key(create_keys(tmp_path / "csirt")[0])
    place, rules = tmp_path / "last.note", countersign.Rules()
    one = countersign.countersign(
        asked_at(DAY, None, head("w-a", 4, "closed"), head("w-b", 1)), key, place, rules, DAY
    )
    early, late = DAY + timedelta(days=364, hours=1), DAY + timedelta(days=365)
    two = asked_at(late, one, head("w-a", 4, "purged"), head("w-b", 1))
    with pytest.raises(countersign.Refused, match="ended on 2026-11-23 and may not be purged yet"):
        countersign.countersign(two, key, place, rules, early)
    assert countersign.countersign(two, key, place, rules, late)


@pytest.mark.parametrize("hours", [-25, 25])
def test_a_note_of_another_day_is_not_signed(tmp_path: Path, hours: int) -> None:
    key = countersign.load_key(create_keys(tmp_path / "csirt")[0])
    text, there = asked_at(DAY, None, head("w-a", 4)), DAY + timedelta(hours=hours)
    with pytest.raises(countersign.Refused, match="but here it is"):
        countersign.countersign(text, key, tmp_path / "last.note", countersign.Rules(), there)
    rules = countersign.Rules(skew=timedelta(hours=25))
    assert countersign.countersign(text, key, tmp_path / "last.note", rules, there)


def test_what_lies_beside_the_program_is_not_loaded(owner: Owner) -> None:
    (owner.program.parent / "base64.py").write_text("raise SystemExit('planted')")
    assert owner.sign(NOTE)


def test_the_hook_may_sign_with_a_new_key_and_then_no_more_with_the_old_one(
    hook: WriteHook, keys: Keys, tmp_path: Path
) -> None:
    new, public = create_keys(tmp_path / "new")
    both = tmp_path / "both.pem"
    both.write_text(keys[1].read_text() + public.read_text())
    command = hook(
        SIGN + f"print(KeyFile.load(Path(open({str(tmp_path / 'which')!r}).read())).sign(note), end='')"
    )
    asking = Hook(command, both, 20)
    for key in (keys[0], new):
        (tmp_path / "which").write_text(str(key))
        assert asking.sign(NOTE) == KeyFile.load(key).sign(NOTE)
    (tmp_path / "which").write_text(str(keys[0]))
    with pytest.raises(CannotSign, match="did not sign with the key"):
        asking.sign(NOTE)


def test_a_later_start_must_be_adopted(owner: Owner) -> None:
    late = Note(120, AT, "c" * 64, (head("w-a", 4), head("w-old", 9, "purged")))
    assert "--adopt" in owner.refuse(late)
    signed = owner.sign(late, "--adopt")
    assert owner.refuse(replace(NOTE, number=500), "--adopt")  # only where nothing was signed
    after = next_note(signed, head("w-a", 4), head("w-older", 3, "purged"))
    assert owner.sign(after)  # closed before this owner came
    assert "names no note before" in Owner(owner.last.parent / "new").refuse(replace(NOTE, previous="c" * 64))


@pytest.mark.parametrize(
    "text", ["", "\n", "sign this", NOTE.text() + "\n", NOTE.text()[:-1], NOTE.text().replace(" 4 ", " 04 ")]
)
def test_what_is_no_note_is_not_signed(owner: Owner, text: str) -> None:
    done = owner.ask(text)
    assert (done.returncode, done.stdout) == (1, "")
    assert "not signed" in done.stderr and done.stderr.count("\n") == 1


def test_both_read_the_one_form_alike() -> None:
    """countersign.py repeats the form of notes.py on purpose."""
    good = [
        NOTE.text(),
        replace(NOTE, heads=()).text(),
        replace(NOTE, clock=Clock("unknown")).text(),
        replace(NOTE, clock=Clock("unsynchronized")).text(),
        replace(NOTE, clock=Clock("synchronized", -1.5, 2.0), heads=(head("a", 1, "purged"),)).text(),
    ]
    bad = [
        replace(NOTE, heads=(head("clock", 1),)).text(),
        replace(NOTE, clock=Clock("unknown"), heads=(head("clock", 1),)).text(),
        good[-1].replace("-1.500000", "-0.000000"),
        good[-1].replace("-1.500000", "1"),
        good[-1].replace("-1.500000", "-01.500000"),
        good[-1].replace(" 1 ", f" 1{'0' * 18} "),
        replace(NOTE, number=10**18).text(),
        replace(NOTE, at="2026-99-99T99:99:99.000000Z").text(),
        replace(NOTE, at="2026-02-30T00:00:00.000000Z").text(),
        replace(NOTE, at="0000-01-01T00:00:00.000000Z").text(),
    ]
    for text in [*bad, *good]:
        signed = f"{text}\n— {notes.ORIGIN} {'A' * 91}=\n".encode()
        assert _reads(lambda text: verify.open_note(text.encode(), None), signed.decode()) == (text in good)
    assert not any(_reads(notes.read_text, text) or _reads(countersign.read, text) for text in bad)
    for text in good:
        mine, theirs = notes.read_text(text), countersign.read(text)
        assert (mine.number, mine.previous) == (theirs.number, theirs.previous)
        assert [(one.writer, one.size, one.hash, one.state) for one in mine.heads] == [
            (writer, one.size, one.hash, one.state) for writer, one in theirs.heads.items()
        ]
        for at in range(len(text)):
            for letter in "\n 0z":
                changed = text[:at] + letter + text[at + 1 :]
                reads = _reads(notes.read_text, changed)
                assert reads == _reads(countersign.read, changed), changed
                signed = f"{changed}\n— {notes.ORIGIN} {'A' * 91}=\n"
                assert reads == _reads(lambda text: verify.open_note(text.encode(), None), signed), changed


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, countersign.Refused, verify.Fault):
        return False
    return True


def test_two_at_once_sign_one(owner: Owner) -> None:
    """Two processes of the gateway may propose the same number at the same moment."""
    texts = [replace(NOTE, heads=(head("w-a", size),)).text() for size in range(1, 9)]
    answers: list[str] = []
    asking = [
        threading.Thread(target=lambda text=text: answers.append(owner.ask(text).stdout)) for text in texts
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(answers) == 8 and len(set(answers)) == 1
    assert notes.find(owner.last.read_text("utf-8")) == [answers[0]]


def test_a_damaged_last_note_signs_nothing_more(owner: Owner) -> None:
    one = owner.sign(NOTE)
    whole = owner.last.read_text("utf-8")
    for damaged in ("", whole[:50], one, whole.replace(" 4 ", " x ")):
        owner.last.write_text(damaged, "utf-8")
        assert "damaged" in owner.refuse(next_note(one, head("w-a", 5)))


def test_what_cannot_be_done_is_told_apart_from_a_refusal(owner: Owner) -> None:
    owner.key.write_text("no key")
    done = owner.ask(NOTE.text())
    assert (done.returncode, done.stdout) == (2, "")
    assert "Ed25519" in done.stderr and "Traceback" not in done.stderr


def test_the_program_runs_alone(owner: Owner) -> None:
    """From its own place in the house too."""
    command = owner.command()
    command[1] = str(ROOT / "audit" / "countersign.py")
    done = subprocess.run(command, input=NOTE.text(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    program = (
        "import json, runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    run = [command[0], "-c", program, *command[1:]]
    done = subprocess.run(run, input=NOTE.text(), capture_output=True, text=True, timeout=60, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded & {"audit", "proxy", "policies", "redaction", "sqlalchemy"} == set()
