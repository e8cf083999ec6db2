"""What the machines under test download from, on loopback: a mirror and a proxy for apt, with faults on request."""

import contextlib
import http.server
import shutil
import threading
import time
import urllib.error
import urllib.request


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder, and passes on what a proxy's client asks for.

    ``faults``: a list of (part of the address, what is done to it, how often): a number is an answer's status,
    "cut" sends half, "wrong" other bytes, "slow" sends a little and then nothing, "refuse" hangs up. A number of times
    below 0 means always. ``asked``: the addresses that were asked for.
    """

    daemon_threads = True

    def __init__(self, folder):
        self.folder, self.faults, self.asked = folder, [], []
        self.reached, self.lock = threading.Event(), threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault_for(self, address):
        """Return what is done to an answer, None for nothing; it counts as done."""
        with self.lock:
            self.asked.append(address)
            for place, (part, fault, times) in enumerate(self.faults):
                if part in address and times:
                    self.faults[place] = (part, fault, times - 1)
                    self.reached.set()
                    return fault
        return None

    def heal(self):
        """Serve everything well again."""
        with self.lock:
            self.faults, self.asked = [], []
        self.reached.clear()

    def handle_error(self, *_):
        """Say nothing of clients that were killed."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):  # noqa: N802 (http.server's name)
        self.answer(body=False)

    def do_GET(self):  # noqa: N802
        self.answer(body=True)

    def answer(self, *, body):
        fault = self.server.fault_for(self.path)
        if fault == "refuse":
            self.close_connection = True
            return
        if isinstance(fault, int):
            self.send_error(fault)
            return
        if self.path.startswith("http://"):
            self.pass_on()
            return
        path = self.server.folder / self.path.split("?")[0].lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if not body:
            return
        with contextlib.suppress(OSError):  # a client that was killed
            if fault == "slow":
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                time.sleep(600)
            self.wfile.write({"cut": data[: len(data) // 2], "wrong": data[::-1]}.get(fault, data))

    def pass_on(self):
        """Fetch what apt asked its proxy for."""
        wanted = {name: value for name, value in self.headers.items() if name.lower() in ("if-modified-since", "range")}
        request = urllib.request.Request(self.path, headers=wanted)
        try:
            reply = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            reply = error
        except OSError as error:
            self.send_error(502, str(error))
            return
        with reply, contextlib.suppress(OSError):
            self.send_response(reply.status)
            for name in ("Content-Length", "Last-Modified", "Content-Range", "Content-Type"):
                if reply.headers.get(name):
                    self.send_header(name, reply.headers[name])
            self.end_headers()
            shutil.copyfileobj(reply, self.wfile)

    def log_message(self, *_):
        pass
