// What each page makes a browser load: the entry, what it imports, and the page's own chunks.
// Fails when one of them is over the budget of 250 KB of compressed script.
import { readFileSync, readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const BUDGET = 250_000
const folder = new URL('../dist/assets/', import.meta.url)
const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'))
const text = new Map(scripts.map((name) => [name, readFileSync(new URL(name, folder))]))

/** A chunk and everything that it imports at once. */
function closure(name, found = new Set()) {
  if (found.has(name)) return found
  found.add(name)
  for (const [, imported] of text
    .get(name)
    .toString()
    .matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g))
    closure(imported, found)
  return found
}

const html = readFileSync(new URL('../dist/index.html', import.meta.url), 'utf8')
const entry = /src="[^"]*\/([^"/]+\.js)"/.exec(html)?.[1]
const pages = scripts.filter((name) => /^[A-Z]\w*Page-/.test(name))
const sizes = pages.map((page) => {
  const chunks = new Set([...closure(entry), ...closure(page)])
  return { page, bytes: [...chunks].reduce((sum, name) => sum + gzipSync(text.get(name)).length, 0) }
})

for (const { page, bytes } of sizes) console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${page}`)
if (sizes.length === 0 || sizes.some(({ bytes }) => bytes > BUDGET)) {
  console.error(`a page is over the budget of ${BUDGET / 1000} kB of compressed script`)
  process.exit(1)
}
