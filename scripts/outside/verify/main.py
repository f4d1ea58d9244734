import sys
from base64 import b64decode

from block import verify, verify_timed

for words in (line.split() for line in sys.stdin):
    name, kind, now, id = words[:4]
    keys, seen, lines, body = (b64decode(word) if word != "=" else b"" for word in words[4:])
    keys, seen = keys.decode().split(","), seen.decode().split(",")
    headers = dict(line.split(": ", 1) for line in lines.decode().splitlines())
    if kind == "standard":
        id = verify(keys, headers, body, int(now))
    else:
        tries = [(key, signature) for key in keys for signature in headers["signatures"].split(" ")]
        if not any(verify_timed(key, headers["timestamp"], signature, body, int(now)) for key, signature in tries):
            id = None
    print(name, "refuse" if id is None else "duplicate" if id in seen else "accept")
