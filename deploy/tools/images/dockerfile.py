"""What is read of deploy/Dockerfile and .dockerignore: as much of their languages as these two use."""

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class Stage:
    """A stage, with its instructions in order: pairs of a word and the rest of the line."""

    def __init__(self, base):
        self.base = base
        self.instructions = []


def stages():
    """The stages of the Dockerfile by their names."""
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found, current = {}, None
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            current = found[name] = Stage(base)
        elif current and word and not word.startswith("#"):
            current.instructions.append((word, rest.strip()))
    return found


def inherited(found, name, word):
    """What an instruction says in a stage and, before that, in those that it is built on."""
    if name not in found:
        return []
    own = [rest for each, rest in found[name].instructions if each == word]
    return inherited(found, found[name].base, word) + own


def environment(found, name):
    """The variables that a stage sets."""
    pairs = " ".join(inherited(found, name, "ENV")).split()
    return dict(pair.split("=", 1) for pair in pairs)


def words(found, name, word):
    """The words of a command; of the last one, as in Docker."""
    return json.loads(inherited(found, name, word)[-1].rpartition("CMD ")[2])


def is_ignored(path, rules):
    """Whether a path is left out of the context: the last rule that fits it or a folder of it decides."""
    ignored = False
    for is_exception, pattern in rules:
        if pattern.search(path):
            ignored = not is_exception
    return ignored


def read_rules():
    rules = []
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name = line.removeprefix("!")
            pattern = re.escape(name).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            rules.append((line.startswith("!"), re.compile(f"^{pattern}(/|$)")))
    return rules


def context():
    """The files of the context, by their paths: what is committed or could be, and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rules = read_rules()
    names = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return [name for name in names if not is_ignored(name, rules)]
