"""Tries the binary as a stranger would: the demo's three curls, and stock libraries on what is sent.

Usage: outside.py BINARY (from the folder of this file, with its Python and Node packages installed).
"""

import gzip
import http.server
import json
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from standardwebhooks import Webhook, WebhookVerificationError

BINARY = sys.argv[1]
PASSED = []


def check(name, good, shown=""):
    """One claim; the first that doesn't hold ends the run."""
    if not good:
        print(f"FAILED: {name}\n{shown}", file=sys.stderr)
        print(f"{len(PASSED)} passed, 1 failed")
        sys.exit(1)
    PASSED.append(name)
    print(f"ok: {name}")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def eventually(probe, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    return None


def call(url, token=None, body=None, method=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method or ("POST" if data else "GET"))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def fetched(url, coding="identity"):
    """How a file came, and its bytes as they came."""
    with urllib.request.urlopen(urllib.request.Request(url, headers={"accept-encoding": coding})) as answer:
        return answer.headers["content-encoding"], answer.read()


def curl(line):
    done = subprocess.run(["bash", "-c", line.replace("curl", "curl -sS -w '\\n%{http_code}'", 1)], capture_output=True, text=True)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


def demo(folder):
    """The demo from an empty folder, its curls copied from the terminal, and a second start."""
    data, (listen, receiver) = os.path.join(folder, "data"), (free_port(), free_port())
    command = [BINARY, "demo", "--data", data, "--listen", f"127.0.0.1:{listen}", "--receiver", f"127.0.0.1:{receiver}"]

    def start():
        log = open(os.path.join(folder, "demo.log"), "w+")
        started = time.monotonic()
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        text = eventually(lambda: (t := open(log.name).read()) and "3. Try" in t and t.rstrip().endswith("'") and t, 60)
        check("the demo tells what to do", text, open(log.name).read())
        return child, text, time.monotonic() - started

    child, text, _ = start()
    try:
        secrets = os.path.join(data, "demo-passwords.json")
        mode = stat.S_IMODE(os.stat(secrets).st_mode)
        check("the passwords' file is its owner's alone", mode == 0o600, oct(mode))
        curls = [line.strip() for line in text.splitlines() if line.strip().startswith("curl ")]
        check("there are three curls to copy", len(curls) == 3, text)
        acme = json.load(open(secrets))["acme"]
        base = f"http://127.0.0.1:{listen}"

        def arrived(event_type):
            got = call(f"http://127.0.0.1:{receiver}/received.json")[1]["data"]
            return [one for one in got if one["event_type"] == event_type and one["path"] == "/acme/hook"]

        before = len(arrived("order.created"))
        status, answer = curl(curls[0])
        check("curl 1 publishes", status == 202 and answer["matched_destinations"] == 2, answer)
        event = eventually(lambda: [one for one in arrived("order.created") if answer["event_id"] in one["body"]])
        check("the signed POST arrives and is valid", event and event[0]["signature"] == "valid", before)

        status, first = curl(curls[1])
        check("curl 2 is taken", status == 200 and "duplicate" not in first, first)
        status, second = curl(curls[1])
        check("the same again is a duplicate with the same id", status == 200 and second == {**first, "duplicate": True}, second)
        # Beside the week that the demo's desk has behind it.
        tickets = call(f"{base}/api/v1/tickets?limit=100", acme["token"])[1]["data"]
        made = [ticket for ticket in tickets if ticket["title"] == "SRV-01: Disk almost full"]
        check("there is one ticket, as the mapping says", len(made) == 1, tickets)
        mappings = call(f"{base}/api/v1/external-mappings?limit=100", acme["token"])[1]["data"]
        named = [mapping["alga_entity_id"] for mapping in mappings if mapping["external_entity_id"] == "alert-1001"]
        check("its external mapping is there", named == [made[0]["id"]], mappings)
        created = eventually(lambda: arrived("ticket.created"))
        check("ticket.created goes out", created and any(made[0]["id"] in one["body"] for one in created), created)

        inside = ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:9000", "http://10.0.0.5"]
        status, problem = curl(curls[2])
        wanted = "endpoint_url must not target a private or reserved address"
        check("curl 3 is refused in the contract's words", status == 400 and problem["detail"] == wanted, problem)
        for url in inside:
            body = {"name": "inside", "endpoint_url": url}
            status, problem = call(f"{base}/api/v1/integrations/destinations", acme["token"], body)
            check(f"{url} is refused", status == 400 and problem["detail"] == wanted, problem)
        kept = call(f"{base}/api/v1/integrations/destinations", acme["token"])[1]["data"]
        check("nothing of it is stored", len(kept) == 2, kept)
        link = re.search(r"http://\S+/signin\?token=\S+", text).group(0)
        request = urllib.request.Request(link)
        opener = urllib.request.build_opener(NoRedirect)
        try:
            opener.open(request)
            check("the sign-in link leads to the console", False)
        except urllib.error.HTTPError as answer:
            check("the sign-in link signs in", answer.code == 303 and "hookswitch" in answer.headers["set-cookie"], answer.code)
        for page in ["/api/docs/", "/api/openapi.json", "/healthz", "/readyz"]:
            with urllib.request.urlopen(base + page) as answer:
                check(f"{page} is open", answer.status == 200)
        script = re.search(r'src="(/console/assets/[^"]+\.js)"', fetched(base + "/console/")[1].decode()).group(1)
        plain, zipped, brotli = (fetched(base + script, coding) for coding in ("identity", "gzip, br;q=0", "gzip, br"))
        check("the console's script comes as the build made it", plain[0] is None and zipped[0] == "gzip" and brotli[0] == "br")
        check("compressed, it is the same and smaller", gzip.decompress(zipped[1]) == plain[1] and len(brotli[1]) < len(zipped[1]))
    finally:
        child.terminate()
        check("the demo ends cleanly", child.wait(30) == 0)

    child, text, seconds = start()
    try:
        check("a second start takes under 2 s", seconds < 2, seconds)
        kept = call(f"{base}/api/v1/tickets?limit=100", acme["token"])[1]["data"]
        check("and keeps the data", len(kept) == len(tickets), kept)
    finally:
        child.terminate()
        child.wait(30)


def documented(headers, body, public_key):
    """The block of docs/verify.md on a request that was really sent."""
    document = open("../../docs/verify.md").read()
    block = {}
    exec(document.split("```python verify\n")[1].split("```")[0], block)
    good = block["verify"]([public_key], headers, body, int(time.time())) == headers["webhook-id"]
    return good and block["verify"]([public_key], headers, body + b" ", int(time.time())) is None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def stock_libraries(folder):
    """What a destination gets, verified by libraries that know nothing of us."""
    arrived = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    port, listen = receiver.server_address[1], free_port()
    environment = {
        **os.environ,
        "HOOKSWITCH_ENVIRONMENT": "test",
        "HOOKSWITCH_LISTEN": f"127.0.0.1:{listen}",
        "HOOKSWITCH_DATABASE__URL": f"sqlite://{folder}/serve/hookswitch.db",
        "HOOKSWITCH_SECRETS__MASTER_KEY_FILE": f"{folder}/serve/master.key",
        "HOOKSWITCH_EGRESS__ALLOW_CIDRS": json.dumps([f"127.0.0.1/32:{port}"]),
        "HOOKSWITCH_EGRESS__REQUIRE_HTTPS": "false",
    }
    run = lambda *args: subprocess.run([BINARY, *args], env=environment, capture_output=True, text=True, check=True).stdout.strip()
    run("admin", "create-tenant", "acme", "--name", "Acme")
    token = run("admin", "create-token", "--tenant", "acme", "--role", "tenant_admin", "--name", "outside")
    child = subprocess.Popen([BINARY, "serve"], env=environment, stderr=open(f"{folder}/serve.log", "w"))
    try:
        base = f"http://127.0.0.1:{listen}"

        def ready():
            try:
                return call(f"{base}/readyz")[0] == 200
            except OSError:
                return False

        check("serve is ready", eventually(ready), open(f"{folder}/serve.log").read())
        # Both kinds of signature: the libraries know v1, and must not stumble over v1a beside it.
        body = {"name": "outside", "endpoint_url": f"http://127.0.0.1:{port}/hook", "signing": {"ed25519": True}}
        status, destination = call(f"{base}/api/v1/integrations/destinations", token, body)
        check("a destination is made", status == 201, destination)
        secret = destination["signing_secret"]
        event = {"event_type": "order.created", "payload": {"order": "SO-1", "text": "äöü \u2028 😀"}}
        check("an event is published", call(f"{base}/api/v1/events", token, event)[0] == 202)
        check("it arrives", eventually(lambda: arrived))
        headers, body = arrived[0]
        Webhook(secret).verify(body, headers)
        check("the Python library accepts it", True)
        try:
            Webhook(secret).verify(body.replace(b"SO-1", b"SO-2"), headers)
            check("the Python library refuses an altered body", False)
        except WebhookVerificationError:
            check("the Python library refuses an altered body", True)
        request = json.dumps({"secret": secret, "headers": headers, "body": body.decode()})
        done = subprocess.run(["node", "verify.mjs"], input=request, capture_output=True, text=True)
        check("the JavaScript library accepts it, and refuses an altered body", done.returncode == 0, done.stderr)
        lines = [arg for name, value in headers.items() if name.startswith("webhook-") for arg in ("-H", f"{name}: {value}")]

        def verify(text, secret=secret):
            return subprocess.run([BINARY, "verify", "--explain", "--secret", secret, *lines], input=text, capture_output=True)

        done = verify(body)
        check("hookswitch verify --explain accepts it", done.returncode == 0, done.stderr)
        done = verify(body.replace(b"SO-1", b"SO-2"))
        keys = call(f"{base}/.well-known/hookswitch/acme/{destination['id']}/keys.json")[1]["keys"]
        check("the public key is open to everybody", [keys[0]["public_key"]] == [one["public_key"] for one in destination["public_keys"]])
        check("hookswitch verify takes v1a with it", verify(body, keys[0]["public_key"]).returncode == 0)
        check("the Python of docs/verify.md takes the real thing", documented(headers, body, keys[0]["public_key"]))
        check("and says why an altered body fails", done.returncode == 1 and len(done.stderr + done.stdout) > 40, done)
    finally:
        child.terminate()
        check("serve ends cleanly", child.wait(30) == 0)
        receiver.shutdown()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        stock_libraries(folder)
        demo(folder)
    print(f"{len(PASSED)} passed, 0 failed")
