// What each page makes a browser load: the entry (console or customer portal), what it imports, and the
// page's own chunks. Fails when one of them is over the budget of 250 KB of compressed script.
import { readFileSync, readdirSync } from 'node:fs'
import { brotliCompressSync } from 'node:zlib'

const BUDGET = 250_000
const PORTAL = ['DestinationsPage', 'DeliveriesPage', 'EventTypesPage']
const folder = new URL('../dist/assets/', import.meta.url)
const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'))
const text = new Map(scripts.map((name) => [name, readFileSync(new URL(name, folder))]))
const size = new Map([...text].map(([name, bytes]) => [name, brotliCompressSync(bytes).length]))

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

function entryOf(page) {
  const html = readFileSync(new URL(`../dist/${page}`, import.meta.url), 'utf8')
  return /src="[^"]*\/([^"/]+\.js)"/.exec(html)?.[1]
}

const pages = scripts.filter((name) => /^[A-Z]\w*Page-/.test(name))
const inPortal = pages.filter((name) => PORTAL.some((page) => name.startsWith(`${page}-`)))
const sizes = [
  ...pages.map((page) => [entryOf('index.html'), page, page]),
  ...inPortal.map((page) => [entryOf('portal.html'), page, `portal: ${page}`]),
].map(([entry, page, name]) => {
  const chunks = new Set([...closure(entry), ...closure(page)])
  return { name, bytes: [...chunks].reduce((sum, chunk) => sum + size.get(chunk), 0) }
})

for (const { name, bytes } of sizes) console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${name}`)
if (inPortal.length < PORTAL.length || sizes.some(({ bytes }) => bytes > BUDGET)) {
  console.error(`a page is over the budget of ${BUDGET / 1000} kB of compressed script, or a portal page is missing`)
  process.exit(1)
}
