"""The page of a model's outputs: `audit --predictions` with images, texts, rows, or nothing."""

import csv
import json

import numpy as np
import pytest
from builders.audit_page import current, said
from builders.runs import tssd
from PIL import Image

from tssd_keras.auditing.outputs import audit
from tssd_keras.auditing.outputs_page import findings_of
from tssd_keras.auditing.page import as_json
from tssd_keras.data.columns import read_cell
from tssd_keras.judge.told import PREDICTIONS_BY_CHANCE

pytestmark = pytest.mark.backend_free
K, N = 4, 240
NAMES = ("ant", "bee", "cow", "<b>dog</b>")


@pytest.fixture(scope="module")
def outputs():
    """Probabilities, given labels (a fifth wrong), features that cluster, true labels."""
    rng = np.random.default_rng(0)
    true = np.arange(N) % K
    given = np.where(rng.random(N) < 0.2, (true + 1) % K, true)
    features = rng.normal(0, 0.3, (N, 6))
    features[np.arange(N), true] += 1
    logits = 4 * np.eye(K)[true] + rng.normal(0, 0.5, (N, K))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p.astype(np.float32), given, features.astype(np.float32), true


@pytest.fixture(scope="module")
def files(outputs, tmp_path_factory):
    """The outputs on file, and as many pictures, texts and names."""
    folder = tmp_path_factory.mktemp("outputs")
    for name, array in zip(("p", "y", "x", "true"), outputs, strict=True):
        np.save(folder / f"{name}.npy", array)
    photos = folder / "photos"
    for i in range(N):
        path = photos / "ab"[i // 120] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (300, 40), (i, 0, 0)).save(path)
    names = [f"{'ab'[i // 120]}/{i:03}.png" for i in range(N)]
    (folder / "reversed.txt").write_text("".join(f"{name}\n" for name in names[::-1]))
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in NAMES))
    (folder / "texts.txt").write_text("".join(f"<i>text {i}</i>\n" for i in range(N)))
    (folder / "columns.txt").write_text("a\nb\nc\nd\ne\nf\n")
    return folder


def command(files, *words):
    """The result of the command, its output in a folder of its own."""
    out = files / f"out{len(list(files.glob('out*')))}"
    words = ["audit", "--predictions", files / "p.npy", "--labels", files / "y.npy", *words]
    return tssd(*words, "--classes", files / "classes.txt", "--out", out), out


def shown(out):
    """The data of a page."""
    text = (out / "report.html").read_text()
    start = text.index('id="data">') + len('id="data">')
    return json.loads(text[start : text.index("</script>", start)])


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [{k: read_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def pictured(files):
    result, out = command(files, "--images", files / "photos", "--features", files / "x.npy")
    assert result.exit_code == 0, result.output
    return out, result.output


def test_the_page_has_the_suspects_that_the_function_names(outputs, pictured):
    p, given, features, _ = outputs
    found, data = audit(p, given, features), shown(pictured[0])
    listed = data["samples"]["index"][: data["listed"]]
    order = [i for i in found.order.tolist() if found.suspect[i]]
    assert sorted(listed) == sorted(order)
    assert data["overview"]["totals"]["suspects"] == len(order) > 20
    np.testing.assert_allclose(data["overview"]["totals"]["wrong"], found.wrong_share)
    rows = {int(r["index"]): r for r in table(pictured[0] / "samples.csv")}
    assert [rows[i]["stratum"] for i in listed] == [f"suspects-1-{len(order)}"] * len(order)
    assert rows[0]["id"] == "a/000.png"
    assert rows[0]["given"] == NAMES[given[0]]
    top = np.reshape(data["samples"]["top"], (-1, K))
    assert (top[:, 0] == data["samples"]["suggested"]).all()
    assert data["beside"]["by_features"]


def test_it_says_which_file_is_taken_for_which_row(pictured):
    assert "sorted by path: row 0 is a/000.png, row 239 is b/239.png" in pictured[1]


def test_one_decides_on_it_and_relabel_takes_the_decisions_back(
    opened, pictured, outputs, tmp_path
):
    out, _ = pictured
    page = opened((out / "report.html").as_uri())
    assert page.locator("h1").text_content() == "Audit of \u2068a model's outputs\u2069"
    assert page.locator("#stage img").evaluate("e => e.naturalWidth") == 256
    assert page.locator(".top").count() == K
    assert page.locator(".beside.suggested img").count() == 4
    assert "%" not in page.locator(".tops").text_content()
    data = shown(out)
    for key in "ckx":
        page.keyboard.press(key)
    assert current(page) == 3
    page.locator("#export").click()
    back = page.locator("#people code").text_content()
    assert back == f"python cli.py relabel {out} decisions.csv --out labels.csv"
    with page.expect_download() as download:
        page.locator("#write").click()
    download.value.save_as(tmp_path / "decisions.csv")
    first, second, third = data["samples"]["index"][:3]
    for name in ("labels.csv", "labels.npy"):
        result = tssd("relabel", out, tmp_path / "decisions.csv", "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert "train your model on it" in result.output
    given = outputs[1]
    expected = given.copy()
    expected[first], expected[third] = data["samples"]["suggested"][0], -1
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), expected)
    rows = table(tmp_path / "labels.csv")
    assert [r["label"] for r in rows] == [NAMES[v] if v >= 0 else "" for v in expected]
    assert rows[second]["action"] == "keep"


def test_serve_shows_the_page_and_the_originals_beside_it(files):
    from tssd_keras.auditing import serve

    result, out = command(files, "--images", files / "photos", "--originals")
    assert result.exit_code == 0, result.output
    served = serve.load(out, out)
    body = served.original(shown(out)["samples"]["index"][0])
    assert body.startswith(b"\xff\xd8")
    assert served.original(10**6) is None


def test_a_list_names_the_files_in_their_order(files):
    words = ("--images", files / "photos", "--files", files / "reversed.txt")
    result, out = command(files, *words)
    assert "row 0 is b/239.png" in result.output
    assert table(out / "samples.csv")[239]["id"] == "a/000.png"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("--texts", "texts.txt"), "text"),
        (("--features", "x.npy", "--columns", "columns.txt"), "row"),
        ((), "none"),
    ],
)
def test_texts_rows_and_nothing_are_shown_as_what_they_are(opened, files, words, kind):
    result, out = command(files, *(files / w if "." in w else w for w in words))
    assert result.exit_code == 0, result.output
    data = shown(out)
    assert data["pictures"]["kind"] == kind
    page = opened((out / "report.html").as_uri())
    first = data["samples"]["index"][0]
    stage = page.locator("#stage").text_content()
    expected = {
        "text": f"<i>text {first}</i>",
        "row": "columnvalue",
        "none": "--images, --texts or --features shows them",
    }
    assert expected[kind] in stage
    if kind == "row":
        assert page.locator(".numbers tbody th").all_text_contents() == list("abcdef")
    page.keyboard.press("c")
    assert said(page).startswith("\u2068sample")
    page.keyboard.press("g")
    assert page.locator(".tile-of").count() > 20


