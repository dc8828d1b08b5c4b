#!/usr/bin/env python3
"""Starts each image that build.py has made, as a container would be, and asks it how it is: run.py FOLDER SERVERS

Runs in a network of its own (unshare --user --map-root-user --net), in which every port is free. SERVERS is `messaging-servers`,
which brings MongoDB and NATS. Each image runs by the variables, the command and the check of its own, as its numeric user and as the
process 1, on a read-only root, without capabilities; names are those of deploy/compose.yaml.
"""

import base64
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dockerfile import ROOT, environment, inherited, stages, words

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30
ANSWER_SECONDS_MAX = 3
# One address for each name that the fronts know; of some nobody is there, and another one is asked.
HOSTS = {name: f"127.0.1.{number}" for number, name in enumerate(["api-1", "api-2", "gateway-1", "gateway-2", "gateway-3"], 1)}
HAPROXY = "127.0.2.1:8081"
STAGES = stages()


def bring_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.pack("16sh14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, flags)  # SIOCSIFFLAGS


def fail(why):
    sys.exit(f"images: {why}")


def wait_until(what, is_so):
    end = time.monotonic() + START_SECONDS_MAX
    while not is_so():
        if time.monotonic() > end:
            fail(f"{what}: not within {START_SECONDS_MAX} s")
        time.sleep(0.1)


def get(url):
    """Status, headers and text of an answer; nothing while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS_MAX) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()
    except OSError:
        return None, {}, ""


def status(url):
    return get(url)[0]


@contextmanager
def servers(program, folder):
    """MongoDB and NATS, by the name of this host."""
    log = folder / "servers.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program], env={**os.environ, "DATA_DIR": str(folder / "data")}, stdout=out, stderr=out)
    try:
        wait_until("MongoDB and NATS", lambda: "\nREADY\n" in log.read_text(encoding="utf-8") or process.poll() is not None)
        if process.poll() is not None:
            fail(f"{program} ended: {log.read_text(encoding='utf-8')}")
        lines = dict(line.split("=", 1) for line in log.read_text(encoding="utf-8").splitlines() if "=" in line)
        # By a name, so that looking names up is seen to work within the images.
        yield {name: lines[name].replace("127.0.0.1", "servers", 1) for name in ["MONGODB_URI", "NATS_URL"]}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS_MAX)


class Container:
    def __init__(self, folder, name, given, arguments=(), scratch=False):
        self.name = name
        self.tree = folder / "images" / name
        self.variables = {"PATH": "/usr/local/bin", **environment(STAGES, name), **given}
        self.user = inherited(STAGES, name, "USER")[-1].split(":")[0]
        self.hosts = folder / "hosts"
        self.scratch = scratch
        self.command = words(STAGES, name, "ENTRYPOINT") + list(arguments)
        self.log = folder / f"{name}.log"

    def within(self, command):
        """What runs a command in the container's file system and as its user."""
        sandbox = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1", "--new-session"]
        sandbox += ["--die-with-parent", "--uid", self.user, "--gid", self.user, "--cap-drop", "ALL", "--clearenv"]
        for variable, value in self.variables.items():
            sandbox += ["--setenv", variable, value]
        sandbox += ["--ro-bind", str(self.tree), "/", "--proc", "/proc", "--dev", "/dev"]
        sandbox += ["--ro-bind", str(self.hosts), "/etc/hosts"] + (["--tmpfs", "/tmp"] if self.scratch else [])
        return [*sandbox, "--remount-ro", "/", "--chdir", "/", *command]

    def __enter__(self):
        reading, writing = os.pipe()
        command = self.within(self.command)
        command[1:1] = ["--json-status-fd", str(writing)]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, pass_fds=[writing])
        os.close(writing)
        # Kept open: bwrap tells its end there, too.
        self.state = os.fdopen(reading)
        self.pid = json.loads(self.state.readline() or fail(f"{self.name} did not start: {self.said()}"))["child-pid"]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)
        self.state.close()

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def wait_until(self, what, is_so):
        def is_so_or_ended():
            if self.process.poll() is not None:
                fail(f"{self.name} ended: {self.said()}")
            return is_so()

        wait_until(f"{self.name} {what}", is_so_or_ended)
        print(f"images: {self.name} {what}", flush=True)

    def check_confinement(self):
        """What the kernel says of the process, whatever was asked for."""
        process = Path("/proc") / str(self.pid)
        state = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        inside = (process / "uid_map").read_text().split()[0]
        root = next(line.split() for line in (process / "mountinfo").read_text().splitlines() if line.split()[4] == "/")
        seen = {
            "user": inside == self.user != "0",
            "capabilities": int(state["CapEff"], 16) == int(state["CapPrm"], 16) == 0,
            "no new privileges": state["NoNewPrivs"] == "1",
            "read-only root": "ro" in root[5].split(","),
            "process 1": state["NSpid"].split()[-1] == "1",
            "no shell": not (self.tree / "bin/sh").exists() and not (self.tree / "usr/bin/sh").exists(),
        }
        wrong = [what for what, holds in seen.items() if not holds]
        if wrong:
            fail(f"{self.name}: {', '.join(wrong)}: not so")
        print(f"images: {self.name}: {', '.join(seen)}", flush=True)

    def check_own_check(self):
        """The HEALTHCHECK, in the same file system; of what asks by wget, which the base image brings, the address is asked here."""
        command = words(STAGES, self.name, "HEALTHCHECK")
        if command[0] == "wget":
            passes = status(command[-1]) == 200
        else:
            passes = subprocess.run(self.within(command), timeout=ANSWER_SECONDS_MAX, check=False).returncode == 0
        if not passes:
            fail(f"{self.name}: {' '.join(command)} fails: {self.said()}")
        print(f"images: {self.name}: its HEALTHCHECK passes", flush=True)

    def check_end(self):
        os.kill(self.pid, signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS_MAX)
        if code != 0:
            fail(f"{self.name} ended with {code} after SIGTERM: {self.said()}")
        print(f"images: {self.name} ended after SIGTERM with 0", flush=True)


