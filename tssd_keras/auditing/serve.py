"""An audit's page from this machine to this machine: decisions on disk at once, pictures whole.

Only 127.0.0.1 is listened on. Whoever asks must know the token in the address and name this
machine as the host, so that neither other people of the machine nor other pages of the browser
(DNS rebinding) get at samples or decisions.
"""

from __future__ import annotations

import hashlib
import hmac
import http.server
import io
import json
import re
import secrets
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from tssd_keras.auditing.originals import FOLDER as ORIGINALS
from tssd_keras.auditing.originals import SIDE as ORIGINAL_SIDE
from tssd_keras.auditing.relabel import Strata, fitting_decisions, read_strata
from tssd_keras.data.decoding import BadImage, decode_for_people
from tssd_keras.data.files import FilesOnDisk
from tssd_keras.data.whole_file import whole_file
from tssd_keras.labels.decisions.table import DECISIONS as COLUMNS
from tssd_keras.labels.decisions.table import DecisionError
from tssd_keras.run.folder import RECIPE
from tssd_keras.run.read import RunLabels, read_labels, read_run

HOST = "127.0.0.1"
PAGE, DECISIONS = "report.html", "decisions.csv"
LARGEST_BODY = 64 * 2**20  # bytes of decisions: five million of them
SERVED = ("default-src 'none';", "default-src 'none'; connect-src 'self';")
PICTURES = ("img-src data:", "img-src data: 'self'")


class ChangedElsewhereError(ValueError):
    """decisions.csv is no longer as who wants to write it knows it."""


@dataclass(frozen=True, eq=False)
class Served:
    """What is served: an audit's page, and what belongs to it.

    Attributes:
        page: HTML.
        audit: the audit's folder, that decisions.csv is kept in.
        labels: of the run, which decisions must fit.
        strata: of the audit.
        files: index of a sample -> its image file, where there are any.
        token: that every address begins with.
        lock: of decisions.csv.
    """

    page: bytes
    audit: Path
    labels: RunLabels
    strata: Strata
    files: dict[int, str]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def decisions(self) -> Path:
        """The file of decisions."""
        return self.audit / DECISIONS

    def original(self, index: int) -> bytes | None:
        """A sample's image file as JPEG: upright, whole, without what it says beside its pixels.

        Args:
            index: of the training split.

        Returns:
            None where there is no such sample, no file, or none that can be decoded.
        """
        if index not in self.files:
            return None
        try:
            image = decode_for_people(FilesOnDisk(Path(), [self.files[index]])[0], ORIGINAL_SIDE)
        except BadImage:
            return None
        out = io.BytesIO()
        image.save(out, "JPEG", quality=92)
        return out.getvalue()

    def read(self) -> tuple[bytes | None, str]:
        """decisions.csv as it is, None where there is none; and its `tag_of`."""
        with self.lock:
            body = self.decisions.read_bytes() if self.decisions.exists() else None
        return body, tag_of(body)

    def keep(self, body: bytes, known: str | None = None) -> None:
        """Write decisions.csv, whole.

        Args:
            body: what the page exports.
            known: `tag_of` the file that this takes the place of; None: whatever is there.

        Raises:
            ChangedElsewhereError: the file there is another; it stays as it was.
            DecisionError: it does not fit the run; the file stays as it was.
            OSError: it cannot be written; the file stays as it was.
        """
        with self.lock, whole_file(self.decisions) as part:
            there = self.decisions.read_bytes() if self.decisions.is_file() else None
            if known is not None and known != tag_of(there):
                raise ChangedElsewhereError(
                    f"{DECISIONS} must be as this page knows it, another page or program has "
                    "written it since. Read it first."
                )
            part.write_bytes(body)
            if not _is_header(body):  # else the last decision was taken back
                fitting_decisions(part, self.labels, self.strata)


def tag_of(body: bytes | None) -> str:
    """Names the content of a file, or that there is none, as HTTP has it (ETag)."""
    return f'"{"none" if body is None else hashlib.sha256(body).hexdigest()}"'


def load(run: Path, audit: Path) -> Served:
    """Read an audit that a page can be served of.

    Args:
        run: a run folder, or that of an audit of a model's outputs.
        audit: its audit's folder.

    Raises:
        FileNotFoundError: there is no page.
        ValueError: page, run and decisions do not belong together.
    """
    path = audit / PAGE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} must be the page that an audit wrote, it is not there. Make it: python cli.py "
            f"audit {run}"
        )
    text = path.read_text(encoding="ascii")
    shown = _shown(text, path)
    labels, files = read_labels(run), _files(run, audit)
    if shown["sha"] != labels.labels_sha256:
        raise ValueError(
            f"{path} must be of the run's labels, it is of others ({shown['sha'][:12]}..., the "
            f"run's are {labels.labels_sha256[:12]}...). Make it anew: python cli.py audit {run}"
        )
    for before, after in (SERVED, PICTURES):
        if after in text:  # a page with originals beside it
            continue
        if text.count(before) != 1:
            raise ValueError(
                f"{path} is of another version. Make it anew: python cli.py audit {run}"
            )
        text = text.replace(before, after)
    originals = "yes" if files else "no"
    text = text.replace("<body", f'<body data-served="yes" data-originals="{originals}"', 1)
    served = Served(text.encode("ascii"), audit, labels, read_strata(audit), files)
    _check_decisions(served, set(shown["samples"]["index"]))
    return served


