"""`serve`: the page with decisions on disk and whole pictures; what strangers ask is refused."""

import contextlib
import csv
import http.client
import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from builders.examples import load as load_example
from builders.runs import train, tssd
from PIL import Image

from tssd_keras.auditing import serve
from tssd_keras.data.columns import read_cell

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run on image files, and its audit."""
    folder = tmp_path_factory.mktemp("run")
    load_example("own_folder").write(folder / "photos")
    data = ("data.source=table", f"data.path={folder / 'photos' / 'labels.csv'}")
    run = train(folder / "run", *data, "noise.kind=none")
    result = tssd("audit", run, "--pictures-mb", 0.01)
    assert result.exit_code == 0, result.output
    return run


@pytest.fixture
def run(made):
    yield made
    (made / "audit" / serve.DECISIONS).unlink(missing_ok=True)


@pytest.fixture
def served(run):
    """What is served, and where; asked for before `opened`, so that pages close before it does."""
    with serving(run) as pair:
        yield pair


@contextlib.contextmanager
def serving(run, port=0):
    """What is served of a run, and its address, while the block lasts."""
    found = serve.load(run, run / "audit")
    server = serve.make_server(found, port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found, serve.address(server, found)
    finally:
        server.shutdown()
        server.server_close()


def asked(address, method="GET", name="", body=None, path=None, **headers):
    """(status, headers, body) of a request by hand."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    connection.request(method, path or place.path + name, body, headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [{k: read_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]


def decide(page, keys):
    """Press keys, each once the file that is decided on is on the screen."""
    for key in keys:
        page.locator("#stage > img").evaluate("image => image.decode()")
        page.keyboard.press(key)


def saved(path, n, actions=None):
    """The decisions on disk, once there are so many, and these, if any, are their actions."""
    for _ in range(200):
        on_disk = rows(path) if path.exists() else []
        if len(on_disk) == n and actions in (None, sorted(row["action"] for row in on_disk)):
            return on_disk
        threading.Event().wait(0.05)
    there = [(row["index"], row["action"]) for row in rows(path)] if path.exists() else None
    raise AssertionError(f"{path.name} has not {n} decisions{actions or ''}: {there}")


def test_decisions_are_on_disk_at_once_and_come_back_from_it(served, opened, run, tmp_path):
    found, address = served
    page = opened(address)
    decide(page, "ckx")
    on_disk = saved(found.decisions, 3)
    assert [row["action"] for row in on_disk if row["action"] == "unusable"] == ["unusable"]
    assert page.locator("#unexported").inner_text() == ""
    page.evaluate("localStorage.clear()")
    page.reload()
    page.locator("#progress-text", has_text="3 decided").wait_for()
    assert page.locator("#undo").is_disabled()  # what lay on disk is nobody's step
    decide(page, "kku")
    saved(found.decisions, 4)
    result = tssd("relabel", run, found.decisions, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 0, result.output


def test_the_stage_shows_the_whole_file_and_samples_without_picture_have_one(served, opened):
    found, address = served
    page = opened(address)
    image = page.locator("#stage > img")
    image.evaluate("image => image.decode()")
    index = int(image.get_attribute("src").removeprefix("originals/")[:-4])
    with Image.open(found.files[index]) as original:
        size = page.evaluate(
            "[...document.querySelectorAll('#stage > img')].map(i => i.naturalWidth)"
        )
        assert size == [original.width]


def test_where_nothing_can_be_saved_the_page_says_so(served, opened):
    found, address = served
    page = opened(address)
    found.decisions.mkdir()  # a folder in the file's place
    try:
        decide(page, "k")
        page.locator("#storage-note", has_text="Not saved on disk").wait_for(state="visible")
    finally:
        found.decisions.rmdir()
    decide(page, "k")
    saved(found.decisions, 2)
    page.locator("#storage-note").wait_for(state="hidden")
    # The browser itself notes an answer that is a refusal.
    opened.expected.append("409")


def test_what_was_not_saved_is_known_to_the_browser_after_a_restart(opened, run):
    with serving(run) as (found, address):
        port = urlsplit(address).port
        page = opened(address)
        decide(page, "k")
        saved(found.decisions, 1)
    page.keyboard.press("k")
    page.locator("#storage-note", has_text=f"again with --port {port}").wait_for(state="visible")
    with serving(run, port) as (found, address):
        page = opened(address)
        decide(page, "k")
        saved(found.decisions, 3)
    opened.expected.append("ERR_CONNECTION_REFUSED")


def test_two_browsers_at_once_lose_nothing_on_disk(browser, served, opened):
    found, address = served
    here = opened(address)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    there = context.new_page()
    there.goto(address)
    decide(there, "kk")
    saved(found.decisions, 2)
    for _ in range(2):
        here.keyboard.press("n")
    decide(here, "x")  # on the third, while it does not know of the first two
    saved(found.decisions, 3, ["keep", "keep", "unusable"])
    here.locator("#progress-text", has_text="3 decided").wait_for()
    decide(there, "x")  # on the third, too: the same
    there.locator("#progress-text", has_text="3 decided").wait_for()
    there.keyboard.press("u")
    decide(there, "k")
    saved(found.decisions, 3, ["keep"] * 3)
    here.keyboard.press("ArrowLeft")
    decide(here, "x")  # it was kept there
    here.locator("#read-says", has_text="1 differ").wait_for()
    here.locator("#conflicts-theirs").click()
    context.close()
    opened.expected.append("412")


def test_a_file_that_was_changed_is_not_written_over(served):
    found, address = served
    header = ("id,index,given,decided,action,stratum,labels_sha256,by" + chr(13) + chr(10)).encode()
    status, headers, _ = asked(address, name="decisions.csv")
    assert (status, headers["ETag"]) == (204, '"none"')
    known = {"If-Match": headers["ETag"]}
    status, headers, _ = asked(address, "PUT", "decisions.csv", header, **known)
    assert status == 204
    assert asked(address, "PUT", "decisions.csv", header, **known)[0] == 412
    assert found.decisions.read_bytes() == header
    known = {"If-Match": headers["ETag"]}
    assert asked(address, "PUT", "decisions.csv", header, **known)[0] == 204
    assert asked(address, name="decisions.csv")[1]["ETag"] == headers["ETag"]


def test_only_who_knows_the_address_and_names_this_machine_is_answered(served):
    found, address = served
    port = urlsplit(address).port
    assert asked(address)[0] == 200
    assert asked(address, Host=f"localhost:{port}")[0] == 200
    for path in ("/", "/report.html", f"/{found.token}", f"/{found.token[:-1]}/", "//"):
        assert asked(address, path=path)[0] == 404
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1:{port + 1}", ""):
        assert asked(address, Host=host)[0] == 421
    assert asked(address, Origin="http://evil.example")[0] == 403
    assert asked(address, Origin=f"http://127.0.0.1:{port}")[0] == 200
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=2)


