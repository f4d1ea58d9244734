import { Accordion, Paper, Stack, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { isRunning, jobsQuery } from '../../api/deadLetters'
import { JobProgress } from '../../ui/JobProgress'

/** The jobs of late: those at work in the open, those that ended folded away. */
export function Jobs() {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const jobs = useQuery(jobsQuery).data?.data ?? []
  const [working, ended] = [jobs.filter(isRunning), jobs.filter((job) => !isRunning(job))]
  // What a job did shows in the list once it is done.
  const before = useRef(0)
  useEffect(() => {
    if (before.current > working.length) void queries.invalidateQueries({ queryKey: ['dead-letters'] })
    before.current = working.length
  }, [working.length, queries])
  if (jobs.length === 0) return null
  return (
    <Paper component="section" aria-labelledby="jobs-title" p="sm">
      <Title order={2} id="jobs-title" mb="xs">
        {t('job.title')}
      </Title>
      <Stack gap="md">
        {working.map((job) => (
          <JobProgress key={job.id} job={job} />
        ))}
      </Stack>
      {ended.length > 0 && (
        <Accordion id="jobs-ended" variant="default" chevronSize={16} mt={working.length > 0 ? 'sm' : 0}>
          <Accordion.Item value="ended" style={{ border: 0 }}>
            <Accordion.Control px={0}>{t('job.ended', { count: ended.length })}</Accordion.Control>
            <Accordion.Panel>
              <Stack gap="md">
                {ended.map((job) => (
                  <JobProgress key={job.id} job={job} />
                ))}
              </Stack>
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
      )}
    </Paper>
  )
}
