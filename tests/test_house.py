"""The picture of the house, held true: who imports whom, who knocks at which door, what an import may do.

Reads source text and starts one fresh interpreter; never runs the product. Each rule below is a table that
says where something is allowed, so that a change of plan is a change of one line that everybody sees.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("audit", "policies", "proxy", "redaction")

MAY_IMPORT = {
    "audit": {"audit"},
    "policies": {"policies"},
    "redaction": {"redaction"},
    "proxy": {"proxy", "audit", "policies", "redaction"},
}
"""proxy looks down on the other three; they see neither each other nor proxy."""

DOORS = {
    "litellm": ("proxy/provider",),
    "openai": (),  # the tests use the official clients; the product never does
    "anthropic": (),
    "python_multipart": ("proxy/surfaces/transcriptions.py",),
    "aiohttp": ("proxy/provider", "proxy/issuer.py", "proxy/outlets/otlp.py", "proxy/outlets/webhook.py"),
    "opentelemetry": ("audit/exports/otel.py", "proxy/outlets/otlp.py"),
    "prometheus_client": ("proxy/metrics.py",),
    "joserfc": ("proxy/tokens.py",),
    "presidio_analyzer": ("redaction/detector.py", "redaction/nlp.py", "redaction/recognizers/base.py"),
    "spacy": (),
    "sudachipy": ("redaction/nlp.py", "redaction/names/make_kana.py"),
    "sqlalchemy": (
        "audit/tables.py",
        "audit/stores/",
        "audit/migrations/__init__.py",
        "proxy/office/tables.py",
        "proxy/office/migrations/__init__.py",
    ),
    "alembic": ("audit/migrations/", "proxy/office/migrations/"),
    "jinja2": ("proxy/pages/paper.py",),
    "jpholiday": ("audit/incidents/closed.py", "policies/days.py"),
    "pylopdf_fonts_jp": ("audit/paper/press.py",),
    "typst": ("audit/paper/press.py",),
    "psycopg": (),  # sqlalchemy loads it
    "yaml": (
        "policies/files.py",
        "proxy/drills/scenario.py",
        "proxy/providers/routes.py",
        "redaction/cases.py",
        "redaction/measure.py",
        "redaction/rules.py",
        "redaction/tagger/training/",
    ),
    "fastapi": ("proxy/",),
    "starlette": ("proxy/",),
    "uvicorn": ("proxy/",),
}
"""Each of these libraries may be imported in files whose path begins so, and nowhere else."""

LATE = ("jpholiday", "litellm", "pylopdf_fonts_jp", "spacy", "sudachipy", "typst", "uvicorn")
"""Heavy to import: never at the top of a module, not even behind its own door."""

LATE_BUT_AT = {"presidio_analyzer": ("redaction/nlp.py", "redaction/recognizers/base.py"), "cryptography": ()}
"""Heavy too, but these files are subclasses of it and are themselves imported late."""

LOADED_WITH_THE_DETECTOR = tuple(
    f"redaction.{name}" for name in ("addresses", "cues", "names", "nlp", "recognizers")
)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, such as ``presidio_analyzer`` in ``redaction/detector.py:22``."""

    file: str
    line: int
    module: str
    at_top: bool

    @property
    def root(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of a module: ``redaction/nlp.py`` is ``redaction.nlp``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file. Those for type checkers only count as imports, but not as being at the top."""
    file = path.relative_to(ROOT).as_posix()
    yield from _walk(ast.parse(path.read_text(encoding="utf-8")), file, name_of(path), True)


def _walk(node: ast.AST, file: str, module: str, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(file, child.lineno, alias.name, at_top) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            inside = f"{module.partition('.')[0]}." if child.level else ""
            yield Import(file, child.lineno, f"{inside}{child.module or ''}", at_top)
        else:
            late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, file, module, at_top and not late and not _for_types(child))


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def all_imports() -> list[Import]:
    return [one for path in sources() for one in imports_of(path)]


def test_the_rooms_are_there() -> None:
    for room in ROOMS:
        assert (ROOT / room / "__init__.py").is_file(), room


def test_imports_point_down() -> None:
    """audit, policies and redaction import neither each other nor proxy; no room imports tests."""
    wrong = [
        str(one)
        for one in all_imports()
        if one.root in (*ROOMS, "tests") and one.root not in MAY_IMPORT[one.file.partition("/")[0]]
    ]
    assert wrong == []


@pytest.mark.parametrize("library", DOORS)
def test_a_heavy_library_has_one_door(library: str) -> None:
    wrong = [
        str(one) for one in all_imports() if one.root == library and not one.file.startswith(DOORS[library])
    ]
    assert wrong == []


def test_a_door_that_is_listed_is_used() -> None:
    """A list of doors that nobody goes through would allow more than is true."""
    every = all_imports()
    for library, doors in DOORS.items():
        for door in doors:
            used = [one for one in every if one.root == library and one.file.startswith(door)]
            assert used, f"nothing under {door} imports {library}"


def test_heavy_libraries_are_imported_late() -> None:
    early = [
        str(one)
        for one in all_imports()
        if one.at_top
        and (one.root in LATE or (one.root in LATE_BUT_AT and one.file not in LATE_BUT_AT[one.root]))
    ]
    assert early == []


def test_there_is_no_attic() -> None:
    """A file is named after one noun; "utils" is where nouns go to hide."""
    attic = {"utils", "util", "helpers", "common", "misc"}
    wrong = [str(path) for path in [*sources(), *(ROOT / "tests").rglob("*.py")] if path.stem in attic]
    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    files = [*sources(), *(ROOT / "tests").rglob("*.py")]
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in files
        if (text := path.read_text(encoding="utf-8")).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_tests_are_not_packages() -> None:
    """A tests/proxy/__init__.py would hide the real proxy."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


# What importing does. A fresh interpreter imports the modules it is given and writes down what happens.

WATCH = r"""
import importlib, json, sys
root, modules = sys.argv[1], sys.argv[2:]
seen = []

def writes(mode, flags):
    return any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & 3)

def hook(event, args):
    if event == "open" and isinstance(args[0], str):
        path = args[0]
        ours = path.startswith(root + "/") and not path.startswith(root + "/.venv/")
        if writes(args[1], args[2] or 0) and path != "/dev/null":
            seen.append("writes " + path)
        elif ours and not path.endswith((".py", ".pyc")):
            seen.append("reads " + path)
    elif event == "socket.bind" and args[1] == ("::1", 0):
        pass  # urllib3 asks the kernel whether it speaks IPv6; nothing leaves
    elif event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system",
                   "os.fork", "os.posix_spawn", "_thread.start_new_thread", "sqlite3.connect", "os.mkdir"):
        seen.append(event)

for early in ("asyncio", "socket", "sqlite3"):
    importlib.import_module(early)
sys.addaudithook(hook)
done = []
for module in modules:
    importlib.import_module(module)
    done += [f"{module}: {one}" for one in seen]
    seen.clear()
print(json.dumps({"did": done, "loaded": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def watched(modules: list[str]) -> tuple[list[str], set[str]]:
    """What importing these modules did besides importing, and the top-level names then loaded."""
    command = [sys.executable, "-B", "-c", WATCH, str(ROOT), *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    return result["did"], set(result["loaded"])


def modules() -> list[str]:
    return [name_of(path) for path in sources() if path.stem != "__main__"]


def test_importing_a_module_opens_reads_and_starts_nothing() -> None:
    did, _ = watched(modules())
    assert did == []


def test_the_heavy_libraries_wait_until_they_are_needed() -> None:
    """The desk listens before the detector is in, and never loads litellm for a model that needs none."""
    light = [name for name in modules() if not name.startswith(LOADED_WITH_THE_DETECTOR)]
    _, loaded = watched(light)
    assert loaded & {"litellm", "presidio_analyzer", "spacy", "sudachipy", "openai", "numpy"} == set()


def test_even_the_detector_never_loads_litellm() -> None:
    _, loaded = watched(modules())
    assert loaded & {"litellm", "openai"} == set()


# What our files never name.

SKIPPED = {".git", ".venv", ".hypothesis", "var", "dist", "__pycache__", "node_modules"}
_HOSTS = "|".join(first + second for first, second in (("py", "pi"), ("python", "hosted"), ("npm", "js")))
REGISTRY = re.compile(
    rf"(https?:)?//[\w.-]*((?:{_HOSTS})[.]\w|registry[.][\w-]+)"
    r"|^\s*(--)?(extra-)?index-url\b[ =]+\S|find-links\b[ =]+\S",
    re.MULTILINE,
)
MACHINE = re.compile(r"(?<![\w.~$}])/(work|[r]oot|home/[a-z]\w*|Users/\w+|opt/py[p]i[\w-]*|mnt/\w+)/")


def our_files() -> Iterator[Path]:
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in SKIPPED and not name.endswith("_cache")]
        yield from (Path(folder, name) for name in sorted(names))


def matches(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in our_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match.group().strip()}")
    return found


def test_no_file_names_a_registry_address() -> None:
    assert matches(REGISTRY) == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert matches(MACHINE) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRY, "--index-url" + " x"),
        (REGISTRY, "https:" + "//" + "py" + "pi" + ".org/simple"),
        (REGISTRY, "resolved https:" + "//" + "registry" + ".npm" + "js.org/a"),
        (MACHINE, " /" + "work/main/x"),
        (MACHINE, '"/' + 'home/taro/x"'),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


def test_the_lock_pins_every_package_by_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        stanzas = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8").strip())
        loose = [stanza.split()[0] for stanza in stanzas if "--hash=sha256:" not in stanza]
        assert loose == [], name


def test_the_dev_lock_agrees_with_the_lock() -> None:
    """`make serve` and `make test` share one .venv, whatever their order."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9][\w.-]*==[^ ;\\]+", (ROOT / name).read_text("utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_every_setting_has_a_sentence() -> None:
    """Plain Japanese first, then English, parted by a slash."""
    from proxy.settings import Settings

    assert Settings.model_fields
    for name, field in Settings.model_fields.items():
        japanese, _, english = (field.description or "").partition(" / ")
        assert re.search(r"[ぁ-んァ-ヶ一-龠]", japanese), f"{name}: no Japanese sentence"
        assert english.endswith("."), f"{name}: no English sentence"
