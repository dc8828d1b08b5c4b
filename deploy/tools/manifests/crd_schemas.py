#!/usr/bin/env python3
"""Writes the schemas of custom resources as kubeconform looks for them: crd_schemas.py FOLDER CRD.yaml...

Each version becomes FOLDER/<group>/<kind>_<version>.json, which knows no fields but those of the definition: a typing error
is a fault, as it is for what Kubernetes brings along.
"""

import json
import sys
from pathlib import Path

import yaml


def closed(schema):
    """The same schema, in which objects with known fields have no others."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not keeps_unknown:
        schema.setdefault("additionalProperties", False)
    return schema


def main():
    folder, files = Path(sys.argv[1]), sys.argv[2:]
    for file in files:
        definition = yaml.safe_load(Path(file).read_text(encoding="utf-8"))["spec"]
        for version in definition["versions"]:
            name = f"{definition['names']['kind'].lower()}_{version['name']}.json"
            target = folder / definition["group"] / name
            target.parent.mkdir(parents=True, exist_ok=True)
            schema = closed(version["schema"]["openAPIV3Schema"])
            # Of any Kubernetes object, and only sketched in the definition.
            schema["properties"]["metadata"] = {"type": "object"}
            target.write_text(json.dumps(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
