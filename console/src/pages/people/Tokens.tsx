import { Badge, Button, Group, NativeSelect, Paper, Stack, TagsInput, Table, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type CreatedToken, type Token, rolesQuery, tokensQuery, useCreateToken, useRevokeToken } from '../../api/accounts'
import { useIntent } from '../../api/keys'
import { useSession } from '../../api/session'
import { Confirm } from '../../ui/Confirm'
import { Empty } from '../../ui/Empty'
import { Listing } from '../../ui/Listing'
import { MomentInput } from '../../ui/MomentInput'
import { Notice } from '../../ui/Notice'
import { Refresh } from '../../ui/Refresh'
import { SecretOnce } from '../../ui/SecretOnce'
import { Time } from '../../ui/Time'
import { domId } from '../../ui/domId'
import { tell, tellProblem } from '../../ui/notify'
import { useProblems } from '../../ui/useProblems'

export function Tokens() {
  const { t } = useTranslation()
  const { may } = useSession()
  const query = useInfiniteQuery(tokensQuery)
  const [made, setMade] = useState<CreatedToken>()
  return (
    <Stack gap="sm">
      {may('token:write') && <NewToken onMade={setMade} />}
      {made && (
        <SecretOnce
          name={made.name}
          secret={made.token}
          title={t('people.tokenTitle', { name: made.name })}
          lead={t('people.tokenLead')}
          onStored={() => setMade(undefined)}
        />
      )}
      <Refresh id="tokens-refresh" of={[query]} kinds={['tokens']} />
      <Listing id="tokens" of={query} empty={<Empty id="tokens-empty" text={t('people.noTokens')} />}>
        {(rows) => <TokenTable rows={rows} />}
      </Listing>
    </Stack>
  )
}

function NewToken({ onMade }: { onMade: (made: CreatedToken) => void }) {
  const { t } = useTranslation()
  const intent = useIntent()
  const create = useCreateToken()
  const roles = useQuery(rolesQuery).data?.data ?? []
  const form = useForm({
    initialValues: { name: '', role: 'publisher', scopes: [] as string[], expires_at: '' },
    validate: { name: (value) => (value.trim() ? null : t('create.needName')) },
  })
  const rest = useProblems(form, create.error, ['name', 'role', 'scopes', 'expires_at'])
  const submit = form.onSubmit(({ name, role, scopes, expires_at }) => {
    const body = { name: name.trim(), role, ...(scopes.length > 0 ? { scopes } : {}), ...(expires_at ? { expires_at } : {}) }
    create.mutate(
      { ...body, key: intent.keyFor(body) },
      { onSuccess: (made) => [intent.done(), form.reset(), onMade(made)] },
    )
  })
  return (
    <Paper p="md">
      <form id="token-form" onSubmit={submit} noValidate>
        <Group gap="sm" align="end">
          <TextInput id="token-name" size="xs" label={t('people.newToken')} {...form.getInputProps('name')} />
          <NativeSelect
            id="token-role"
            label={t('people.role')}
            data={roles.map(({ name }) => name)}
            {...form.getInputProps('role')}
          />
          <TagsInput
            id="token-scopes"
            size="xs"
            miw={220}
            label={t('people.scopes')}
            placeholder={form.values.scopes.length > 0 ? undefined : t('people.scopesAll')}
            {...form.getInputProps('scopes')}
          />
          <MomentInput
            id="token-expires"
            label={t('people.expires')}
            value={undefined}
            onChange={(moment) => form.setFieldValue('expires_at', moment ?? '')}
          />
          <Button id="token-submit" type="submit" loading={create.isPending}>
            {t('create.submit')}
          </Button>
        </Group>
        {rest && <Notice id="token-problem" error={create.error} />}
      </form>
    </Paper>
  )
}

function TokenTable({ rows }: { rows: Token[] }) {
  const { t } = useTranslation()
  const { may } = useSession()
  const revoke = useRevokeToken()
  const [asked, setAsked] = useState<Token>()
  function run() {
    if (!asked) return
    revoke.mutate(asked.id, {
      onSuccess: () => [tell(t('people.revoked', { name: asked.name })), setAsked(undefined)],
      onError: tellProblem,
    })
  }
  return (
    <>
      <Table className="rows" aria-label={t('people.tokens')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('people.name')}</Table.Th>
            <Table.Th>{t('people.role')}</Table.Th>
            <Table.Th className="wide">{t('people.scopes')}</Table.Th>
            <Table.Th className="middling">{t('common.created')}</Table.Th>
            <Table.Th className="middling">{t('people.expires')}</Table.Th>
            <Table.Th>{t('people.state')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.id}>
              <Table.Td>{row.name}</Table.Td>
              <Table.Td>{row.role}</Table.Td>
              <Table.Td className="wide mono">{row.scopes?.join(', ') ?? t('people.scopesAll')}</Table.Td>
              <Table.Td className="middling">
                <Time at={row.created_at} />
              </Table.Td>
              <Table.Td className="middling">{row.expires_at ? <Time at={row.expires_at} /> : t('people.never')}</Table.Td>
              <Table.Td>
                {row.revoked_at ? (
                  <Badge color="gray">{t('people.isRevoked')}</Badge>
                ) : may('token:write') ? (
                  <Button id={domId('revoke', row.id)} size="compact-xs" variant="default" onClick={() => setAsked(row)}>
                    {t('people.revoke')}
                  </Button>
                ) : (
                  <Badge color="teal">{t('people.valid')}</Badge>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Confirm
        id="revoke-token"
        opened={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title={t('people.revokeTitle', { name: asked?.name ?? '' })}
        text={t('people.revokeLead')}
        act={t('people.revoke')}
        danger
        busy={revoke.isPending}
        onAct={run}
      />
    </>
  )
}
