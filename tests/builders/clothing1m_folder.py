"""A small folder in the original layout of Clothing-1M, made by the tests."""

import io

from PIL import Image

N_CLASSES = 14


def jpeg(shade, size=(24, 32), comment=""):
    """An image of one shade; size is (width, height), the comment tells equal images apart."""
    out = io.BytesIO()
    Image.new("RGB", size, (shade,) * 3).save(out, "JPEG", comment=comment)
    return out.getvalue()


def shade(label):
    """The shade of gray of a class's images: what the true label is can be seen."""
    return 20 + 15 * label


def write_original(folder, *, noisy=4, clean=2, validation=1, test=1, names=None, **changed):
    """Write lists and images; each class has so many images of each kind.

    A noisy image's given label is wrong for the last of each class (the class
    after it). The first of each class's clean training images is in the noisy
    training list too, the others have no noisy label. Of noisy images that are
    not clean training images, nobody knows the clean label.

    Args:
        folder: of a test.
        noisy, clean, validation, test: images a class; `clean` of training.
            With validation=0 there is no such list.
        names: class names for category_names_eng.txt; None: no such file.
        changed: file name without .txt -> its text in place of the right one;
            None: no such file.

    Returns:
        dict: key -> true label, of every image.
    """
    truth, lists, kv = {}, {}, {"noisy_label_kv": {}, "clean_label_kv": {}}

    def add(kind, label, i):
        key = f"images/{label % 3}/{i:02d}/{kind}{label},{i}.jpg"
        truth[key] = label
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(shade(label), size=(24 + label, 32), comment=key))
        return key

    for label in range(N_CLASSES):
        for i in range(noisy):
            key = add("noisy", label, i)
            given = (label + (i == noisy - 1)) % N_CLASSES
            lists.setdefault("noisy_train_key_list", []).append(key)
            kv["noisy_label_kv"][key] = given
            if i == 0 and clean:
                lists.setdefault("clean_train_key_list", []).append(key)
                kv["clean_label_kv"][key] = label
        for kind, n in (
            ("clean_train", clean - 1),
            ("clean_val", validation),
            ("clean_test", test),
        ):
            for i in range(n):
                key = add(kind, label, i)
                lists.setdefault(f"{kind}_key_list", []).append(key)
                kv["clean_label_kv"][key] = label
    texts = {name: "".join(f"{key}\n" for key in keys) for name, keys in lists.items()}
    for name, labels in kv.items():
        texts[name] = "".join(f"{key} {label}\n" for key, label in labels.items())
    if names is not None:
        texts["category_names_eng"] = "".join(f"{name}\n" for name in names)
    for name, text in {**texts, **changed}.items():
        if text is not None:
            (folder / f"{name}.txt").write_text(text)
    return truth
