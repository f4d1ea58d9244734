// The console's look: calm, dense, and with enough contrast for WCAG AA in both colour schemes.
import { type CSSVariablesResolver, type MantineColorsTuple, createTheme } from '@mantine/core'

const lake: MantineColorsTuple = [
  '#edf5fa',
  '#d8e8f2',
  '#b1d1e5',
  '#86b8d8',
  '#62a3cb',
  '#4590be',
  '#2c78ab',
  '#1f6190',
  '#194f76',
  '#123c5a',
]

const slate: MantineColorsTuple = [
  '#dbe1e8',
  '#b4bdc9',
  '#95a1af',
  '#6c7888',
  '#3b4654',
  '#2c3541',
  '#222a34',
  '#161b22',
  '#10141a',
  '#0b0e12',
]

const mono = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace'

export const theme = createTheme({
  colors: { lake, dark: slate },
  primaryColor: 'lake',
  primaryShade: { light: 7, dark: 6 },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  // Whoever asks their system for less motion gets none here.
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: mono,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '1.25rem' }, h2: { fontSize: '0.9375rem' }, h3: { fontSize: '0.875rem' } },
  },
  components: {
    // A state that is cut off says nothing.
    Badge: { defaultProps: { variant: 'light', tt: 'none', radius: 'sm', fw: 600, miw: 'max-content' } },
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'sm' } },
    NativeSelect: { defaultProps: { size: 'xs' } },
    Paper: { defaultProps: { withBorder: true, radius: 'md' } },
    Table: { defaultProps: { verticalSpacing: 7, horizontalSpacing: 'sm', highlightOnHover: true } },
  },
})

// Mantine's grey for secondary text is too pale for AA, and its light badges are too near their ground.
const tones = ['lake', 'teal', 'yellow', 'red', 'gray', 'grape'] as const

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#ffffff',
    '--ground': '#f5f7f9',
    '--line': '#dfe4e9',
    '--mantine-color-text': '#1b222b',
    '--mantine-color-dimmed': '#55606e',
    '--mantine-color-placeholder': '#6b7684',
    '--mantine-color-error': '#c02020',
    '--mantine-color-default-border': '#c9d1d9',
    ...Object.fromEntries(
      tones.flatMap((tone) => [
        [
          `--mantine-color-${tone}-light`,
          tone === 'gray' ? '#e9edf1' : `var(--mantine-color-${tone}-${tone === 'yellow' ? '1' : '0'})`,
        ],
        [`--mantine-color-${tone}-light-color`, lightText[tone]],
      ]),
    ),
  },
  dark: {
    '--ground': '#10141a',
    '--line': '#2c3541',
    '--mantine-color-dimmed': '#9aa6b4',
    '--mantine-color-placeholder': '#8390a0',
    '--mantine-color-error': '#ff8f8f',
    ...Object.fromEntries(
      tones.flatMap((tone) => [
        [`--mantine-color-${tone}-light`, darkGround[tone]],
        [`--mantine-color-${tone}-light-color`, `var(--mantine-color-${tone}-${tone === 'gray' ? '4' : '2'})`],
      ]),
    ),
  },
})

const lightText = { lake: '#194f76', teal: '#04664a', yellow: '#7a4a00', red: '#a51111', gray: '#434d59', grape: '#7a2590' }
const darkGround = { lake: '#16344b', teal: '#0d3a2e', yellow: '#43310a', red: '#4a1d20', gray: '#2b333d', grape: '#3a2143' }
