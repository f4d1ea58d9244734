// Writes each built text file compressed beside itself, by brotli and gzip: the binary serves what a
// browser takes, and compresses nothing while it runs.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** Below this a file fits into one packet anyway. */
const WORTH_BYTES = 1_000
const folder = new URL('../dist/', import.meta.url)

for (const name of readdirSync(folder, { recursive: true }).filter((each) => /\.(js|css|json|svg|html)$/.test(each))) {
  const file = new URL(name, folder)
  const bytes = readFileSync(file)
  if (bytes.length < WORTH_BYTES) continue
  const hint = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }
  writeFileSync(`${file.pathname}.br`, brotliCompressSync(bytes, hint))
  writeFileSync(`${file.pathname}.gz`, gzipSync(bytes, { level: 9 }))
}
