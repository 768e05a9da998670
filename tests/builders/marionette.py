"""Firefox as Debian has it, driven by its own protocol, Marionette; nothing else is needed."""

import contextlib
import json
import shutil
import socket
import subprocess
import time

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PATIENCE = 60  # seconds, to start


class Firefox:
    """A window without a head."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file, self._n = self._socket.makefile("rb"), 0
        self._receive()
        self._send("WebDriver:NewSession", {})

    def _receive(self):
        size = b""
        while (byte := self._file.read(1)) != b":":
            assert byte, "Firefox has gone"
            size += byte
        return json.loads(self._file.read(int(size)))

    def _send(self, command, parameters):
        self._n += 1
        body = json.dumps([0, self._n, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(body), body))
        _, number, error, result = self._receive()
        assert (number, error) == (self._n, None)
        return result

    def goto(self, address):
        self._send("WebDriver:Navigate", {"url": address})

    def press(self, keys):
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": strokes}
        self._send("WebDriver:PerformActions", {"actions": [source]})

    def evaluate(self, expression):
        """The value of an expression, outside of the page's own policy."""
        script = {"script": f"return {expression};", "args": [], "sandbox": "default"}
        return self._send("WebDriver:ExecuteScript", script)["value"]

    def close(self):
        self._send("Marionette:Quit", {"flags": ["eForceQuit"]})
        self._file.close()
        self._socket.close()


@contextlib.contextmanager
def firefox(profile):
    """A Firefox with a profile of its own, until the block ends.

    Args:
        profile: a folder, new or empty.
    """
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "user.js").write_text('user_pref("marionette.port", 0);\n')
    words = [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with (profile / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            found = Firefox(_port(profile, process))
            yield found
            found.close()
            process.wait(timeout=20)
        finally:
            process.kill()
            process.wait()


def _port(profile, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        path = profile / "MarionetteActivePort"
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        assert process.poll() is None, (profile / "log").read_text(errors="replace")
        time.sleep(0.05)
    raise AssertionError("Firefox did not begin to listen")
