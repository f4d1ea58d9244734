// The library's links and buttons, led by the router.
import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import type { ReactNode, Ref } from 'react'

type Own = { id: string; children?: ReactNode; ref?: Ref<HTMLAnchorElement>; 'aria-label'?: string }

function MantineAnchor(props: Omit<AnchorProps, 'href'> & Own) {
  return <Anchor {...props} />
}

function MantineButton({ ref, ...props }: Omit<ButtonProps, 'href'> & Own) {
  return <Button component="a" ref={ref} {...props} />
}

export const AnchorLink = createLink(MantineAnchor)
export const ButtonLink = createLink(MantineButton)
