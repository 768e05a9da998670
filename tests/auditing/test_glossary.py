import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
from builders.audit_samples import some_judged

from tssd_keras.auditing import glossary
from tssd_keras.auditing.beside import choose_beside
from tssd_keras.auditing.evidence import gather
from tssd_keras.auditing.gallery import make_gallery
from tssd_keras.auditing.glossary import GLOSSARY, Term, as_html, as_markdown
from tssd_keras.auditing.page import SCRIPTS, page_data, render
from tssd_keras.auditing.pictures import NO_PICTURES
from tssd_keras.judge.roles import ROLES

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parents[2]
TERMS = [term for terms in GLOSSARY.values() for term in terms]


def test_the_page_of_the_docs_is_what_its_command_writes():
    command = [sys.executable, "-m", "tssd_keras.auditing.glossary"]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert written == as_markdown() == (ROOT / "docs" / "glossary.md").read_text(), (
        "docs/glossary.md is old: run python -m tssd_keras.auditing.glossary > docs/glossary.md"
    )


def test_the_audit_s_page_shows_every_term_and_its_meaning():
    findings = some_judged(9)
    gallery, evidence = make_gallery(findings, most=9), gather(findings)
    beside = choose_beside(findings, evidence.place, gallery.rows)
    page = render(page_data(findings, gallery, evidence, beside, NO_PICTURES))
    rows = re.findall(r'<dt id="([^"]*)">(.*?)</dt><dd>(.*?)</dd>', page, re.S)
    shown = [(anchor, html.unescape(name), html.unescape(text)) for anchor, name, text in rows]
    assert shown == [(term.anchor, term.name, term.meaning) for term in TERMS]


def test_every_term_stands_once():
    assert len({term.name for term in TERMS}) == len({term.anchor for term in TERMS}) == len(TERMS)


def test_the_words_of_the_method_are_explained():
    words = {
        *("stream", "round", "warm-up", "unimodal", "bimodal", "abstain", "certain", "uncertain"),
        *("golden", "decided", "q", "reach", "mined", "semi-hard", "floor", "kept"),
        *("suspect", "stratum"),
    }
    assert words - {term.name for term in TERMS} == set()


def test_every_role_is_spoken_of():
    text = " ".join(f"{term.name} {term.meaning}" for term in TERMS)
    assert [role for role in ROLES if role not in text] == []


def test_what_the_page_s_charts_link_to_is_there():
    folder = Path(glossary.__file__).parent / "page_files"
    links = {
        link
        for name in SCRIPTS
        for link in re.findall(r"#(term-[\w-]+)", (folder / name).read_text())
    }
    assert links == {"term-unimodal"}
    assert links <= {term.anchor for term in TERMS}


def test_a_meaning_is_escaped_on_the_page(monkeypatch):
    hostile = Term("<b>&", '<script>window.ran = 1</script> "quoted"')
    monkeypatch.setattr(glossary, "GLOSSARY", {"<i>": (hostile,)})
    text = as_html()
    assert "<script" not in text and "<b>" not in text and "<i>" not in text
    assert "&lt;b&gt;&amp;" in text
