/** What the audit page shows, as its address says: filter, order, page and open event. A link shows the same again. */
import type { AuditFilter, AuditOrder } from '../graphql/generated/graphql'

export const PAGE = 50

export const TEXTS = ['person', 'role', 'organisation', 'case', 'subject', 'type', 'outcome'] as const
export type TextKey = (typeof TEXTS)[number]

export type View = {
  texts: Partial<Record<TextKey, string>>
  /** RFC 3339, UTC. */
  since: string | undefined
  until: string | undefined
  oldestFirst: boolean
  /** A cursor and the side of it that is shown; undefined at the newest (or oldest) end. */
  page: { after: string } | { before: string } | undefined
  /** Position of the event in the drawer. */
  event: number | undefined
}

export const EVERYTHING: View = {
  texts: {},
  since: undefined,
  until: undefined,
  oldestFirst: false,
  page: undefined,
  event: undefined,
}

function moment(text: string | null): string | undefined {
  const at = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(at) ? undefined : new Date(at).toISOString()
}

export function readSearch(search: string): View {
  const given = new URLSearchParams(search)
  const texts: View['texts'] = {}
  for (const key of TEXTS) {
    const value = given.get(key)?.trim()
    if (value) texts[key] = value
  }
  const after = given.get('after')
  const before = given.get('before')
  const event = Number(given.get('event') ?? Number.NaN)
  return {
    texts,
    since: moment(given.get('since')),
    until: moment(given.get('until')),
    oldestFirst: given.get('order') === 'oldest',
    page: after ? { after } : before ? { before } : undefined,
    event: Number.isSafeInteger(event) && event > 0 ? event : undefined,
  }
}

export function writeSearch(view: View): string {
  const said = new URLSearchParams()
  for (const key of TEXTS) {
    const value = view.texts[key]
    if (value) said.set(key, value)
  }
  if (view.since) said.set('since', view.since)
  if (view.until) said.set('until', view.until)
  if (view.oldestFirst) said.set('order', 'oldest')
  if (view.page) for (const [side, cursor] of Object.entries(view.page)) said.set(side, cursor)
  if (view.event) said.set('event', String(view.event))
  return said.toString()
}

export function filterOf(view: View): AuditFilter | null {
  const filter: AuditFilter = {}
  const { person, role, organisation, case: caseNumber, subject, type, outcome } = view.texts
  if (person) filter.personId = person
  if (role) filter.role = role
  if (organisation) filter.organisation = organisation
  if (caseNumber) filter.caseNumber = caseNumber
  if (subject) filter.subject = subject
  if (outcome) filter.outcome = outcome
  if (type) filter.type = type
  if (view.since) filter.since = view.since
  if (view.until) filter.until = view.until
  return Object.keys(filter).length > 0 ? filter : null
}

type Paging = { first?: number; after?: string; last?: number; before?: string }

export function variablesOf(view: View): { filter: AuditFilter | null; order: AuditOrder } & Paging {
  const page: Paging =
    view.page && 'before' in view.page ? { last: PAGE, before: view.page.before } : { first: PAGE, ...view.page }
  return { filter: filterOf(view), order: view.oldestFirst ? 'POSITION_ASC' : 'POSITION_DESC', ...page }
}

/** The event's JSON with indentation; its text as it is when it cannot be read. */
export function pretty(content: string): string {
  try {
    return JSON.stringify(JSON.parse(content), null, 2)
  } catch {
    return content
  }
}
