"""What tells the content of files and folders from any other, for the recipes of images."""

import hashlib
from pathlib import Path


def content_of(*paths: Path) -> str:
    """Return a digest of files, and of all files in folders but compiled Python."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" not in file.parts:
                content = file.read_bytes()
                digest.update(f"{file.relative_to(path.parent)} {len(content)}\n".encode())
                digest.update(content)
    return digest.hexdigest()
