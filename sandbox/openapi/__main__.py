"""Renew docs/api: `python -m sandbox.openapi`."""

from sandbox.openapi.document import FOLDER, documents, text

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in documents().items():
        (FOLDER / f"{name}.openapi.json").write_text(text(content), "utf-8")
