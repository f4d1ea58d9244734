"""Runs the very code of docs/verify.md against the fixtures that the binary prints: each language must take every
good request and refuse every bad one. (The Rust block runs in crates/domain/tests/it.)

Usage: run.py BINARY. A language that isn't installed is named and left out; with CI set that is a failure.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
DOCUMENT = (HERE / "../../../docs/verify.md").read_text()
# Name in the document, the file of its block, our file beside it, what must be there, how it is run.
LANGUAGES = [
    ("python", "block.py", "main.py", sys.executable, [[sys.executable, "main.py"]]),
    ("javascript", "block.mjs", "main.mjs", "node", [["node", "main.mjs"]]),
    ("java", "Webhooks.java", "Main.java", "javac", [["javac", "Webhooks.java", "Main.java"], ["java", "-cp", ".", "Main"]]),
    ("php", "block.php", "main.php", "php", [["php", "main.php"]]),
    ("ruby", "block.rb", "main.rb", "ruby", [["ruby", "main.rb"]]),
]


def block(language):
    found = re.findall(rf"^```{language} verify\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"docs/verify.md has {len(found)} blocks of {language} to verify with"
    return found[0]


def encoded(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode() or "="


def line(case):
    """A case as words with a space between them: `name kind now id keys seen headers body`, the last four in base64."""
    headers = {name.lower(): value for name, value in case["headers"]}
    if case["profile"] == "standard":
        kind = "standard"
    else:
        kind, headers = "timed", timed(case["profile"], headers)
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
    words = [case["name"], kind, str(case["now"]), case["id"]]
    return " ".join(words + [encoded(text) for text in [",".join(case["keys"]), ",".join(case["seen"]), lines, case["body"]]])


def timed(profile, headers):
    """Time and signatures of the profiles that sign `timestamp.body`."""
    if profile == "alga":
        entries = [entry.partition("=") for entry in headers.get("x-alga-signature", "").split(",")]
        return {
            "timestamp": "".join(value for name, _, value in entries if name == "t"),
            "signatures": " ".join(value for name, _, value in entries if name == "v1"),
        }
    prefix = {"oneprotect": "x-oneprotect-", "fr022": "x-"}[profile]
    return {"timestamp": headers.get(f"{prefix}timestamp", ""), "signatures": headers.get(f"{prefix}signature", "")}


def run(language, code, ours, commands, text):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, code).write_text(block(language))
        shutil.copy(HERE / ours, folder)
        for command in commands:
            done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, f"{language}: {' '.join(command)} failed:\n{done.stderr}"
    return dict(answer.split(" ", 1) for answer in done.stdout.splitlines())


def main():
    printed = subprocess.run([sys.argv[1], "fixtures"], capture_output=True, text=True, check=True).stdout
    # The documents' code is for the named profiles; a descriptor of one's own needs code of one's own.
    cases = [case for case in json.loads(printed)["cases"] if isinstance(case["profile"], str)]
    assert {case["expect"] for case in cases} == {"accept", "duplicate", "refuse"} and len(cases) > 60, len(cases)
    text = "".join(line(case) + "\n" for case in cases)
    wrong, absent = [], []
    for language, code, ours, needed, commands in LANGUAGES:
        if not shutil.which(needed):
            absent.append(language)
            continue
        answers = run(language, code, ours, commands, text)
        bad = [case for case in cases if answers.get(case["name"]) != case["expect"]]
        wrong += [f"{language}: {case['name']} should be {case['expect']}, was {answers.get(case['name'])}" for case in bad]
        print(f"ok: the {language} of docs/verify.md, {len(cases)} requests" if not bad else f"FAILED: {language}")
    for language in absent:
        print(f"NOT RUN: the {language} of docs/verify.md, which isn't installed here")
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(1 if wrong or (absent and os.environ.get("CI")) else 0)


main()
