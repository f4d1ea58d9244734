/** The product's mark: a line that is switched to another track. */
export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden focusable="false">
      <rect width="32" height="32" rx="7" fill="var(--mantine-color-lake-7)" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
        <path d="M6 11h6l8 10h6M22.500 17.500 26 21l-3.500 3.500M20 11h6M6 21h6" />
      </g>
    </svg>
  )
}
