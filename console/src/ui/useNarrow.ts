import { useMediaQuery } from '@mantine/hooks'

/** Whether there is room for a table's first columns only: what the others say goes below the first. */
export const useNarrow = () => useMediaQuery('(max-width: 40em)', false, { getInitialValueInEffect: false })
