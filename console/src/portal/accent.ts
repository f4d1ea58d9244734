// The host's colour as ten shades that can be read: whatever it is, white text on its filled shade and
// itself on the page's ground keep the contrast that WCAG AA asks for, in both colour schemes.
import { type MantineColorsTuple, darken, lighten, luminance } from '@mantine/core'

/** White, and the lightest ground that stands behind text in dark colours (`theme.ts`). */
const WHITE = 1
const DARK_GROUND = luminance('#2c3541')
const AA = 4.5
const STEPS = 50

const ratio = (one: number, two: number) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)

export const contrast = (one: string, two: string) => ratio(luminance(one), luminance(two))

/** The first mix that is far enough from the ground. */
function until(mix: (amount: number) => string, ground: number, wanted: number): string {
  const amounts = Array.from({ length: STEPS + 1 }, (_, step) => step / STEPS)
  return mix(amounts.find((amount) => ratio(luminance(mix(amount)), ground) >= wanted) ?? 1)
}

/** The ground of what is chosen, in dark colours: secondary text stands on it too. */
export const night = (accent: string) => until((amount) => darken(accent, amount), WHITE, 12.6)

export function shades(accent: string): MantineColorsTuple {
  const dark = (wanted: number) => until((amount) => darken(accent, amount), WHITE, wanted)
  const light = (wanted: number) => until((amount) => lighten(accent, amount), DARK_GROUND, wanted)
  return [
    lighten(accent, 0.92),
    lighten(accent, 0.84),
    light(8),
    light(6),
    light(AA),
    lighten(accent, 0.2),
    dark(AA),
    dark(AA + 0.3),
    dark(7),
    dark(9),
  ]
}
