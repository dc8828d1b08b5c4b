#!/usr/bin/env python3
"""Holds the running service against its OpenAPI document, with Schemathesis.

    schemathesis.py FOLDER [MAX_EXAMPLES]    FOLDER has messaging-standalone and messaging-token

Installs pinned versions into .tools/venv, starts the standalone with a demo contract on a free
port of the loopback interface, checks the document itself, and then sends what the document
allows, and what it does not, as a party of the contract and as the host platform: each with ids
that exist and with any ids. The server and its data are gone at the end.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".tools" / "venv"
PACKAGES = ["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
READY_SECONDS_MAX = 60


def say(text):
    print(f"schemathesis: {text}", flush=True)


def install():
    stamp = VENV / "packages"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == "\n".join(PACKAGES):
        return
    say(f"installing {', '.join(PACKAGES)} into {VENV.relative_to(ROOT)}")
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(pip + PACKAGES, check=True)
    stamp.write_text("\n".join(PACKAGES), encoding="utf-8")


class Server:
    """The standalone on a free port, until the end of the block."""

    def __init__(self, binaries, folder):
        self.binaries, self.folder = Path(binaries), Path(folder)
        self.secret = secrets.token_hex(32)

    def __enter__(self):
        settings = {
            "DEMO": "1",
            "BIND_ADDR": "127.0.0.1:0",
            "DATA_DIR": str(self.folder / "data"),
            "JWT_SECRET": self.secret,
            "REQUESTS_PER_SECOND": "0",
        }
        self.output = self.folder / "stdout"
        with open(self.output, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [str(self.binaries / "messaging-standalone")],
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self.url = self.wait_for(r"is ready on http://localhost:(\d+)")
            self.url = f"http://127.0.0.1:{self.url}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def wait_for(self, pattern):
        ends = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < ends:
            text = self.output.read_text(encoding="utf-8")
            if found := re.search(pattern, text):
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"schemathesis: the server did not start:\n{text}")

    def token(self, user, role):
        command = [str(self.binaries / "messaging-token"), "--sub", user, "--role", role]
        environment = {**os.environ, "JWT_SECRET": self.secret}
        minted = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return minted.stdout.strip()


def post(url, token, content_type, body):
    """Sends a body; as clients should, it comes back after an answer of 503 when that says so."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    ends = time.monotonic() + READY_SECONDS_MAX
    while True:
        request = urllib.request.Request(url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > ends:
                sys.exit(f"schemathesis: {url} answered {error.code}: {error.read().decode()}")
            time.sleep(int(error.headers["Retry-After"]))


def ids_that_exist(server, token):
    """Sends a message and a file; gives the configuration with the ids of both and of the contract."""
    text = json.dumps({"contractId": "demo", "content": "Hello!"}).encode()
    message = post(f"{server.url}/api/messages", token, "application/json", text)
    place = f"{server.url}/api/messages/conversations/{message['conversationId']}"
    part = 'Content-Disposition: form-data; name="file"; filename="brief.txt"\r\nContent-Type: text/plain'
    body = f"--boundary\r\n{part}\r\n\r\nA brief.\r\n--boundary--\r\n".encode()
    form = "multipart/form-data; boundary=boundary"
    attachment = post(f"{place}/attachments", token, form, body)
    known = [
        ("/conversations/", {"path.id": message["conversationId"], "path.messageId": message["id"]}),
        ("/attachments/", {"path.id": attachment["id"]}),
        ("/contracts/", {"path.id": "demo"}),
        ("/presence", {"query.userIds": ["demo-client", "demo-freelancer"]}),
    ]
    lines = []
    for part, parameters in known:
        values = ", ".join(f'"{name}" = {json.dumps(value)}' for name, value in parameters.items())
        lines += ["[[operations]]", f'include-path-regex = "{part}"', f"parameters = {{ {values} }}", ""]
    return "\n".join(lines)


def run(server, token, config, examples_max):
    command = [
        str(VENV / "bin" / "schemathesis"), "--config-file", str(config),
        "run", f"{server.url}/api/openapi.json", "--header", f"Authorization: Bearer {token}",
        "--checks", CHECKS, "--max-examples", examples_max, "--warnings", "off", "--no-color",
        "--seed", "1", "--generation-database", "none",
    ]  # fmt: skip
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, cwd=server.folder).returncode


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    examples_max = sys.argv[2] if len(sys.argv) == 3 else "50"
    install()
    failed = []
    with tempfile.TemporaryDirectory(prefix="schemathesis-") as folder, Server(
        sys.argv[1], folder
    ) as server:
        document = Path(folder) / "openapi.json"
        urllib.request.urlretrieve(f"{server.url}/api/openapi.json", document)
        validator = [str(VENV / "bin" / "python"), "-m", "openapi_spec_validator", str(document)]
        if subprocess.run(validator, check=False).returncode != 0:
            failed.append("the document is not valid OpenAPI 3.1")
        tokens = {
            "a party": server.token("demo-client", "client"),
            "the host platform": server.token("host", "service"),
        }
        configs = {"any ids": "", "ids that exist": ids_that_exist(server, tokens["a party"])}
        for what, text in configs.items():
            config = Path(folder) / "config.toml"
            config.write_text(text, encoding="utf-8")
            for who, token in tokens.items():
                say(f"as {who}, with {what}")
                if run(server, token, config, examples_max) != 0:
                    failed.append(f"as {who}, with {what}")
    for failure in failed:
        say(f"FAILED: {failure}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
