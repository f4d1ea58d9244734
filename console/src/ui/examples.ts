// What may stand in an input, in the language of the API: the same whoever reads it.
export const examples = {
  type: 'invoice.paid',
  eventId: 'evt_…',
  actor: 'user:usr_…',
  action: 'destination.created',
  target: 'dst_…',
  when: "status = 'firing'",
  filter: 'payload.amount > 1000',
  transform: "{ 'text': payload.title }",
} as const