@pytest.mark.parametrize(
    "name",
    ["../report.html", "originals/../1", "originals/-1.jpg", "originals/999999.jpg", "a.csv"],
)
def test_nothing_else_of_the_disk_is_given(served, name):
    assert asked(served[1], name=name)[0] == 404


def test_an_original_is_an_upright_jpeg_without_the_files_own_words(served):
    found, address = served
    index, path = next((index, Path(path)) for index, path in found.files.items())
    before = path.read_bytes()
    try:
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "a secret place"  # lies on its side
        Image.new("RGB", (40, 20), "red").save(path, "JPEG", exif=exif)
        status, headers, body = asked(address, name=f"originals/{index}.jpg")
    finally:
        path.write_bytes(before)
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(body)) as image:
        assert image.size == (20, 40)
        assert not image.getexif()
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"no csv at all\nof decisions\n", {}, 409, b"mistake"),
        (b"\xff\xfe\x00\n\n\n", {}, 409, b"mistake"),
        (b"id,index,given,decided,action,stratum,labels_sha256\n1,2,3\n", {}, 409, b"mistake"),
        (b"", {"Content-Length": str(2**40)}, 413, b"up to 64 MB"),
        (b"", {"Content-Length": "many"}, 413, b"up to 64 MB"),
    ],
)
def test_what_does_not_fit_the_run_is_refused_and_the_file_stays(
    served, body, headers, status, words
):
    found, address = served
    found.decisions.write_bytes(b"as it was")
    answer = asked(address, "PUT", serve.DECISIONS, body, **headers)
    assert answer[0] == status
    assert words in answer[2]
    assert found.decisions.read_bytes() == b"as it was"
    assert {p.name for p in found.audit.iterdir()} >= {"report.html", serve.DECISIONS}
    assert not list(found.audit.glob(".*part*"))


def test_decisions_that_the_page_would_lose_are_not_served_over(run, opened, served, tmp_path):
    found, address = served
    decide(opened(address), "kkk")
    kept = saved(found.decisions, 3)
    audit = tmp_path / "audit"
    shutil.copytree(found.audit, audit)
    page = (audit / serve.PAGE).read_text()
    data = re.search(r'(?<=id="data">).*?(?=</script>)', page, re.S)[0]
    read = json.loads(data)
    read["samples"]["index"] = read["samples"]["index"][2:]
    (audit / serve.PAGE).write_text(page.replace(data, json.dumps(read)))
    with pytest.raises(ValueError, match=r"2 of its decisions are on others.*Move it away"):
        serve.load(run, audit)
    assert rows(audit / serve.DECISIONS) == kept


def test_a_page_of_other_labels_is_refused(run, tmp_path):
    page = (run / "audit" / serve.PAGE).read_text()
    sha = serve.read_labels(run).labels_sha256
    (tmp_path / serve.PAGE).write_text(page.replace(sha, "ab" * 32))
    with pytest.raises(ValueError, match="must be of the run's labels, it is of others"):
        serve.load(run, tmp_path)
    (tmp_path / serve.PAGE).write_text("<html>")
    with pytest.raises(ValueError, match="it has no data of one"):
        serve.load(run, tmp_path)
    result = tssd("serve", run, "--audit", tmp_path / "none")
    assert result.exit_code == 1
    assert "Make it: python cli.py audit" in result.output


def test_the_command_says_where_and_ends_by_ctrl_c(run):
    command = [sys.executable, "cli.py", "serve", str(run)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert asked(line.removeprefix("open ").strip())[0] == 200
            port = urlsplit(line.removeprefix("open ")).port
            taken = tssd("serve", run, "--port", port)
            assert taken.exit_code == 1
            assert f"--port must be a free one, {port} is not" in taken.output
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
