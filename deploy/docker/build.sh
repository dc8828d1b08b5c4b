#!/bin/sh
# The steps by which the binaries of the images are built, from the root of the sources. Each is a layer of the Dockerfile;
# deploy/tools/check-images takes the same ones outside of Docker.
#
#   build.sh tools          cargo-chef, of a pinned version
#   build.sh plan           what the dependencies are, into recipe.json
#   build.sh dependencies   builds them, as recipe.json has them
#   build.sh binaries       builds our own
set -eu

CHEF_VERSION=0.1.78
# The same for dependencies and binaries: another choice of packages means other features, and all is built anew.
PACKAGES="-p messaging-api -p messaging-gateway -p messaging-standalone -p messaging-health"

case ${1:-} in
    tools) exec cargo install --locked --version "$CHEF_VERSION" cargo-chef ;;
    plan) exec cargo chef prepare --recipe-path recipe.json ;;
    # shellcheck disable=SC2086 # several words on purpose
    dependencies) exec cargo chef cook --release --locked --bins $PACKAGES --recipe-path recipe.json ;;
    # shellcheck disable=SC2086 # several words on purpose
    binaries) exec cargo build --release --locked --bins $PACKAGES ;;
    *)
        echo "usage: build.sh tools|plan|dependencies|binaries" >&2
        exit 64
        ;;
esac
