"""The folder of a house: made whole, private, and the same for everyone who starts on it."""

import threading
from pathlib import Path

from proxy.home import create_private, prepare


def test_a_new_folder_is_private_and_has_keys(tmp_path: Path) -> None:
    home = prepare(tmp_path / "var")
    assert len(home.secret()) == 32 and home.signing_key.exists() and home.public_key.exists()
    assert (home.path.stat().st_mode & 0o777, (home.path / "secret").stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_second_start_keeps_every_key(tmp_path: Path) -> None:
    before = prepare(tmp_path / "var")
    kept = (before.secret(), before.signing_key.read_bytes())
    after = prepare(tmp_path / "var")
    assert (after.secret(), after.signing_key.read_bytes()) == kept


def test_many_who_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    wrote: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda n=n: wrote.append(create_private(tmp_path / "secret", bytes([n]) * 32))
        )
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wrote) == 1
    assert len(set((tmp_path / "secret").read_bytes())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_the_secret_is_in_no_repr(tmp_path: Path) -> None:
    home = prepare(tmp_path / "var")
    assert home.secret().hex() not in repr(home) and repr(home.secret()) not in repr(home)