def _files(run: Path, audit: Path) -> dict[int, str]:
    """Index of a sample -> its image file: the source's, else the audit's originals."""
    if (run / RECIPE).is_file():
        findings, _ = read_run(run)
        if findings.paths is not None:
            return dict(zip(findings.index.tolist(), findings.paths.tolist(), strict=True))
    found = (audit / ORIGINALS).glob("*.jpg")
    return {int(path.stem): str(path) for path in found if path.stem.isdecimal()}


def _shown(text: str, path: Path) -> dict:
    """The data of a page."""
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    try:
        shown = json.loads(block[1]) if block else {}
        if isinstance(shown["sha"], str) and isinstance(shown["samples"]["index"], list):
            return shown
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path} must be the page that an audit wrote, it has no data of one.")


def _check_decisions(served: Served, on_page: set[int]) -> None:
    """Raise ValueError if decisions.csv would lose something: it holds what the page does not."""
    path = served.decisions
    if not path.exists() or _is_header(path.read_bytes()):
        return
    elsewhere = set(fitting_decisions(path, served.labels, served.strata)) - on_page
    if elsewhere:
        raise ValueError(
            f"{path} must be of the samples of the page, {len(elsewhere):,} of its decisions are "
            f"on others, the first on sample {min(elsewhere)}. Move it away, and give it to "
            "relabel beside what you decide now; or make the audit as it was."
        )


def _is_header(body: bytes) -> bool:
    """Whether a file of decisions has its column names alone."""
    lines = body.decode("utf-8", "replace").split()
    return len(lines) == 1 and lines[0].split(",")[: len(COLUMNS)] == list(COLUMNS)


def make_server(served: Served, port: int) -> http.server.ThreadingHTTPServer:
    """A server that is not started yet.

    Args:
        served: what is served.
        port: 0: any free one.

    Raises:
        OSError: the port is taken.
    """

    class Handler(_Handler):
        of = served

    return http.server.ThreadingHTTPServer((HOST, port), Handler)


def address(server: http.server.ThreadingHTTPServer, served: Served) -> str:
    """Where the page is."""
    return f"http://{HOST}:{server.server_port}/{served.token}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers what belongs to one audit, and nothing else."""

    of: Served
    server_version, sys_version = "tssd", ""
    timeout = 60

    def do_GET(self) -> None:
        name = self._name()
        if name is None:
            return
        if name == "":
            self._answer(HTTPStatus.OK, "text/html; charset=ascii", self.of.page)
        elif name == DECISIONS:
            body, tag = self.of.read()
            status = HTTPStatus.NO_CONTENT if body is None else HTTPStatus.OK
            self._answer(status, "text/csv; charset=utf-8", body or b"", tag)
        elif found := re.fullmatch(r"originals/([0-9]{1,18})\.jpg", name):
            image = self.of.original(int(found[1]))
            if image is None:
                self._refuse(HTTPStatus.NOT_FOUND, "this sample has no image file")
            else:
                self._answer(HTTPStatus.OK, "image/jpeg", image)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_PUT(self) -> None:
        name = self._name()
        if name is None:
            return
        if name != DECISIONS:
            self._refuse(HTTPStatus.NOT_FOUND, "only decisions.csv can be written")
            return
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,12}", length) or int(length) > LARGEST_BODY:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "decisions must say their size, up to 64 MB"
            )
            return
        body = self.rfile.read(int(length))
        try:
            self.of.keep(body, self.headers.get("If-Match"))
        except ChangedElsewhereError as error:
            self._refuse(HTTPStatus.PRECONDITION_FAILED, str(error))
        except (DecisionError, OSError) as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        else:
            self._answer(HTTPStatus.NO_CONTENT, "text/plain", b"", tag_of(body))

    def _name(self) -> str | None:
        """What of the audit is asked for; None if that was refused."""
        port = self.server.server_port  # type: ignore[attr-defined]
        hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this page is served to this machine only")
        elif origin is not None and origin.removeprefix("http://") not in hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "another page asks")
        else:
            token, slash, name = self.path.partition("?")[0][1:].partition("/")
            if slash and hmac.compare_digest(token.encode(), self.of.token.encode()):
                return name
            self._refuse(HTTPStatus.NOT_FOUND, "the address must be the one that serve said")
        return None

    def _refuse(self, status: HTTPStatus, words: str) -> None:
        self.close_connection = True  # what else was sent is not read
        self._answer(status, "text/plain; charset=utf-8", words.encode(errors="replace"))

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, tag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if tag:
            self.send_header("ETag", tag)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        for name, value in (
            ("Cache-Control", "no-store"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if status != HTTPStatus.NO_CONTENT:
            self.wfile.write(body)

    def log_message(self, *words) -> None:
        """Say nothing of a request."""
