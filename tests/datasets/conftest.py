"""A machine without tables, without a network, and a server of one's own on the loopback address."""

from __future__ import annotations

import threading
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from forerun import datasets
from forerun.datasets import registry

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """No table is here, and every address that nobody serves is refused at once."""
    for name in ("DATA_DIR", "MIRROR"):
        monkeypatch.delenv(f"FORERUN_{name}", raising=False)
    monkeypatch.setenv("FORERUN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FORERUN_UPSTREAM", NOWHERE)
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path


@pytest.fixture
def serve():
    """Serve files by address path; a third entry is the length that the server claims. Gives address and a stop."""
    servers = []

    def start(files: dict[str, bytes], claimed: int | None = None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                content = files.get(self.path.lstrip("/"))
                if content is None:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content) if claimed is None else claimed))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        servers.append(server)

        def stop():
            server.shutdown()
            server.server_close()
            thread.join()
            servers.remove(server)

        return f"http://127.0.0.1:{server.server_address[1]}", stop

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def register(monkeypatch):
    """Register a table of the test's own: its content, and what is published of it."""

    def add(content: bytes, published: bytes | None = None, converter: str = "", like: str = "mu_scaling10"):
        upstream = published and registry.Upstream("a file.csv", sha256(published).hexdigest(), len(published))
        entry = replace(
            datasets.get(like), name="toy", file="toy.csv", sha256=sha256(content).hexdigest(),
            upstream=upstream, converter=converter,
        )  # fmt: skip
        monkeypatch.setitem(registry._tables(), "toy", entry)
        return entry

    return add
