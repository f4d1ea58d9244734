import { ActionIcon, Group, NativeSelect, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { IconMoon, IconSun } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import { type Language, choose, languages } from '../i18n'

/** Language and colours: kept in the browser, the same for everybody who uses it. */
export function Preferences({ scope }: { scope: string }) {
  const { t, i18n } = useTranslation()
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const turn = scheme === 'dark' ? t('app.toLight') : t('app.toDark')
  return (
    <Group gap="xs" justify="center" wrap="nowrap">
      <NativeSelect
        id={`${scope}-language`}
        aria-label={t('app.language')}
        value={i18n.language}
        onChange={(event) => void choose(event.currentTarget.value as Language)}
        data={Object.entries(languages).map(([value, label]) => ({ value, label }))}
        flex={1}
      />
      <ActionIcon
        id={`${scope}-colours`}
        variant="default"
        size={30}
        aria-label={turn}
        title={turn}
        onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
      >
        {scheme === 'dark' ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />}
      </ActionIcon>
    </Group>
  )
}
