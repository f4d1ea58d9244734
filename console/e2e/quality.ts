// What holds on every page, as checks that tests of single pages use too.
import AxeBuilder from '@axe-core/playwright'
import { type Page } from '@playwright/test'

import { expect } from './demo'

/** Loaded, drawn and at rest: nothing that is waited for, and colours in the middle of a transition are nobody's. */
async function settle(page: Page) {
  await expect(page.locator('.mantine-Skeleton-root, .mantine-Loader-root')).toHaveCount(0)
  await page.waitForLoadState('load')
  await page.evaluate(async () => {
    const drawn = () => new Promise((next) => requestAnimationFrame(next))
    await drawn()
    await Promise.allSettled(document.getAnimations().map((animation) => animation.finished))
    await drawn()
  })
}

export async function expectAccessible(page: Page) {
  await settle(page)
  const found = await new AxeBuilder({ page })
    // There are no frames to look into, for which a page of its own would be opened each time.
    .setLegacyMode()
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)).toEqual([])
}

/** Everything operable has an id in kebab-case, and no id twice. */
export async function expectNamed(page: Page) {
  const operable =
    'a[href], button, input:not([type=hidden]), select, textarea, [role=button], [role=switch], [role=tab], [role=menuitem]'
  const ids = await page
    .locator(operable)
    .evaluateAll((elements) =>
      // What the library keeps from keyboards and screen readers (the crosses of pills) doubles another way.
      elements.filter((each) => !each.closest('[aria-hidden=true]')).map(({ id, outerHTML }) => id || outerHTML.slice(0, 160)),
    )
  expect(ids.filter((id) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id))).toEqual([])
  expect(ids.filter((id, place) => ids.indexOf(id) !== place)).toEqual([])
}

export async function expectToFit(page: Page) {
  await settle(page)
  const [wanted, given] = await page.evaluate(
    () => [document.documentElement.scrollWidth, document.documentElement.clientWidth] as const,
  )
  expect(wanted).toBeLessThanOrEqual(given)
  const ends = await page.locator('table').evaluateAll((tables) => tables.map((table) => table.getBoundingClientRect().right))
  expect(Math.max(0, ...ends)).toBeLessThanOrEqual(given)
}
