import type { UseFormReturnType } from '@mantine/form'
import { useEffect } from 'react'

import { serverErrors } from './serverErrors'

/** Shows the server's complaints beside their inputs; says whether some have no input to stand beside. */
export function useProblems<T>(form: UseFormReturnType<T>, error: unknown, known: readonly string[]): boolean {
  const { setErrors } = form
  const names = known.join(' ')
  useEffect(() => {
    if (error) setErrors(serverErrors(error, names.split(' ')))
  }, [error, setErrors, names])
  return Boolean(error) && Object.keys(serverErrors(error, known)).length === 0
}
