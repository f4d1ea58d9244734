// The jobs that do logged requests of this webhook again.
import { Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { inboundJobsQuery } from '../../api/inboundJobs'
import { JobProgress } from '../../ui/JobProgress'

/** Those at work, and the one that ended last. */
export function InboundJobs({ webhook }: { webhook: string }) {
  const jobs = useQuery(inboundJobsQuery).data
  const mine = [...(jobs?.working ?? []), ...(jobs?.ended ?? []).slice(0, 1)].filter((job) => job.inbound_webhook_id === webhook)
  if (mine.length === 0) return null
  return (
    <Stack gap="sm" mb="sm">
      {mine.map((job) => (
        <JobProgress key={job.id} job={job} />
      ))}
    </Stack>
  )
}
