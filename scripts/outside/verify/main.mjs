import { readFileSync } from "node:fs";
import { verify, verifyTimed } from "./block.mjs";

for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const [name, kind, now, given, ...encoded] = line.split(" ");
  const [keys, seen, lines, body] = encoded.map((word) => Buffer.from(word, "base64"));
  const list = (bytes) => bytes.toString().split(",");
  const pairs = lines.toString().split("\n").filter(Boolean).map((text) => text.split(/: (.*)/s));
  const headers = Object.fromEntries(pairs.map(([header, value]) => [header, value]));
  const tries = list(keys).flatMap((key) => (headers.signatures ?? "").split(" ").map((one) => [key, one]));
  const timed = () => tries.some(([key, one]) => verifyTimed(key, headers.timestamp, one, body, Number(now)));
  const id = kind === "standard" ? verify(list(keys), headers, body, Number(now)) : timed() ? given : null;
  console.log(name, id === null ? "refuse" : list(seen).includes(id) ? "duplicate" : "accept");
}
