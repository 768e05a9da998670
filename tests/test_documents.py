"""What the documents name exists: files, headings, modules, commands, settings, messages."""

import ast
import importlib.util
import itertools
import re
import typing
from pathlib import Path

import click
import pytest
from builders.documented import blocks

from tssd_keras.cli.main import main
from tssd_keras.recipe.recipe import Recipe

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGE = ROOT / "tssd_keras"
ENTRIES = [path.name for path in PACKAGE.iterdir() if path.is_dir()]

every_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def anchors(path):
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text):
    """Every command of the command line that is shown, as words."""
    for block in blocks(text):
        yield from (command.cli for command in block if command.cli)


def test_there_are_documents():
    assert len(DOCUMENTS) > 8
    assert sum(len(list(commands(path.read_text()))) for path in DOCUMENTS) > 25


@every_document
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@every_document
def test_modules_and_scripts_that_are_named_exist(path):
    names = re.findall(r"`((?:\w+/)+\w+\.\w+)`", path.read_text())
    for name in names:
        top = name.partition("/")[0]
        if top in ENTRIES:
            assert (PACKAGE / name).exists(), name
        elif top in ("tssd_keras", "tests", "benchmarks", "examples", "recipes"):
            assert (ROOT / name).exists(), name
    without_folder = set(re.findall(r"`(\w+\.py)`", path.read_text()))
    assert without_folder <= {path.name for path in PACKAGE.glob("*.py")}


@every_document
def test_scripts_and_targets_of_commands_exist(path):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
    for command in itertools.chain.from_iterable(blocks(path.read_text())):
        if command.script.endswith(".py"):
            assert (ROOT / command.script).is_file(), command
        elif command.words[0] == "make":
            assert command.words[1] in targets, command


def test_every_facility_has_a_test_that_exists():
    text = (ROOT / "docs" / "facilities.md").read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| (?!facility|---)", line)]
    assert len(rows) > 20
    for row in rows:
        path, name = re.search(r"\| `(\S+\.py)::(\w+)` \|$", row).groups()
        assert f"\ndef {name}(" in (ROOT / "tests" / path).read_text(), row


@every_document
def test_commands_have_the_options_that_exist(path):
    sections = typing.get_type_hints(Recipe)
    for words in commands(path.read_text()):
        if words == ("--help",):
            continue
        command = main.commands[words[0]]
        if isinstance(command, click.Group) and len(words) > 1 and words[1] in command.commands:
            command = command.commands[words[1]]
        options = {"--help", *(name for option in command.params for name in option.opts)}
        assert {w.partition("=")[0] for w in words if w.startswith("--")} <= options, words
        for setting in (b for a, b in itertools.pairwise(words) if a == "--set"):
            section, _, key = setting.partition("=")[0].partition(".")
            assert key in typing.get_type_hints(sections[section]), setting
        for recipe in (w for w in words if w.startswith("recipes/")):
            assert "NAME" in recipe or (ROOT / recipe).exists(), recipe


def test_the_readme_is_short_enough_to_be_read():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 160


def messages():
    """Every text of the package's code, with "…" where something is put in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                yield "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"\{[\w:.%]*\}", "…", node.value)


def says(text, wanted):
    """Whether a text holds the pieces of a message in order."""
    end = 0
    for piece in wanted.split("…"):
        found = text.find(piece.strip(), end)
        if found < 0:
            return False
        end = found + len(piece.strip())
    return True


def test_every_message_of_troubleshooting_is_one_that_the_code_says():
    document = (ROOT / "docs" / "troubleshooting.md").read_text()
    headings = re.findall(r"^### (.+)$", document, re.M)
    assert len(headings) > 20
    said = [*messages(), (ROOT / "Makefile").read_text()]
    for heading in headings:
        if not heading.startswith("No message: "):
            assert any(says(text, heading) for text in said), heading


def test_the_api_reference_has_every_public_name():
    import tssd_keras

    pages = "".join(path.read_text() for path in (ROOT / "docs" / "api").glob("*.md"))
    shown = re.findall(r"^\.\. auto\w+:: tssd_keras\.(\w+)$", pages, re.M)
    assert sorted(shown) == sorted(tssd_keras.__all__)


def test_every_document_is_in_the_sites_table_of_contents():
    docs = ROOT / "docs"
    listed = set()
    for index in (docs / "index.md", docs / "api" / "index.md"):
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", index.read_text(), re.M | re.S):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            names = [re.sub(r"^.*<(.+)>$", r"\1", name) for name in names]
            listed |= {index.parent / f"{name}.md" for name in names}
    assert listed == set(docs.rglob("*.md")) - {docs / "index.md"}


@pytest.fixture
def check_site():
    """docs/check_site.py, as a module."""
    spec = importlib.util.spec_from_file_location("check_site", ROOT / "docs" / "check_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_link_within_the_site_is_followed(check_site, tmp_path):
    (tmp_path / "api").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="api/index.html#there">1</a> <a href="#here" id="here">2</a> <img src="none.png">'
        '<a href="https://keras.io/">3</a> <a href="api/">4</a> <img src="data:image/png;base64,">'
    )
    (tmp_path / "api" / "index.html").write_text(
        '<h1 id="there"></h1><a href="../index.html#gone">1</a> <a href="../a%20b.txt">2</a>'
    )
    (tmp_path / "a b.txt").write_text("text")
    faults, within, outside = check_site.broken(tmp_path)
    assert faults == [
        "api/index.html: ../index.html#gone leads nowhere",
        "index.html: none.png leads nowhere",
    ]
    assert (within, outside) == (4, 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="must be a folder with HTML pages"):
        check_site.broken(tmp_path / "empty")
