#!/bin/sh
# Bring .venv to exactly what a lock file says, then put this project into it, editable.
#
#   sh deploy/install.sh requirements.lock          what serving needs
#   sh deploy/install.sh requirements-dev.lock      and what testing needs
#
# Needs Python 3.11 to 3.13 and nothing else. Every downloaded file is checked against the hash in the lock,
# uv (the fast installer) included. Never touches anything outside .venv; never resolves versions anew.
set -eu
cd "$(dirname "$0")/.."
lock=$1
venv=.venv
py=$venv/bin/python

say() { printf '[関所] %s\n' "$1"; }
stop() { printf '[関所] %s\n' "$1" >&2; exit 2; }

right_version() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

# A name may exist and still not run (a pyenv shim), so each one is asked for its version.
find_python() {
    for name in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3; do
        if right_version "$name"; then command -v "$name"; return; fi
        if [ -n "${PYTHON:-}" ]; then break; fi
    done
    return 1
}

# Scripts inside a .venv name its own folder, so one that was copied elsewhere would run the other copy's code.
usable() {
    [ -x "$py" ] && right_version "$py" && [ "$(cat $venv/.home 2>/dev/null || pwd)" = "$(pwd)" ] &&
        { "$py" -m pip --version || "$venv/bin/uv" --version; } >/dev/null 2>&1
}

create() {
    python=$(find_python) || stop "Python 3.11〜3.13 がありません。apt install python3 python3-venv で入れるか、PYTHON=/path/to/python3.12 を付けて実行してください。 No Python 3.11 to 3.13 was found: install it, or name one with PYTHON=."
    "$python" -c 'import ensurepip, venv' 2>/dev/null || stop "$python に venv がありません。sudo apt install python3-venv を実行してから、もう一度どうぞ。 $python lacks venv: run 'sudo apt install python3-venv', then try again."
    say "仮想環境 .venv を作ります。 Creating .venv with $("$python" --version)."
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

stanza() { awk -v start="^$1==" '$0 ~ start {on = 1} on {print} on && !/\\$/ {exit}' requirements.lock; }

# pip may know a mirror (a city's network often has one) that uv would not look for.
# pip is always told --no-deps: the lock holds everything, and pip cannot read the override in pyproject.toml.
have_uv() {
    want=$(stanza uv | sed -n '1s/^uv==\([^ ;]*\).*/uv \1/p')
    case "$("$venv/bin/uv" --version 2>/dev/null)" in "$want" | "$want "*) return ;; esac
    stanza uv >"$venv/uv.txt"
    "$py" -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r "$venv/uv.txt" 2>/dev/null
}

with_uv() {
    mirror=$("$py" -m pip config get global.index-url 2>/dev/null || true)
    mirror=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$mirror}}
    if [ -n "$mirror" ]; then export UV_DEFAULT_INDEX="$mirror"; fi
    "$venv/bin/uv" pip sync -q --python "$py" --require-hashes "$lock"
}

with_pip() {
    "$py" -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r "$lock"
}

ourselves() { # offline: the build tools came with the lock
    "$venv/bin/uv" pip install -q --python "$py" --offline --no-deps --no-build-isolation -e . 2>/dev/null ||
        "$py" -m pip install -q --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
}

usable || create
pwd >"$venv/.home"
say "部品を入れます（ハッシュ値を確認、初回は数分）。 Installing $lock, hash-checked; the first time takes minutes."
{ have_uv && with_uv; } || { say "uv が使えないため pip で続けます。 uv did not work here; going on with pip."; with_pip; } ||
    stop "部品を入れられませんでした。ネットワーク、または pip の index-url の設定を確認してください。 Could not install $lock: check the network or pip's index-url."
rm -f "$venv/uv.txt"
ourselves
# Compiled once here, so that no start pays for it, even where PYTHONDONTWRITEBYTECODE is set.
say "起動を速くする準備をします。 Compiling, so that every start is quick."
"$py" -m compileall -q -j 0 "$venv"/lib proxy policies redaction audit >/dev/null 2>&1 || true
