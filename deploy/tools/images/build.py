#!/usr/bin/env python3
"""Makes the file systems of the images, by the steps of deploy/Dockerfile, on this machine: build.py FOLDER [BINARIES]

FOLDER/images/<target> is what an image has. With BINARIES, a folder with binaries that are built already (target/debug), the stages
that build them are left out. nginx is this machine's, in place of that of its image.
"""

import fnmatch
import os
import shutil
import subprocess
import sys
from pathlib import Path

from dockerfile import ROOT, context, environment, stages

TARGETS = ["api", "gateway", "standalone", "web"]
NGINX_FILES = ["mime.types"]


class Builder:
    def __init__(self, folder, binaries):
        self.folder = folder
        self.binaries = binaries
        self.stages = stages()
        self.context = context()
        self.built = {}

    def stage(self, name):
        """Runs a stage, those before it first, and returns its folder: the WORKDIR, and beside it what it made elsewhere."""
        if name not in self.built:
            print(f"images: stage {name}", flush=True)
            self.built[name] = self.run_stage(name)
        return self.built[name]

    def run_stage(self, name):
        stage = self.stages[name]
        if name == "binaries" and self.binaries:
            return self.given_binaries()
        folder = self.stage(stage.base) if stage.base in self.stages else None
        if folder is None or any(word == "COPY" for word, _ in stage.instructions):
            # What copies nothing in leaves its base as it is, and may use the same folder.
            base, folder = folder, self.folder / "stages" / name
            shutil.copytree(base, folder, symlinks=True) if base else folder.mkdir(parents=True)
        for word, rest in stage.instructions:
            if word == "COPY":
                self.copy(rest, folder)
            elif word == "RUN":
                self.run(rest, name, folder)
        return folder

    def given_binaries(self):
        folder = self.folder / "stages/binaries"
        (folder / "target").mkdir(parents=True)
        (folder / "target/release").symlink_to(self.binaries)
        self.copy("deploy/docker deploy/docker", folder)
        return folder

    def copy(self, arguments, target):
        """COPY into a folder that stands for the root of an image, or for the WORKDIR."""
        *sources, destination = arguments.split()
        if sources[0].startswith("--from="):
            return self.copy_from(sources[0].removeprefix("--from="), sources[1], target / destination.lstrip("/"))
        for source in sources:
            names = [name for name in self.context if is_within(name, source)]
            if not names:
                sys.exit(f"images: COPY {arguments}: there is no {source} in the context")
            for name in names:
                # A folder's content goes into the destination, and a file into it if that is a folder.
                to = target / destination.lstrip("/")
                if (ROOT / source).is_dir():
                    to /= os.path.relpath(name, source)
                elif destination.endswith("/"):
                    to /= os.path.basename(name)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, to)
        return None

    def copy_from(self, stage, source, to):
        base = self.stage(stage)
        # The WORKDIR of each stage is /build; all else has a place of its own.
        path = Path(source)
        found = base / path.relative_to("/build") if path.is_relative_to("/build") else self.elsewhere(stage) / path.name
        if found.is_dir():
            shutil.copytree(found, to, symlinks=True, dirs_exist_ok=True)
        else:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, to)

    def elsewhere(self, stage):
        return self.folder / "made" / stage

    def run(self, command, name, folder):
        made = self.elsewhere(name)
        made.mkdir(parents=True, exist_ok=True)
        installed = self.folder / "cargo"
        variables = {
            **os.environ,
            **environment(self.stages, name),
            "CARGO_INSTALL_ROOT": str(installed),
            "PATH": f"{installed}/bin:{os.environ['PATH']}:/usr/sbin",
        }
        # In an image the target folder is the WORKDIR's, whatever is set here.
        variables.pop("CARGO_TARGET_DIR", None)
        command = command.replace("/rootfs ", f"{made}/rootfs ")
        subprocess.run(["sh", "-euc", command], cwd=folder, env=variables, check=True)

    def image(self, name):
        tree = self.folder / "images" / name
        tree.mkdir(parents=True)
        print(f"images: image {name}", flush=True)
        if name == "web":
            self.nginx(tree)
        for word, rest in self.stages[name].instructions:
            if word == "COPY":
                self.copy(rest, tree)
        size = sum(path.lstat().st_size for path in tree.rglob("*"))
        print(f"images: {name} has {size / 2**20:.1f} MiB", flush=True)

    def nginx(self, tree):
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if not nginx:
            sys.exit("images: nginx is missing (on Debian: apt-get install nginx)")
        subprocess.run([str(ROOT / "deploy/docker/rootfs.sh"), str(tree), nginx], check=True)
        (tree / "etc/nginx").mkdir()
        for name in NGINX_FILES:
            shutil.copy2(Path("/etc/nginx") / name, tree / "etc/nginx")


def is_within(name, source):
    return source == "." or name == source or name.startswith(f"{source}/") or fnmatch.fnmatch(name, source)


def main():
    folder = Path(sys.argv[1]).resolve()
    binaries = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    for part in ["stages", "made", "images"]:
        shutil.rmtree(folder / part, ignore_errors=True)
    builder = Builder(folder, binaries)
    for target in TARGETS:
        builder.image(target)


if __name__ == "__main__":
    main()
