// Besides the usual rules, two of the house: every text comes from the catalogue, and everything
// that can be operated has an id.
import js from '@eslint/js'
import i18next from 'eslint-plugin-i18next'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import globals from 'globals'
import ts from 'typescript-eslint'

const operable =
  '^(a|button|input|select|textarea|ActionIcon|Anchor|AnchorLink|Burger|Button|ButtonLink|CloseButton|Copy|Checkbox|Drawer|Menu.Item|NativeSelect|NavItem|PasswordInput|Refresh|SidePanel|Snippet|Switch|Textarea|TextInput)$'
const texts = 'message|title|label|description|placeholder'

const house = [
  {
    selector: `JSXOpeningElement[name.name=/${operable}/]:not(:has(> JSXAttribute[name.name="id"])):not(:has(> JSXSpreadAttribute))`,
    message: 'Everything that can be operated has an id in kebab-case.',
  },
  {
    selector: `CallExpression Property[key.name=/^(${texts})$/] > Literal[value=/[A-Za-z]{2}/]`,
    message: 'Texts come from the catalogue in src/i18n.',
  },
  {
    // scrollTo, for one, returns a promise in newer browsers, and React would call it.
    selector: 'CallExpression[callee.name="useEffect"] > ArrowFunctionExpression[body.type!="BlockStatement"]',
    message: 'What an effect returns is its clean-up: give it braces.',
  },
]

export default ts.config(
  { ignores: ['dist', 'src/api/schema.d.ts', 'test-results', 'playwright-report'] },
  js.configs.recommended,
  ts.configs.strict,
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/**/*.test.*'],
    extends: [hooks.configs.flat.recommended, a11y.flatConfigs.strict],
    plugins: { i18next },
    languageOptions: { globals: globals.browser },
    rules: {
      'no-restricted-syntax': ['error', ...house],
      // What scrolls must be reachable by keyboard.
      'jsx-a11y/no-noninteractive-tabindex': ['error', { tags: [], roles: ['tabpanel', 'group'] }],
      'i18next/no-literal-string': [
        'error',
        {
          mode: 'jsx-only',
          'jsx-attributes': { include: [`^(${texts}|aria-label|alt|error|legend|children)$`] },
          callees: { exclude: ['t', 'may', 'domId', '.*getInputProps', '.*join'] },
        },
      ],
    },
  },
  // The bodies of sample commands are data for the API.
  { files: ['src/ui/curl.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['scripts/**', '*.{js,ts}', 'e2e/**'], languageOptions: { globals: globals.node } },
)
