"""A registry that serves one image over loopback, no faster than told."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 256 << 10
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def digest(content: bytes) -> str:
    """Return a content's name in a registry."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(size: int) -> tuple[bytes, dict[str, bytes]]:
    """Make an image of one layer of so many bytes; return its manifest, and its blobs by name."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        entry = tarfile.TarInfo("data")
        entry.size = size
        tar.addfile(entry, io.BytesIO(os.urandom(size)))
    layer = gzip.compress(held.getvalue(), compresslevel=1)
    told: dict[str, Any] = {"architecture": ARCHITECTURE, "os": "linux", "config": {}}
    told["rootfs"] = {"type": "layers", "diff_ids": [digest(held.getvalue())]}
    config = json.dumps(told).encode()
    kinds = (
        (config, "application/vnd.docker.container.image.v1+json"),
        (layer, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    )
    about, below = (
        {"mediaType": kind, "size": len(content), "digest": digest(content)}
        for content, kind in kinds
    )
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": about, "layers": [below]}
    return json.dumps(manifest).encode(), {digest(each): each for each, _ in kinds}


@contextmanager
def serving_image(size: int, bytes_per_s: int) -> Iterator[str]:
    """Serve an image; give its name."""
    manifest, blobs = image(size)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            kind, content = "application/octet-stream", blobs.get(self.path.rpartition("/")[2])
            if "/manifests/" in self.path:
                kind, content = MANIFEST, manifest
            elif self.path == "/v2/":
                kind, content = "application/json", b"{}"
            assert content is not None, self.path
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", digest(content))
            self.end_headers()
            for at in range(0, len(content) if with_body else 0, PIECE):
                self.wfile.write(content[at : at + PIECE])
                time.sleep(min(PIECE, len(content)) / bytes_per_s)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}/shed:1"
    finally:
        server.shutdown()
        server.server_close()
