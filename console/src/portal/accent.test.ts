import { expect, test } from 'vitest'

import { contrast, night, shades } from './accent'

const channel = ['00', '33', '80', 'cc', 'ff']
const colours = channel.flatMap((red) => channel.flatMap((green) => channel.map((blue) => `#${red}${green}${blue}`)))

test('white text can be read on every host colour, and every host colour on its grounds', () => {
  for (const colour of colours) {
    const made = shades(colour)
    expect(made).toHaveLength(10)
    for (const filled of [made[6], made[7]]) expect(contrast(String(filled), '#ffffff'), colour).toBeGreaterThanOrEqual(4.5)
    expect(contrast(String(made[9]), String(made[0])), colour).toBeGreaterThanOrEqual(4.5)
    // Secondary text in dark colours (`theme.ts`).
    for (const text of ['#9aa6b4', String(made[0])]) expect(contrast(night(colour), text), colour).toBeGreaterThanOrEqual(4.5)
    for (const pale of [made[2], made[4]]) expect(contrast(String(pale), '#2c3541'), colour).toBeGreaterThanOrEqual(4.5)
  }
})

test('a colour that can be read already stays as it is', () => {
  expect(contrast('#0b7285', String(shades('#0b7285')[6]))).toBeLessThan(1.02)
})
