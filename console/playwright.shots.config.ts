// The README's pictures: scripts/screenshots.sh. No test, and not run by CI.
import tests from './playwright.config'

export default { ...tests, testMatch: '*.shots.ts' }