def check_service(container, address):
    container.wait_until("is live", lambda: status(f"http://{address}/health/live") == 200)
    container.wait_until("is ready", lambda: status(f"http://{address}/health/ready") == 200)
    container.check_own_check()
    container.check_confinement()


def expect(what, holds):
    if not holds:
        fail(what)
    print(f"images: {what}", flush=True)


def check_inbox(address):
    """The page, by any path of its own, its files, and what is no page."""
    code, headers, page = get(f"http://{address}/c/some-conversation")
    expect(f"{address}: a path of the inbox is its page", code == 200 and '<div id="root">' in page)
    expect(f"{address}: the page has its policy", "default-src 'self'" in headers["Content-Security-Policy"])
    script = page.split('src="', 1)[1].split('"', 1)[0]
    code, headers, _ = get(f"http://{address}{script}")
    expect(f"{address}: its script may be kept for ever", code == 200 and "immutable" in headers["Cache-Control"])
    for path in ["/assets/of-an-older-release.js", "/demo.json"]:
        expect(f"{address}: {path} is not found", status(f"http://{address}{path}") == 404)


def upgraded(address):
    """The first line of the answer to a WebSocket's handshake."""
    lines = [
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
        f"Host: {address}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
    ]
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS_MAX) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.makefile("rb").readline().decode().strip()


def check_front(address):
    check_inbox(address)
    expect(f"{address}: metrics are for nobody outside", status(f"http://{address}/metrics") == 404)
    for _ in range(2 * len(HOSTS)):
        code = status(f"http://{address}/api/openapi.json")
        code_of_poll, _, packet = get(f"http://{address}/socket.io/?EIO=4&transport=polling")
        line = upgraded(address)
        if code != 200 or code_of_poll != 200 or not packet.startswith("0{") or not line.startswith("HTTP/1.1 101 "):
            fail(f"{address}: through the front: {code}, {code_of_poll}, {line}")
    expect(f"{address}: the API, polling and WebSockets answer through the front, though two gateways and an API are not there", True)


@contextmanager
def haproxy(folder):
    """This machine's HAProxy with deploy/front/haproxy.cfg, on a port beside that of the inbox behind it, and with as many files as any
    machine allows."""
    configuration = (ROOT / "deploy/front/haproxy.cfg").read_text(encoding="utf-8")
    configuration = configuration.replace("bind :8080", f"bind {HAPROXY}").replace("maxconn 60000", "maxconn 400")
    (folder / "haproxy.cfg").write_text(configuration, encoding="utf-8")
    command = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--ro-bind", str(folder / "hosts"), "/etc/hosts"]
    command += ["haproxy", "-db", "-f", str(ROOT / "deploy/front/haproxy-defaults.cfg"), "-f", str(folder / "haproxy.cfg")]
    with (folder / "haproxy.log").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"})
    try:
        yield
    finally:
        process.kill()
        process.wait(STOP_SECONDS_MAX)


def run(folder, program):
    hosts = [f"{address} {name}" for name, address in {**HOSTS, "localhost": "127.0.0.1", "servers": "127.0.0.1", "web": "127.0.0.1"}.items()]
    (folder / "hosts").write_text("\n".join(hosts) + "\n", encoding="utf-8")
    secret = {"JWT_SECRET": os.urandom(24).hex(), "DRAIN_SECONDS": "2"}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        where = stack.enter_context(servers(program, Path(temporary)))

        def start(name, **options):
            return stack.enter_context(Container(folder, name, **options))

        standalone = start("standalone", given={**secret, **where})
        check_service(standalone, "127.0.0.1:8000")
        check_inbox("127.0.0.1:8000")
        standalone.check_end()
        # Not on all addresses, which only one of the two could have.
        api = start("api", given={**secret, **where, "BIND_ADDR": f"{HOSTS['api-1']}:8000"})
        check_service(api, f"{HOSTS['api-1']}:8000")
        gateway = start("gateway", given={**secret, "NATS_URL": where["NATS_URL"], "BIND_ADDR": f"{HOSTS['gateway-1']}:8000"})
        check_service(gateway, f"{HOSTS['gateway-1']}:8000")
        for arguments, check in [((), check_inbox), (("-c", "/etc/nginx/nginx-front.conf"), check_front)]:
            web = start("web", given={}, arguments=arguments, scratch=True)
            web.wait_until("is live", lambda: status("http://127.0.0.1:8080/health/live") == 200)
            web.check_own_check()
            web.check_confinement()
            check("127.0.0.1:8080")
            if check is check_inbox:
                with haproxy(folder):
                    wait_until("HAProxy", lambda: status(f"http://{HAPROXY}/health/ready") == 200)
                    check_front(HAPROXY)
            web.check_end()
        gateway.check_end()
        api.check_end()


def main():
    bring_up_loopback()
    run(Path(sys.argv[1]).resolve(), sys.argv[2])


if __name__ == "__main__":
    main()
