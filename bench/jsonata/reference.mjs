// The JavaScript reference implementation of JSONata, as fast as one process of it goes: expressions are compiled
// once; the body is parsed, every expression evaluated over it and the results made JSON, again and again.
// Reads {body, expressions, milliseconds} from standard input, writes {per_second, results}.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import jsonata from 'jsonata'

if (process.argv[2] === '--version') {
  const { version } = createRequire(import.meta.url)('jsonata/package.json')
  console.log(`jsonata ${version} on node ${process.versions.node}`)
  process.exit(0)
}

const { body, expressions, milliseconds } = JSON.parse(readFileSync(0, 'utf8'))
const compiled = expressions.map((text) => jsonata(text))

async function once() {
  const input = JSON.parse(body)
  const results = []
  for (const expression of compiled) {
    results.push(await expression.evaluate(input))
  }
  return JSON.stringify(results)
}

// Warm before it counts.
const warm = performance.now() + 500
let results = await once()
while (performance.now() < warm) {
  results = await once()
}
const begun = performance.now()
let count = 0
while (performance.now() - begun < milliseconds) {
  await once()
  count += 1
}
const perSecond = count / ((performance.now() - begun) / 1000)
console.log(JSON.stringify({ per_second: perSecond, results: JSON.parse(results) }))
