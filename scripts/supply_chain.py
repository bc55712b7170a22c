"""Checks what is built in against deny.toml, without network; called by scripts/supply-chain.

Reads the committed Cargo.lock, `cargo metadata` and our own manifests. What it holds: every licence is allowed; every crate comes from an
allowed registry with a checksum; nothing banned is built; our crates forbid unsafe code and name a version of whatever they use; an
ignored advisory says why and when that was looked at. Several versions of one crate are listed, as deny.toml wants.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
POLICY = tomllib.loads((ROOT / "deny.toml").read_text())
LOCKED = {(p["name"], p["version"]): p for p in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}


def cargo(*arguments):
    """What cargo says; it asks the network only when something is missing here."""
    for more in (["--offline"], []):
        done = subprocess.run(["cargo", *arguments, "--locked", *more], cwd=ROOT, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout
    sys.exit(done.stderr)


def built(edges):
    """Name and version of what is built for our targets. The graph of `cargo metadata` holds more: also what an
    optional feature of somebody else's would bring."""
    found = set()
    for target in POLICY["graph"]["targets"]:
        tree = cargo("tree", "--workspace", "--all-features", "--target", target, f"--edges={edges}", "--prefix=none", "--no-dedupe")
        words = (line.split() for line in tree.splitlines() if line)
        found |= {(name, version.removeprefix("v")) for name, version, *_ in words}
    return found


def allowed(expression, licences):
    """Whether an SPDX expression can be satisfied: OR binds weaker than AND; WITH belongs to its licence; `/` is an old OR."""
    words = collections.deque(re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR ")))

    def one():
        word = words.popleft()
        if word == "(":
            inside = any_of()
            words.popleft()
            return inside
        if words and words[0] == "WITH":
            words.popleft()
            word = f"{word} WITH {words.popleft()}"
        return word in licences

    def all_of():
        fits = one()
        while words and words[0] == "AND":
            words.popleft()
            fits = one() and fits
        return fits

    def any_of():
        fits = all_of()
        while words and words[0] == "OR":
            words.popleft()
            fits = all_of() or fits
        return fits

    fits = any_of()
    return fits and not words


def number(version):
    return tuple(int(part) for part in version.split("+")[0].split("-")[0].split("."))


def banned(name, version):
    """Why a crate may not be built in, if it may not. A ban is `name` or `name:<version`."""
    for ban in POLICY["bans"]["deny"]:
        crate, _, below = ban["crate"].partition(":<")
        if crate == name and (not below or number(version) < number(below)):
            return ban["reason"]
    return None


def problems(packages, ours):
    registries = {f"registry+{url}" for url in POLICY["sources"]["allow-registry"]}
    for package in packages:
        who = f"{package['name']} {package['version']}"
        if reason := banned(package["name"], package["version"]):
            yield f"{who} is banned: {reason}"
        if not allowed(package["license"] or "none", POLICY["licenses"]["allow"]):
            yield f"{who} has the licence {package['license']}, which deny.toml does not allow"
        if package["id"] not in ours and package["source"] not in registries:
            yield f"{who} comes from {package['source']}"
        if package["id"] in ours:
            yield from own_problems(package)
    for (name, version), package in LOCKED.items():
        if "source" in package and (package["source"] not in registries or "checksum" not in package):
            yield f"{name} {version} is locked to {package['source']}, or without a checksum"
    for ignored in POLICY["advisories"]["ignore"]:
        if not isinstance(ignored, dict) or not re.search(r"\d{4}-\d{2}-\d{2}", ignored.get("reason", "")):
            yield f"the advisory {ignored} is ignored without a reason and the date of its review"


def own_problems(package):
    manifest = tomllib.loads(pathlib.Path(package["manifest_path"]).read_text())
    if manifest.get("lints", {}).get("workspace") is not True:
        yield f"{package['name']} does not take the lints of the workspace, which forbid unsafe code"
    for dependency in package["dependencies"]:
        if dependency["req"] == "*" and not dependency.get("path"):
            yield f"{package['name']} takes any version of {dependency['name']}"


def forbids_unsafe():
    lint = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["lints"]["rust"]["unsafe_code"]
    return (lint if isinstance(lint, str) else lint["level"]) == "forbid"


def component(package):
    found = {
        "type": "library",
        "name": package["name"],
        "version": package["version"],
        "purl": f"pkg:cargo/{package['name']}@{package['version']}",
        "licenses": [{"expression": (package["license"] or "").replace("/", " OR ")}],
    }
    checksum = LOCKED[package["name"], package["version"]].get("checksum")
    return found | ({"hashes": [{"alg": "SHA-256", "content": checksum}]} if checksum else {})


def write_list(packages, path):
    parts = [component(p) for p in sorted(packages, key=lambda p: (p["name"], number(p["version"])))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": parts}, indent=1) + "\n")
    print(f"components: {len(parts)} in {path}")


def main(arguments):
    wanted = built("normal,build,dev")
    known = json.loads(cargo("metadata", "--format-version=1", "--all-features"))
    ours = set(known["workspace_members"])
    packages = [package for package in known["packages"] if (package["name"], package["version"]) in wanted]
    if len(packages) != len(wanted):
        sys.exit("cargo tree and cargo metadata do not agree")
    wrong = sorted(set(problems(packages, ours)))
    if not forbids_unsafe():
        wrong.append("the workspace does not forbid unsafe code")
    versions = collections.defaultdict(list)
    for package in packages:
        versions[package["name"]].append(package["version"])
    twice = {name: numbers for name, numbers in versions.items() if len(numbers) > 1}
    print(f"supply chain: {len(packages)} crates for {len(POLICY['graph']['targets'])} targets, {len(ours)} of them ours")
    print("several versions:", ", ".join(f"{name} {' '.join(sorted(n, key=number))}" for name, n in sorted(twice.items())) or "none")
    if arguments:
        shipped = built("normal,build")
        write_list([p for p in packages if (p["name"], p["version"]) in shipped], pathlib.Path(arguments[1]))
    if wrong:
        sys.exit("\n".join(wrong))
    print("licences, sources, bans, unsafe code: as deny.toml says")


if __name__ == "__main__":
    main(sys.argv[1:])
