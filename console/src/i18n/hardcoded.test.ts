// Texts that stand in the code instead of the catalogue are found: the rules of eslint.config.js are asked.
// @vitest-environment node
import { ESLint } from 'eslint'
import { expect, test } from 'vitest'

const eslint = new ESLint({ cwd: process.cwd() })
const complaints = async (code: string) => {
  const [result] = await eslint.lintText(code, { filePath: 'src/pages/Sample.tsx' })
  const rules = ['i18next/no-literal-string', 'no-restricted-syntax']
  return result?.messages.filter(({ ruleId }) => ruleId && rules.includes(ruleId)).length ?? 0
}

test.each([
  ['between tags', 'export const Sample = () => <p>Save all</p>'],
  ['as a label', 'export const Sample = () => <TextInput id="a" label="Name" />'],
  ['for screen readers alone', 'export const Sample = () => <button id="a" aria-label="Close" />'],
  ['chosen by a condition', "export const Sample = (on: boolean) => <p>{on ? 'Yes' : 'No'}</p>"],
  ['in a message', "export const tell = () => show({ message: 'Saved it' })"],
])('a text %s is found', async (_, code) => {
  expect(await complaints(code)).toBeGreaterThan(0)
}, 60_000)

test('a text from the catalogue is not', async () => {
  expect(await complaints("export const Sample = ({ t }: { t: (key: string) => string }) => <p>{t('desk.edit')}</p>")).toBe(0)
}, 60_000)
