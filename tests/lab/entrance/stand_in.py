"""Stands in for all services of a region: answers any GET with the region's name. Runs in the region's container."""

import http.server
import os
import subprocess
import threading

PORTS = (5000, 8080, 8774, 8776, 9292)
SUFFIXES = (52, 61, 62, 65, 66, 71, 72, 116, 117)


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = os.environ["SITE"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


for suffix in SUFFIXES:
    subprocess.run(["ip", "address", "add", f"{os.environ['SUBNET']}.{suffix}/24", "dev", "eth0"], check=True)
servers = [http.server.ThreadingHTTPServer(("", port), Answer) for port in PORTS]
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