def test_what_doubts_the_predictions_stands_on_the_page(opened, outputs, served):
    p, given, _, true = outputs
    folder, url = served
    for name, labels, doubt in (
        ("learned", p.argmax(axis=1), "The predictions agree with 100.00% of the labels"),
        ("shifted", (true + 1) % K, "label 0 as class"),
        ("other", given, None),
    ):
        audit(p, labels).write_page(folder / name, NAMES)
        page = opened(f"{url}/{name}/report.html")
        if doubt is None:
            assert not page.locator("#note").is_visible()
        else:
            assert doubt in page.locator("#note").text_content()


def test_where_nothing_is_told_the_page_says_it_too(outputs):
    p, given, features, _ = outputs
    even = np.full_like(p, 1 / K)
    silent = findings_of(audit(even, given), NAMES)
    assert silent.nothing_to_tell
    assert not silent.suspect.any()
    assert np.isnan(silent.p_wrong).all()
    by_neighbours = audit(even, given, features)
    assert np.isnan(by_neighbours.wrong_share)
    found = findings_of(by_neighbours, NAMES)
    assert found.wrong_share.why == PREDICTIONS_BY_CHANCE
    assert found.suspect.any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--images", "photos", "--texts", "texts.txt"), "must not be given together"),
        (("--files", "reversed.txt"), "give that folder"),
        (("--columns", "columns.txt"), "names the columns of --features"),
        (("--features", "x.npy", "--columns", "classes.txt"), "a row has numbers, 6, got 4"),
        (("--texts", "columns.txt"), "a text for each of 240 labels, got 6"),
        (("--texts", "y.npy"), "must hold texts, got int64"),
        (("--images", "y.npy"), r"an image for each of 240 labels"),
        (("--images", "photos/a"), "for each of 240 labels, got 120"),
        (("--images", "photos", "--files", "texts.txt"), "240 of 240 are not there"),
        (("--originals",), "--originals is for images, there are no samples"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_nothing_written(files, words, message):
    result, out = command(files, *(w if w.startswith("--") else files / w for w in words))
    assert result.exit_code == 1
    assert message in result.output
    assert not out.exists()


def test_files_whose_order_is_not_plain_are_refused(files, tmp_path):
    for i in range(N):
        Image.new("L", (2, 2)).save(tmp_path / f"{i}.png")
    result, _ = command(files, "--images", tmp_path)
    assert result.exit_code == 1
    assert "sorted as text row 2 is 10.png, sorted by number it is 2.png" in result.output


def test_an_image_that_cannot_be_shown_is_an_error_with_its_name(outputs, tmp_path):
    p, given, _, _ = outputs
    paths = [tmp_path / f"{i:03}.png" for i in range(N)]
    for path in paths:
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"must be one that can be shown: .*\.png is no image"):
        audit(p, given).write_page(tmp_path / "out", files=paths)
    assert not (tmp_path / "out").exists()


def test_names_of_classes_are_text_on_this_page_too(pictured):
    html = (pictured[0] / "report.html").read_text()
    assert NAMES[3] not in html
    assert as_json(NAMES[3]) in html
