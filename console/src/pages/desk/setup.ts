// What other records are sorted by, and the whole list of nouns.
import type { NounKey } from '../../api/desk'
import { type Noun, flag, long, text, to, user, whole, words } from './nouns'
import * as people from './people'
import * as work from './work'

const colour = text('color', { kind: 'colour', room: 'middling', width: 110 })

const tags: Noun = {
  key: 'tags',
  prefix: 'tag',
  kind: 'tag',
  schema: 'Tag',
  title: ['tag_text'],
  created: 'created_at',
  fields: [
    text('tag_text', { required: true }),
    words('tagged_type', ['ticket', 'client', 'contact', 'project', 'project_task'], {
      required: true,
      given: 'once',
      room: 'always',
    }),
    text('background_color', { kind: 'colour', room: 'middling' }),
    text('text_color', { kind: 'colour', room: 'wide' }),
  ],
  filters: ['tagged_type', 'tag_text'],
  first: 1,
  related: [],
}

const teams: Noun = {
  key: 'teams',
  prefix: 'tea',
  kind: 'team',
  schema: 'Team',
  title: ['team_name'],
  created: 'created_at',
  fields: [text('team_name', { required: true }), user('manager_user_id', { room: 'always' }), long('description')],
  filters: ['manager_user_id'],
  related: [
    { noun: 'tickets', by: 'assigned_team_id', make: true },
    { noun: 'project-tasks', by: 'assigned_team_id' },
  ],
}

const boards: Noun = {
  key: 'boards',
  prefix: 'brd',
  kind: 'board',
  schema: 'Board',
  title: ['board_name'],
  created: 'created_at',
  fields: [
    text('board_name', { required: true }),
    flag('is_default', { room: 'always', width: 100 }),
    whole('display_order', { room: 'middling', width: 90 }),
    to('priorities', 'default_priority_id', { room: 'middling' }),
    user('default_assigned_to', { room: 'wide' }),
    to('teams', 'default_assigned_team_id', { room: 'wide' }),
    long('description'),
    flag('is_inactive'),
  ],
  filters: ['is_inactive'],
  related: [
    { noun: 'statuses', by: 'board_id', make: true },
    { noun: 'categories', by: 'board_id', make: true },
    { noun: 'tickets', by: 'board_id', make: true },
  ],
}

const statuses: Noun = {
  key: 'statuses',
  prefix: 'sts',
  kind: 'status',
  schema: 'Status',
  title: ['name'],
  created: 'created_at',
  fields: [
    text('name', { required: true }),
    to('boards', 'board_id', { required: true, room: 'always' }),
    flag('is_closed', { room: 'middling', width: 110 }),
    flag('is_default', { room: 'middling', width: 100 }),
    whole('order_number', { room: 'wide', width: 90 }),
    colour,
  ],
  filters: ['board_id'],
  related: [{ noun: 'tickets', by: 'status_id' }],
}

const priorities: Noun = {
  key: 'priorities',
  prefix: 'pri',
  kind: 'priority',
  schema: 'Priority',
  title: ['priority_name'],
  created: 'created_at',
  fields: [
    text('priority_name', { required: true }),
    whole('order_number', { room: 'always', width: 100 }),
    flag('is_default', { room: 'middling', width: 110 }),
    colour,
  ],
  filters: [],
  related: [{ noun: 'tickets', by: 'priority_id' }],
}

const categories: Noun = {
  key: 'categories',
  prefix: 'cat',
  kind: 'category',
  schema: 'Category',
  title: ['category_name'],
  created: 'created_at',
  fields: [
    text('category_name', { required: true }),
    to('boards', 'board_id', { room: 'always' }),
    to('categories', 'parent_category', { within: { board_id: 'board_id' }, room: 'middling' }),
  ],
  filters: ['board_id', 'parent_category'],
  related: [
    { noun: 'categories', by: 'parent_category', make: true },
    { noun: 'tickets', by: 'category_id' },
  ],
}

export const nouns: Record<NounKey, Noun> = {
  tickets: work.tickets,
  alerts: work.alerts,
  evidence: work.evidence,
  clients: people.clients,
  locations: people.locations,
  contacts: people.contacts,
  assets: people.assets,
  projects: work.projects,
  'project-phases': work.phases,
  'project-statuses': work.projectStatuses,
  'project-tasks': work.projectTasks,
  'time-entries': work.timeEntries,
  'time-sheets': work.timeSheets,
  'time-periods': work.timePeriods,
  services: people.services,
  invoices: people.invoices,
  tags,
  teams,
  boards,
  statuses,
  priorities,
  categories,
}
