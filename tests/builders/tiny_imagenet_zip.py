"""A small archive in the layout of tiny-imagenet-200.zip."""

import io
import zipfile

from PIL import Image

from tssd_keras.data.named.tiny_imagenet_zip import ZIP

ROOT = "tiny-imagenet-200"
SHADES = {"n03": 30, "n01": 120, "n02": 220}  # each class is one shade; wnids.txt is not sorted


def jpeg(shade, mode="RGB"):
    out = io.BytesIO()
    Image.new(mode, (64, 64), shade if mode == "L" else (shade,) * 3).save(out, "JPEG")
    return out.getvalue()


def members(**changed):
    """A small archive: four training and two val images a class, one of each in grayscale.

    Keys of `changed` are members without the root; None takes one away.
    """
    files = {"wnids.txt": "\n".join(SHADES), "words.txt": "n01\tgoldfish, carp\nn99\tother\n"}
    lines = []
    for wnid, shade in SHADES.items():
        for i in range(4):
            name = f"train/{wnid}/images/{wnid}_{i}.JPEG"
            files[name] = jpeg(shade, "L" if i == 0 else "RGB")
        files[f"train/{wnid}/{wnid}_boxes.txt"] = "not read"
        for i in range(2):
            name = f"val_{len(lines)}.JPEG"
            files[f"val/images/{name}"] = jpeg(shade, "L" if i == 0 else "RGB")
            lines.append(f"{name}\t{wnid}\t0\t0\t62\t62\n")
    files["val/val_annotations.txt"] = "".join(lines)
    files["test/images/test_0.JPEG"] = jpeg(0)
    return {f"{ROOT}/{k}": v for k, v in {**files, **changed}.items() if v is not None}


def write_zip(folder, files):
    path = folder / ZIP
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
